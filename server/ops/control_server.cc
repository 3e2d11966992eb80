// The socket's path, and the connections that came through it.
#include "server/ops/control_server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "server/ops/control_protocol.h"

namespace sluice::ops {

namespace {

constexpr mode_t kOwnerAlone = 0600;
constexpr int kBacklog = 16;
constexpr size_t kReadAtOnce = 4096;

constexpr const char* kOtherPath =
    "take another path: `control` in the configuration, $SLUICE_CONTROL or --control";

std::string refusal(const std::string& path, const net::UnixSocket::Failure& failure) {
  const std::string process =
      failure.owner > 0 ? " (pid " + std::to_string(failure.owner) + ")" : "";
  switch (failure.obstacle) {
    case net::UnixSocket::Obstacle::live_socket:
      return "another Sluice" + process + " answers at " + path +
             ": stop it, or set control = \"PATH\" in the configuration, $SLUICE_CONTROL or "
             "--control";
    case net::UnixSocket::Obstacle::other_file:
      return "the control socket " + path + ": there is a file of that name that is no socket; " +
             kOtherPath;
    default:
      return "the control socket " + path + ": " + std::strerror(failure.error) + "; " + kOtherPath;
  }
}

}  // namespace

// One client: reads a line, answers it, reads the next. Owns itself.
class ControlConnection final : public net::EventTarget,
                                public net::Task,
                                public net::Timer,
                                public net::Retired {
 public:
  ControlConnection(ControlServer& server, net::Descriptor socket)
      : server_(server), socket_(std::move(socket)) {}

  // 0 or errno.
  int open() {
    const int error = server_.loop_.watch(socket_.get(), *this);
    if (error == 0) wait_for_line();
    return error;
  }
  // Closes at the iteration's end. A second call does nothing.
  void end() {
    if (std::exchange(ended_, true)) return;
    server_.loop_.forget(*this);
    server_.loop_.timers().cancel(*this);
    server_.forget(*this);
    server_.loop_.retire(std::unique_ptr<net::Retired>(this));
  }

  void on_event(uint32_t) override {
    if (!ended_) server_.loop_.wake(*this);
  }
  void on_timer() override { end(); }
  // One step, so that signals and other clients get their turn between two lines.
  void run() override {
    if (!flush()) return;
    const size_t line_end = input_.find('\n');
    if (line_end == std::string::npos) return read();
    answer(line_end);
  }

 private:
  // Absolute, from the last answer on: octets that trickle do not extend it.
  void wait_for_line() {
    server_.loop_.timers().set(*this, server_.loop_.now() + server_.limits_.control_timeout);
  }

  void answer(size_t line_end) {
    output_ = answer_control_line(std::string_view(input_).substr(0, line_end), server_.commands_);
    input_.erase(0, line_end + 1);
    wait_for_line();
    if (flush()) server_.loop_.wake(*this);
  }

  // True when nothing waits to be sent. Otherwise the next event goes on, or it ended.
  bool flush() {
    while (!output_.empty()) {
      const ssize_t sent =
          ::send(socket_.get(), output_.data(), output_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent < 0) {
        if (errno != EAGAIN) end();
        return false;
      }
      output_.erase(0, static_cast<size_t>(sent));
    }
    if (closing_) end();
    return !ended_;
  }

  void read() {
    if (input_.size() > server_.limits_.control_line) return refuse_line();
    const size_t before = input_.size();
    input_.resize(before + kReadAtOnce);
    const ssize_t count = ::recv(socket_.get(), input_.data() + before, kReadAtOnce, MSG_DONTWAIT);
    const int error = errno;
    input_.resize(before + static_cast<size_t>(std::max<ssize_t>(count, 0)));
    if (count > 0) return server_.loop_.wake(*this);
    if (count == 0 || error != EAGAIN) end();
  }

  void refuse_line() {
    closing_ = true;
    output_ = control_error("a line has at most " + std::to_string(server_.limits_.control_line) +
                            " octets (limit control_line)");
    flush();
  }

  ControlServer& server_;
  net::Descriptor socket_;
  std::string input_;   // at most control_line and one reading more
  std::string output_;  // one answer
  bool closing_ = false;
  bool ended_ = false;
};

ControlServer::ControlServer(net::Loop& loop, const conf::Limits& limits, ControlCommands& commands)
    : loop_(loop), limits_(limits), commands_(commands) {}

ControlServer::~ControlServer() {
  while (!connections_.empty()) connections_.back()->end();
}

std::string ControlServer::open(const ControlPath& control, std::string& warning) {
  warning = make_control_folder(control, ::geteuid());
  if (!warning.empty()) return {};
  net::UnixSocket::Failure failure{.obstacle = net::UnixSocket::Obstacle::system_error,
                                   .error = ENAMETOOLONG};
  if (control.path.size() <= net::most_unix_path())
    failure = socket_.open(control.path, kOwnerAlone, kBacklog);
  if (failure.obstacle == net::UnixSocket::Obstacle::none) return {};
  std::string error = refusal(control.path, failure);
  const bool can_do_without =
      control.by_default && failure.obstacle == net::UnixSocket::Obstacle::system_error;
  if (!can_do_without) return error;
  warning = std::move(error);
  return {};
}

int ControlServer::start() {
  if (path().empty()) return 0;
  listener_ = std::make_unique<net::Listener>(
      loop_, socket_.descriptor(), *this,
      net::ListenerOptions{.turn_accept = limits_.control_connections,
                           .accept_pause = limits_.accept_pause});
  return listener_->open();
}

void ControlServer::on_accepted(int descriptor, const net::Peer&) {
  net::Descriptor socket(descriptor);
  const net::UnixPeer peer = net::peer_of(descriptor);
  std::string error;
  if (peer.uid != ::geteuid() && peer.uid != 0) {
    error = control_error("only the user of this server and root may control it");
  } else if (connections_.size() >= limits_.control_connections) {
    error = control_error("too many connections (limit control_connections)");
  }
  if (!error.empty()) {
    ::send(descriptor, error.data(), error.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    return;
  }
  auto connection = std::make_unique<ControlConnection>(*this, std::move(socket));
  if (connection->open() == 0) connections_.push_back(connection.release());
}

void ControlServer::on_descriptors_exhausted() {
  if (!connections_.empty()) connections_.front()->end();
}

void ControlServer::forget(ControlConnection& connection) { std::erase(connections_, &connection); }

}  // namespace sluice::ops
