// The floor of the proxy benchmark: the least work that puts a process between client and origin.
//
// What a proxy costs is only meaningful beside what moving the octets costs on the same machine in
// the same second. This program accepts connections, opens one connection to the origin for each,
// keeps both, and moves what one brings to the other: no parsing, no pool, no timers, no log. It is
// no proxy: it forwards anything, and a request follows its client's connection.
//
//   proxy_floor copy PORT      by recv and send; the origin listens on 127.0.0.1:PORT
//   proxy_floor splice PORT    by splice(2) through a pipe for each direction, copying nothing
//
// It prints `floor: listening on http://127.0.0.1:PORT` and `floor: ready` on stderr (`splice: ...`
// when it splices) and ends on SIGTERM or SIGINT. Invariants:
//  1. Octets are held for a socket only while it takes no more; then its peer is not read. So an
//     idle connection holds nothing, and a busy one at most one read, or one pipe.
//  2. Edge-triggered in both directions, registered once. A read that fills less than the buffer
//     has drained the socket, unless the event said that the other end has closed. A splice that
//     moved less may have filled the pipe, whose places small segments take as well as large ones:
//     only EAGAIN says that the socket is drained.
//  3. Either end's close ends both: all that was read before has been sent, or its reader is gone.

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

// Measured with responses of 64 KiB: reads of 64 KiB made them cost a sixth more, reads of 16 KiB a
// half more, and reads of 256 KiB no less.
constexpr size_t kReadSize = 128 * 1024;
constexpr int kPipeSize = 256 * 1024;  // 128 of these are below what Linux lets one user have
constexpr int kEventsPerWait = 256;
constexpr int kAcceptsPerTurn = 64;
constexpr int kBacklog = 4096;

// One socket of a pair.
struct End {
  int peer = -1;          // the other socket; -1: this descriptor is not open
  bool readable = false;  // an edge came, and the socket was not seen empty since
  bool closing = false;   // the other side has closed; read on until 0
  std::string owed;       // what this socket has yet to take
  size_t piped = 0;       // the same, where it lies in the pipe to this socket
  std::array<int, 2> pipe = {-1, -1};
};

enum class Flow { go_on, blocked, gone };

const char* own_name = "floor";

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "%s: error: %s: %s\n", own_name, what, std::strerror(errno));
  std::exit(1);
}

sockaddr_in loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

class ProxyFloor {
 public:
  ProxyFloor(bool splices, uint16_t origin_port)
      : splices_(splices), origin_(loopback(origin_port)) {}

  // Listens on a free port of 127.0.0.1, says so, and forwards until a signal ends it.
  void run() {
    poll_ = epoll_create1(EPOLL_CLOEXEC);
    if (poll_ < 0) fail("epoll_create1");
    watch_signals();
    listen_on_free_port();
    while (turn()) {
    }
  }

 private:
  void watch(int fd, uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    if (epoll_ctl(poll_, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
  }

  void watch_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (sigprocmask(SIG_BLOCK, &set, nullptr) != 0) fail("sigprocmask");
    signals_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals_ < 0) fail("signalfd");
    watch(signals_, EPOLLIN);
  }

  void listen_on_free_port() {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener_ < 0) fail("socket");
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof(address);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (bind(listener_, generic, size) != 0) fail("bind");
    if (listen(listener_, kBacklog) != 0) fail("listen");
    if (getsockname(listener_, generic, &size) != 0) fail("getsockname");
    watch(listener_, EPOLLIN);
    std::fprintf(stderr, "%s: listening on http://127.0.0.1:%u\n%s: ready\n", own_name,
                 static_cast<unsigned>(ntohs(address.sin_port)), own_name);
  }

  // One epoll_wait and what it brought. False when a signal asked for the end.
  bool turn() {
    const int count = epoll_wait(poll_, events_.data(), kEventsPerWait, -1);
    if (count < 0 && errno != EINTR) fail("epoll_wait");
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events_[static_cast<size_t>(i)];
      if (event.data.fd == signals_) return false;
      if (event.data.fd == listener_) {
        accept_some();
      } else {
        serve(event.data.fd, event.events);
      }
    }
    return true;
  }

  void accept_some() {
    for (int i = 0; i < kAcceptsPerTurn; ++i) {
      const int client = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (client < 0) {
        // Out of descriptors there is no floor to measure: better no figure than a wrong one.
        if (errno == EMFILE || errno == ENFILE) fail("accept4");
        return;
      }
      pair_up(client, connect_to_origin());
    }
  }

  // Waits for the connection: on the loopback it is there at once, and it is made once a client.
  int connect_to_origin() const {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) fail("socket");
    const auto* generic = reinterpret_cast<const sockaddr*>(&origin_);
    if (connect(fd, generic, sizeof(origin_)) != 0) fail("connect to the origin");
    if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0) fail("fcntl");
    return fd;
  }

  void pair_up(int client, int origin) {
    const auto highest = static_cast<size_t>(client > origin ? client : origin);
    if (ends_.size() <= highest) ends_.resize(highest + 1);
    const int on = 1;
    for (const int fd : {client, origin}) {
      end(fd) = End{};
      end(fd).peer = fd == client ? origin : client;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      if (splices_) open_pipe(end(fd));
      watch(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
    }
  }

  static void open_pipe(End& end) {
    if (pipe2(end.pipe.data(), O_NONBLOCK | O_CLOEXEC) != 0) fail("pipe2");
    if (fcntl(end.pipe[1], F_SETPIPE_SZ, kPipeSize) < 0) fail("F_SETPIPE_SZ");
  }

  End& end(int fd) { return ends_[static_cast<size_t>(fd)]; }

  // An event may be about a pair that ended, or was made, earlier in the same turn: it is harmless,
  // as a socket that has nothing to read says so.
  void serve(int fd, uint32_t events) {
    const int peer = end(fd).peer;
    if (peer < 0) return;
    if ((events & EPOLLIN) != 0) end(fd).readable = true;
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
      end(fd).readable = end(fd).closing = true;
    }
    Flow flow = move(fd, peer);
    if (flow != Flow::gone && (events & EPOLLOUT) != 0) flow = move(peer, fd);
    if (flow == Flow::gone) part(fd, peer);
  }

  void part(int fd, int peer) {
    for (const int one : {fd, peer}) {
      close(one);
      for (const int side : end(one).pipe) {
        if (side >= 0) close(side);
      }
      end(one) = End{};
    }
  }

  // Moves octets from one socket to the other until the first is empty or the second is full.
  Flow move(int from, int to) {
    Flow flow = splices_ ? splice_owed(to) : send_owed(to);
    while (flow == Flow::go_on && end(from).readable) {
      flow = splices_ ? splice_once(from, to) : copy_once(from, to);
    }
    return flow;
  }

  Flow send_owed(int to) {
    std::string& owed = end(to).owed;
    if (owed.empty()) return Flow::go_on;
    const ssize_t n = send(to, owed.data(), owed.size(), MSG_NOSIGNAL);
    if (n < 0) return errno == EAGAIN ? Flow::blocked : Flow::gone;
    owed.erase(0, static_cast<size_t>(n));
    return owed.empty() ? Flow::go_on : Flow::blocked;
  }

  // Requires: nothing owed to `to`.
  Flow copy_once(int from, int to) {
    const ssize_t n = recv(from, buffer_.data(), buffer_.size(), 0);
    if (n < 0 && errno == EAGAIN) {
      end(from).readable = false;
      return Flow::go_on;
    }
    if (n <= 0) return Flow::gone;
    const auto length = static_cast<size_t>(n);
    if (length < buffer_.size() && !end(from).closing) end(from).readable = false;
    const ssize_t sent = send(to, buffer_.data(), length, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) return Flow::gone;
    const size_t taken = sent < 0 ? 0 : static_cast<size_t>(sent);
    if (taken == length) return Flow::go_on;
    end(to).owed.assign(buffer_.data() + taken, length - taken);
    return Flow::blocked;
  }

  Flow splice_owed(int to) {
    End& owing = end(to);
    while (owing.piped > 0) {
      const ssize_t n = splice(owing.pipe[0], nullptr, to, nullptr, owing.piped, SPLICE_F_NONBLOCK);
      if (n < 0 && errno == EAGAIN) return Flow::blocked;
      if (n <= 0) return Flow::gone;
      owing.piped -= static_cast<size_t>(n);
    }
    return Flow::go_on;
  }

  // Requires: nothing in the pipe to `to`.
  Flow splice_once(int from, int to) {
    const ssize_t n = splice(from, nullptr, end(to).pipe[1], nullptr, kPipeSize, SPLICE_F_NONBLOCK);
    if (n < 0 && errno == EAGAIN) {
      end(from).readable = false;
      return Flow::go_on;
    }
    if (n <= 0) return Flow::gone;
    end(to).piped = static_cast<size_t>(n);
    return splice_owed(to);
  }

  bool splices_;
  sockaddr_in origin_;
  int poll_ = -1;
  int signals_ = -1;
  int listener_ = -1;
  std::array<epoll_event, kEventsPerWait> events_{};
  std::vector<End> ends_;  // by descriptor
  std::vector<char> buffer_ = std::vector<char>(kReadSize);
};

void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) fail("getrlimit");
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) fail("setrlimit");
}

// The port that the text names, or 0.
uint16_t read_port(std::string_view text) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() ? port : 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view mode = argc == 3 ? argv[1] : "";
  const uint16_t port = argc == 3 ? read_port(argv[2]) : 0;
  if ((mode != "copy" && mode != "splice") || port == 0) {
    std::fputs("usage: proxy_floor copy|splice PORT-OF-THE-ORIGIN\n", stderr);
    return 2;
  }
  raise_descriptor_limit();
  std::signal(SIGPIPE, SIG_IGN);  // splice has no MSG_NOSIGNAL
  if (mode == "splice") own_name = "splice";
  ProxyFloor(mode == "splice", port).run();
  return 0;
}
