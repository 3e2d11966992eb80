// The floor of the benchmark: the least work that answers an HTTP/1.1 keep-alive request on epoll.
//
// A server's cost is only meaningful beside what the kernel alone costs on the same machine in the
// same second. This program does nothing but epoll_wait, recv, count the blank lines that end
// request heads (RFC 9112 section 2.1) and send a response rendered at start: no parsing, no
// routing, no timers, no log. It is no server: it answers anything, with the one file it was
// started with.
//
//   floor held FILE       head and body lie in one buffer; all answers owed leave in one send
//   floor sendfile FILE   send(MSG_MORE) of the head, then sendfile of the body
//   floor 304 FILE        the head of a 304 (Not Modified), and nothing of the file
//
// It prints `floor: listening on http://127.0.0.1:PORT` and `floor: ready` on stderr and ends on
// SIGTERM or SIGINT. Invariants:
//  1. A connection's output is one endless repetition of the same response. Its state is therefore
//     two numbers: the octets still owed, and the place within the response. A partial write moves
//     both, and no write can leave the stream out of step.
//  2. Edge-triggered in both directions, registered once (level-triggered epoll polls each ready
//     socket a second time, which would make the floor higher). A read that fills less than the
//     buffer has drained the socket, unless the event said that the peer has closed.
//  3. A connection with output owed is not read: the pending edge is remembered in `readable`.

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

constexpr size_t kReadSize = 64 * 1024;
constexpr size_t kCarry = 3;                   // octets of "\r\n\r\n" that an earlier read may hold
constexpr size_t kRepeatedBytes = 256 * 1024;  // answers of one pipelined read, laid out in a row
constexpr int kEventsPerWait = 256;
constexpr int kAcceptsPerTurn = 64;
constexpr int kBacklog = 4096;

struct Connection {
  uint64_t owed = 0;                    // octets of responses that the requests so far have earned
  uint64_t place = 0;                   // where in the response the next octet lies
  bool readable = false;                // an edge came, and the socket was not seen empty since
  bool closing = false;                 // the peer has closed its side; read on until 0
  std::array<char, kCarry> carry = {};  // the last octets read
};

enum class Flow { go_on, blocked, gone };

// What every request is answered with. `fd` is -1 when the body is held in `bytes`.
struct Response {
  std::string bytes;    // held: whole responses, repeated; sendfile: the head only
  uint64_t length = 0;  // of one response, head and body
  uint64_t head_length = 0;
  int fd = -1;
};

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "floor: error: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

std::string render_head(uint64_t body_length) {
  // The fields that a file server sends, so that the floor's packets are as long as the others'.
  return "HTTP/1.1 200 OK\r\nServer: floor\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
         "Content-Type: application/octet-stream\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 "
         "GMT\r\n"
         "Content-Length: " +
         std::to_string(body_length) + "\r\n\r\n";
}

// What a file server says about a file that the client has: its entity tag.
std::string render_not_modified() {
  return "HTTP/1.1 304 Not Modified\r\nServer: floor\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
         "ETag: \"0123456789abcdef0123456789abcdef\"\r\n\r\n";
}

// As many as fit into the buffer, so that pipelined answers leave in one send.
std::string repeat(const std::string& once) {
  std::string row;
  do {
    row += once;
  } while (row.size() + once.size() <= kRepeatedBytes);
  return row;
}

std::string read_whole(int fd, uint64_t length) {
  std::string body(length, '\0');
  uint64_t filled = 0;
  while (filled < length) {
    const ssize_t n = read(fd, body.data() + filled, length - filled);
    if (n <= 0) fail("read of the file");
    filled += static_cast<uint64_t>(n);
  }
  return body;
}

Response without_body() {
  Response response;
  const std::string head = render_not_modified();
  response.length = response.head_length = head.size();
  response.bytes = repeat(head);
  return response;
}

Response load(bool held, const char* path) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail(path);
  struct stat status {};
  if (fstat(fd, &status) != 0) fail(path);
  const auto body_length = static_cast<uint64_t>(status.st_size);
  Response response;
  response.bytes = render_head(body_length);
  response.head_length = response.bytes.size();
  response.length = response.head_length + body_length;
  if (!held) {
    response.fd = fd;
    return response;
  }
  response.bytes = repeat(response.bytes + read_whole(fd, body_length));
  close(fd);
  return response;
}

// How many "\r\n\r\n" end within `bytes`, whose first kCarry octets were counted before.
uint64_t count_blank_lines(const char* bytes, size_t length) {
  uint64_t count = 0;
  for (size_t i = 0; i + 4 <= length; ++i) {
    count += std::memcmp(bytes + i, "\r\n\r\n", 4) == 0 ? 1 : 0;
  }
  return count;
}

class Floor {
 public:
  explicit Floor(Response response) : response_(std::move(response)) {}

  // Listens on a free port of 127.0.0.1, says so, and serves until a signal ends it.
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
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (bind(listener_, generic, size) != 0) fail("bind");
    if (listen(listener_, kBacklog) != 0) fail("listen");
    if (getsockname(listener_, generic, &size) != 0) fail("getsockname");
    watch(listener_, EPOLLIN);
    std::fprintf(stderr, "floor: listening on http://127.0.0.1:%u\nfloor: ready\n",
                 static_cast<unsigned>(ntohs(address.sin_port)));
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
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) {
        // Out of descriptors there is no floor to measure: better no figure than a wrong one.
        if (errno == EMFILE || errno == ENFILE) fail("accept4");
        return;
      }
      const int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      const auto index = static_cast<size_t>(fd);
      if (connections_.size() <= index) connections_.resize(index + 1);
      connections_[index] = Connection{};
      watch(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
    }
  }

  void serve(int fd, uint32_t events) {
    Connection& connection = connections_[static_cast<size_t>(fd)];
    if ((events & EPOLLIN) != 0) connection.readable = true;
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
      connection.readable = connection.closing = true;
    }
    Flow flow = write_owed(fd, connection);
    while (flow == Flow::go_on && connection.readable) {
      flow = read_once(fd, connection);
      if (flow == Flow::go_on) flow = write_owed(fd, connection);
    }
    if (flow == Flow::gone) close(fd);
  }

  // One recv; adds to what the connection is owed. Requires: nothing owed.
  Flow read_once(int fd, Connection& connection) {
    char* fresh = buffer_.data() + kCarry;
    const ssize_t n = recv(fd, fresh, kReadSize, 0);
    if (n < 0 && errno == EAGAIN) {
      connection.readable = false;
      return Flow::go_on;
    }
    if (n <= 0) return Flow::gone;
    const auto length = static_cast<size_t>(n);
    if (length < kReadSize && !connection.closing) connection.readable = false;
    std::memcpy(buffer_.data(), connection.carry.data(), kCarry);
    connection.owed += response_.length * count_blank_lines(buffer_.data(), kCarry + length);
    std::memcpy(connection.carry.data(), buffer_.data() + length, kCarry);
    return Flow::go_on;
  }

  Flow write_owed(int fd, Connection& connection) {
    while (connection.owed > 0) {
      const ssize_t n = write_piece(fd, connection);
      if (n < 0) return errno == EAGAIN ? Flow::blocked : Flow::gone;
      if (n == 0) return Flow::gone;  // the file was cut: the client sees a short body
      connection.owed -= static_cast<uint64_t>(n);
      connection.place = (connection.place + static_cast<uint64_t>(n)) % response_.length;
    }
    return Flow::go_on;
  }

  ssize_t write_piece(int fd, const Connection& connection) const {
    if (response_.fd >= 0 && connection.place >= response_.head_length) {
      auto offset = static_cast<off_t>(connection.place - response_.head_length);
      return sendfile(fd, response_.fd, &offset, response_.length - connection.place);
    }
    const uint64_t laid_out = response_.bytes.size() - connection.place;
    const uint64_t length = std::min(connection.owed, laid_out);
    const int flags = MSG_NOSIGNAL | (response_.fd >= 0 ? MSG_MORE : 0);
    return send(fd, response_.bytes.data() + connection.place, length, flags);
  }

  Response response_;
  int poll_ = -1;
  int signals_ = -1;
  int listener_ = -1;
  std::array<epoll_event, kEventsPerWait> events_{};
  std::vector<Connection> connections_;  // by descriptor
  std::vector<char> buffer_ = std::vector<char>(kCarry + kReadSize);
};

void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) fail("getrlimit");
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) fail("setrlimit");
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view mode = argc == 3 ? argv[1] : "";
  if (mode != "held" && mode != "sendfile" && mode != "304") {
    std::fputs("usage: floor held|sendfile|304 FILE\n", stderr);
    return 2;
  }
  raise_descriptor_limit();
  std::signal(SIGPIPE, SIG_IGN);  // sendfile has no MSG_NOSIGNAL
  Floor(mode == "304" ? without_body() : load(mode == "held", argv[2])).run();
  return 0;
}
