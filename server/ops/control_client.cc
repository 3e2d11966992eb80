// Asking, and waiting for an end.
#include "server/ops/control_client.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

#include "server/net/unix_socket.h"
#include "server/ops/control_protocol.h"

namespace sluice::ops {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr size_t kAnswerAtMost = 1024 * 1024;
constexpr milliseconds kLookAgain{50};

std::string connect_error(const std::string& path, int error) {
  const std::string text = "no Sluice answers at " + path;
  switch (error) {
    case ENOENT:
      return text + ": there is no such socket. Does it run with another `control` path?";
    case ECONNREFUSED:
      return text + ": its process has ended";
    case EACCES:
    case EPERM:
      return text + ": this user may not control it; try as its user or root";
    case EAGAIN:
      return text + ": it is too busy to answer";
    default:
      return text + ": " + std::strerror(error);
  }
}

int open_process(pid_t process) {
  return process > 0 ? static_cast<int>(::syscall(SYS_pidfd_open, process, 0)) : -1;
}

}  // namespace

std::string ControlClient::connect(const ControlPath& control) {
  if (control.path.empty()) return "there is no control socket: control is \"off\"";
  if (std::string error = check_control_folder(control, ::geteuid()); !error.empty()) return error;
  path_ = control.path;
  const int descriptor = net::connect_unix(path_);
  if (descriptor < 0) return connect_error(path_, -descriptor);
  socket_ = net::Descriptor(descriptor);
  server_ = net::peer_of(descriptor).pid;
  process_ = net::Descriptor(open_process(server_));
  return {};
}

bool ControlClient::wait_for(int descriptor, short events, steady_clock::time_point until) {
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(until - steady_clock::now());
    pollfd one{.fd = descriptor, .events = events, .revents = 0};
    const int ready = ::poll(&one, 1, static_cast<int>(std::max<int64_t>(left.count(), 0)));
    if (ready > 0) return true;
    if (ready == 0) return false;
    if (errno != EINTR) return false;
  }
}

std::string ControlClient::ask(std::string_view command, milliseconds patience,
                               std::string& answer) {
  const steady_clock::time_point until = steady_clock::now() + patience;
  const std::string request = control_request(command);
  // Shorter than any socket buffer: leaves whole or not at all. Who was refused finds the reason
  // waiting for him.
  const ssize_t sent = ::send(socket_.get(), request.data(), request.size(), MSG_NOSIGNAL);
  if (sent < 0 && errno != EPIPE)
    return "the Sluice at " + path_ + " takes no commands: " + std::strerror(errno);
  answer.clear();
  char room[4096];
  while (answer.empty() || answer.back() != '\n') {
    if (!wait_for(socket_.get(), POLLIN, until))
      return "the Sluice at " + path_ + " does not answer within " +
             std::to_string(patience.count() / 1000) + " s";
    const ssize_t count = ::recv(socket_.get(), room, sizeof room, 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (count <= 0 || answer.size() > kAnswerAtMost)
      return "the Sluice at " + path_ + " ended before it answered";
    answer.append(room, static_cast<size_t>(count));
  }
  answer.pop_back();
  return {};
}

bool ControlClient::wait_for_end(milliseconds time) {
  const steady_clock::time_point until = steady_clock::now() + time;
  if (process_.get() >= 0) return wait_for(process_.get(), POLLIN, until);
  // Its number is not to be had here. Its socket is the last thing that it gives up.
  while (steady_clock::now() < until) {
    const net::Descriptor probe(net::connect_unix(path_));
    if (probe.get() == -ECONNREFUSED || probe.get() == -ENOENT) return true;
    std::this_thread::sleep_for(kLookAgain);
  }
  return false;
}

}  // namespace sluice::ops
