// A load at a fixed rate: GETs that leave when they are due, whatever became of those before.
//
// wrk sends as fast as answers come, so a server that stalls is asked less while it does, and the
// stall counts as one slow answer instead of the hundreds that clients would have waited for
// (coordinated omission). Here request n is due n/RATE seconds after the start. It takes a
// connection that is free, or waits for one, and its latency runs from when it was due to the last
// octet of its answer.
//
//   paced PORT DOCUMENT SIZE CONNECTIONS RATE SECONDS
//
// SIZE is what each answer must have, head and body: the harness has seen that all are alike long.
// One line of JSON on stdout says what came of it; latencies in microseconds. Invariants:
//  1. A connection has at most one request under way.
//  2. Every request that was due is answered, or counted in `unanswered`: none is left out.
//  3. An answer counts if it begins with "HTTP/1.1 200 " and ends with octet SIZE; all else is an
//     error, and its connection is not used again.

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr int64_t kSecond = 1'000'000'000;  // of nanoseconds, which all times are in
constexpr int64_t kGrace = 2 * kSecond;     // for the answers that the end finds under way
constexpr int kEventsPerWait = 256;
constexpr size_t kReadSize = 256 * 1024;
constexpr std::string_view kGood = "HTTP/1.1 200 ";

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "paced: error: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

int64_t now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * kSecond + time.tv_nsec;
}

struct Settings {
  uint64_t port = 0;
  std::string_view document;  // of the command line
  uint64_t size = 0;
  uint64_t connections = 0;
  uint64_t rate = 0;
  uint64_t seconds = 0;
};

struct Connection {
  int64_t due = 0;    // of the request under way
  uint64_t got = 0;   // octets of its answer
  bool busy = false;  // a request is under way
  std::array<char, kGood.size()> begin = {};
};

class Paced {
 public:
  explicit Paced(const Settings& settings)
      : settings_(settings),
        request_("GET /" + std::string(settings.document) +
                 " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(settings.port) + "\r\n\r\n") {}

  void run() {
    poll_ = epoll_create1(EPOLL_CLOEXEC);
    if (poll_ < 0) fail("epoll_create1");
    for (uint64_t i = 0; i < settings_.connections; ++i) add_connection();
    latencies_.reserve(total());
    start_ = now();
    while (due_ < total() || under_way_ > 0) {
      const int64_t time = now();
      if (free_.empty() && under_way_ == 0) break;
      if (time > start_ + static_cast<int64_t>(settings_.seconds) * kSecond + kGrace) break;
      send_due(time);
      wait();
    }
    end_ = now();
  }

  void report() {
    std::sort(latencies_.begin(), latencies_.end());
    std::printf(
        "{\"requests\":%zu,\"due\":%zu,\"unanswered\":%zu,\"errors\":%zu,\"microseconds\":%lld,"
        "\"p50\":%u,\"p99\":%u,\"greatest\":%u}\n",
        latencies_.size(), static_cast<size_t>(total()), total() - latencies_.size(), errors_,
        static_cast<long long>((end_ - start_) / 1000), percentile(50), percentile(99),
        percentile(100));
  }

 private:
  size_t total() const { return settings_.rate * settings_.seconds; }

  // When request `number` is due.
  int64_t due_at(uint64_t number) const {
    return start_ + static_cast<int64_t>(number * kSecond / settings_.rate);
  }

  void add_connection() {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) fail("socket");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<uint16_t>(settings_.port));
    if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
      fail("connect");
    }
    if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0) fail("fcntl");
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    if (epoll_ctl(poll_, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
    const auto index = static_cast<size_t>(fd);
    if (connections_.size() <= index) connections_.resize(index + 1);
    free_.push_back(fd);
  }

  // All that are due leave, as far as connections are free; the rest stays due.
  void send_due(int64_t time) {
    while (due_ < total() && due_at(due_) <= time && !free_.empty()) {
      const int fd = free_.front();
      free_.pop_front();
      Connection& connection = connections_[static_cast<size_t>(fd)];
      connection = Connection{};
      connection.due = due_at(due_++);
      connection.busy = true;
      ++under_way_;
      // A small request on a connection that waits for none: a full socket means that it is broken.
      const ssize_t n = send(fd, request_.data(), request_.size(), MSG_NOSIGNAL);
      if (n != static_cast<ssize_t>(request_.size())) give_up(fd);
    }
  }

  // Until something can be read, or the next request is due and could leave.
  void wait() {
    int64_t pause = kSecond / 10;
    if (due_ < total() && !free_.empty())
      pause = std::clamp(due_at(due_) - now(), int64_t{0}, pause);
    timespec timeout{};
    timeout.tv_nsec = pause;
    const int count = epoll_pwait2(poll_, events_.data(), kEventsPerWait, &timeout, nullptr);
    if (count < 0 && errno != EINTR) fail("epoll_pwait2");
    for (int i = 0; i < count; ++i) read_some(events_[static_cast<size_t>(i)].data.fd);
  }

  void read_some(int fd) {
    const ssize_t n = recv(fd, buffer_.data(), buffer_.size(), 0);
    if (n < 0 && errno == EAGAIN) return;
    Connection& connection = connections_[static_cast<size_t>(fd)];
    if (n <= 0 || !connection.busy) return give_up(fd);
    const auto length = static_cast<uint64_t>(n);
    for (uint64_t i = connection.got; i < kGood.size() && i < connection.got + length; ++i) {
      connection.begin[i] = buffer_[i - connection.got];
    }
    connection.got += length;
    if (connection.got > settings_.size) return give_up(fd);
    if (connection.got == settings_.size) finish(fd, connection);
  }

  void finish(int fd, Connection& connection) {
    if (std::string_view(connection.begin.data(), kGood.size()) != kGood) return give_up(fd);
    const int64_t microseconds = (now() - connection.due) / 1000;
    latencies_.push_back(static_cast<uint32_t>(std::min<int64_t>(microseconds, UINT32_MAX)));
    connection.busy = false;
    --under_way_;
    free_.push_back(fd);
  }

  void give_up(int fd) {
    Connection& connection = connections_[static_cast<size_t>(fd)];
    if (connection.busy) --under_way_;
    connection.busy = false;
    ++errors_;
    free_.erase(std::remove(free_.begin(), free_.end(), fd), free_.end());
    close(fd);
  }

  // The latency that so many of a hundred answers did not exceed; 0 when there is none.
  uint32_t percentile(size_t share) const {
    if (latencies_.empty()) return 0;
    const size_t rank = (latencies_.size() * share + 99) / 100;
    return latencies_[std::max<size_t>(rank, 1) - 1];
  }

  Settings settings_;
  std::string request_;
  int poll_ = -1;
  int64_t start_ = 0;
  int64_t end_ = 0;
  uint64_t due_ = 0;  // the next request's number
  uint64_t under_way_ = 0;
  size_t errors_ = 0;
  std::vector<Connection> connections_;  // by descriptor
  std::deque<int> free_;                 // the longest idle first, so that all are used
  std::vector<uint32_t> latencies_;      // microseconds
  std::array<epoll_event, kEventsPerWait> events_{};
  std::vector<char> buffer_ = std::vector<char>(kReadSize);
};

// A whole number from 1 on, or 0.
uint64_t read_number(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number : 0;
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  if (argc == 7) {
    settings = Settings{.port = read_number(argv[1]),
                        .document = argv[2],
                        .size = read_number(argv[3]),
                        .connections = read_number(argv[4]),
                        .rate = read_number(argv[5]),
                        .seconds = read_number(argv[6])};
  }
  if (settings.port == 0 || settings.port > UINT16_MAX || settings.size == 0 ||
      settings.connections == 0 || settings.rate == 0 || settings.seconds == 0) {
    std::fputs("usage: paced PORT DOCUMENT SIZE CONNECTIONS RATE SECONDS\n", stderr);
    return 2;
  }
  prctl(PR_SET_TIMERSLACK, 1UL);  // the usual 50 us would make requests late by as much
  Paced paced(settings);
  paced.run();
  paced.report();
  return 0;
}
