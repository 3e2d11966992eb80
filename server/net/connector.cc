// Attempts side by side, and who wins.
//
// Events and timers only note and wake; run() alone decides, so that all of it happens in one place
// and nothing is destroyed while the loop still holds it: an attempt that ends closes its socket at
// once and is retired.
//
// Two things look like success and are none. A port of this host that nobody listens on may be the
// very one that the kernel gives the connecting socket, which then connects to itself; that is a
// refusal. And a Unix socket whose queue is full answers EAGAIN without an event to follow: that is
// asked again from time to time, as a blocking connect() would wait.
#include "server/net/connector.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

namespace sluice::net {

namespace {

// What a failure says of the upstream, the most last.
enum class Telling : uint8_t { nothing, of_ourselves, timeout, unreachable, other, refused };

struct Verdict {
  Telling telling = Telling::nothing;
  ConnectFailure failure{};
};

constexpr Verdict kTimeout{Telling::timeout,
                           {"connection_timeout", "upstream did not answer a connection attempt",
                            "upstream_connect_timeout"}};

// Errors of ours: RFC 9209 section 2.3.12.
constexpr Verdict ours(std::string_view cause) {
  return {Telling::of_ourselves, {"proxy_internal_error", cause, {}}};
}

Verdict verdict_of(int error, int family) noexcept {
  switch (error) {
    case ECONNREFUSED:
      return {Telling::refused, {"connection_refused", "upstream refused the connection", {}}};
    case ENOENT:
      return {Telling::refused, {"connection_refused", "upstream's socket does not exist", {}}};
    case ECONNRESET:
    case EPIPE:
      return {Telling::other, {"connection_terminated", "upstream reset a new connection", {}}};
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case ENETDOWN:
      return {Telling::unreachable,
              {"destination_ip_unroutable", "there is no route to the upstream", {}}};
    case ETIMEDOUT:
      return {Telling::timeout, {kTimeout.failure.error, kTimeout.failure.cause, {}}};
    case EACCES:
    case EPERM:
      if (family == AF_UNIX)
        return {Telling::refused,
                {"connection_refused", "upstream's socket may not be opened by this user", {}}};
      return {Telling::unreachable,
              {"destination_ip_prohibited", "this host forbids connections to the upstream", {}}};
    case EMFILE:
    case ENFILE:
      return ours("no descriptor is left for a connection to the upstream");
    case ENOMEM:
    case ENOBUFS:
    case ENOSPC:
      return ours("memory is short for a connection to the upstream");
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
      return ours("this host has no address or port left to reach the upstream from");
    default:
      return ours("a connection to the upstream could not be made");
  }
}

bool is_connected_to_itself(int descriptor, const SocketAddress& address) noexcept {
  if (address.family() == AF_UNIX) return false;
  sockaddr_storage own{};
  sockaddr_storage peer{};
  socklen_t own_size = sizeof own;
  socklen_t peer_size = sizeof peer;
  return ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&own), &own_size) == 0 &&
         ::getpeername(descriptor, reinterpret_cast<sockaddr*>(&peer), &peer_size) == 0 &&
         own_size == peer_size && std::memcmp(&own, &peer, own_size) == 0;
}

// One address. Its owner drops it through give_up().
class Attempt final : public EventTarget, public Retired {
 public:
  enum class Stage : uint8_t { connecting, queue_full, connected, failed };

  Attempt(Loop& loop, Task& task, const SocketAddress& address, Time deadline)
      : loop_(loop), task_(&task), address_(address), deadline_(deadline) {}

  void begin();
  // Takes in what has happened until now.
  void look();

  Stage stage() const noexcept { return stage_; }
  const SocketAddress& address() const noexcept { return address_; }
  const Verdict& verdict() const noexcept { return verdict_; }  // of one that failed
  // When look() is due even without an event.
  Time due() const noexcept {
    return stage_ == Stage::queue_full ? std::min(again_at_, deadline_) : deadline_;
  }

  // The socket of one that is connected, out of the loop.
  Descriptor take_descriptor() noexcept {
    if (watched_) loop_.unwatch(descriptor_.get());
    return std::move(descriptor_);
  }
  // No event reaches the task any more, and the socket is closed.
  void give_up() noexcept {
    task_ = nullptr;
    Descriptor closing = std::move(descriptor_);
  }

  void on_event(uint32_t epoll_events) override {
    if ((epoll_events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0 || task_ == nullptr) return;
    has_outcome_ = true;
    loop_.wake(*task_);
  }

 private:
  void connect();
  void watch();
  void take_outcome();
  void fail(const Verdict& verdict) noexcept {
    stage_ = Stage::failed;
    verdict_ = verdict;
  }
  void fail(int error) noexcept { fail(verdict_of(error, address_.family())); }

  Loop& loop_;
  Task* task_;
  const SocketAddress address_;
  const Time deadline_;
  Time again_at_{};  // of a full queue
  Descriptor descriptor_;
  Verdict verdict_;
  Stage stage_ = Stage::connecting;
  bool watched_ = false;
  bool has_outcome_ = false;
};

void Attempt::begin() {
  descriptor_ =
      Descriptor(::socket(address_.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (descriptor_.get() < 0) return fail(errno);
  if (address_.family() != AF_UNIX) {
    const int on = 1;
    ::setsockopt(descriptor_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  connect();
}

void Attempt::connect() {
  if (::connect(descriptor_.get(), address_.get(), address_.size()) == 0) {
    stage_ = Stage::connected;
    return;
  }
  if (errno == EINPROGRESS || errno == EINTR) return watch();
  if (errno != EAGAIN || address_.family() != AF_UNIX) return fail(errno);
  stage_ = Stage::queue_full;
  again_at_ = loop_.now() + TimerWheel::kTick;
}

void Attempt::watch() {
  stage_ = Stage::connecting;
  if (const int error = loop_.watch(descriptor_.get(), *this); error != 0) return fail(error);
  watched_ = true;
}

void Attempt::look() {
  if (stage_ == Stage::queue_full && loop_.now() >= again_at_) connect();
  if (stage_ == Stage::connecting && has_outcome_) take_outcome();
  const bool is_open = stage_ == Stage::connecting || stage_ == Stage::queue_full;
  if (is_open && loop_.now() >= deadline_) fail(kTimeout);
}

void Attempt::take_outcome() {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(descriptor_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error == 0 && is_connected_to_itself(descriptor_.get(), address_)) error = ECONNREFUSED;
  if (error != 0) return fail(error);
  stage_ = Stage::connected;
}

}  // namespace

struct Connector::State final : Task, Timer {
  State(Loop& on, ConnectorEvents& told) : loop(on), events(told) {}
  ~State() { stop(); }

  void start(std::span<const SocketAddress> to_try, std::chrono::milliseconds most);
  void stop() noexcept;
  void run() override;
  void on_timer() override { loop.wake(*this); }

  bool begin_next();
  Attempt* look();
  void drop(std::unique_ptr<Attempt> attempt);
  void wait();
  void tell_connected(Attempt& winner);
  void tell_failed();

  Loop& loop;
  ConnectorEvents& events;
  std::vector<SocketAddress> addresses;
  std::chrono::milliseconds timeout{};
  size_t tried = 0;  // of addresses
  Time next_at{};    // when the next one is tried, unless all before have failed
  std::vector<std::unique_ptr<Attempt>> attempts;  // under way, in their order
  Verdict worst;                                   // of those that failed
  bool running = false;
};

void Connector::State::start(std::span<const SocketAddress> to_try,
                             std::chrono::milliseconds most) {
  assert(!running && !to_try.empty());
  addresses.assign(to_try.begin(), to_try.end());
  timeout = most;
  tried = 0;
  worst = {};
  running = true;
  begin_next();
  if (attempts.front()->stage() != Attempt::Stage::connecting) loop.wake(*this);
  wait();
}

void Connector::State::stop() noexcept {
  running = false;
  loop.timers().cancel(*this);
  loop.forget(*this);
  for (std::unique_ptr<Attempt>& attempt : attempts) {
    if (attempt) drop(std::move(attempt));
  }
  attempts.clear();
}

void Connector::State::drop(std::unique_ptr<Attempt> attempt) {
  attempt->give_up();
  loop.retire(std::move(attempt));
}

// What it tells is the last that it does: whoever hears it may destroy all this.
void Connector::State::run() {
  do {
    if (Attempt* const winner = look()) return tell_connected(*winner);
  } while (begin_next());
  attempts.empty() ? tell_failed() : wait();
}

// Takes stock of all attempts, and drops those that failed. Null: none is connected.
Attempt* Connector::State::look() {
  for (std::unique_ptr<Attempt>& attempt : attempts) {
    attempt->look();
    if (attempt->stage() == Attempt::Stage::connected) return attempt.get();
    if (attempt->stage() != Attempt::Stage::failed) continue;
    if (attempt->verdict().telling > worst.telling) worst = attempt->verdict();
    drop(std::move(attempt));
  }
  std::erase(attempts, nullptr);
  return nullptr;
}

// False when no further address is due.
bool Connector::State::begin_next() {
  if (tried == addresses.size() || (!attempts.empty() && loop.now() < next_at)) return false;
  next_at = loop.now() + kAttemptDelay;
  attempts.push_back(
      std::make_unique<Attempt>(loop, *this, addresses[tried++], loop.now() + timeout));
  attempts.back()->begin();
  return true;
}

void Connector::State::wait() {
  Time due = tried < addresses.size() ? next_at : Time::max();
  for (const std::unique_ptr<Attempt>& attempt : attempts) due = std::min(due, attempt->due());
  loop.timers().set(*this, due);
}

void Connector::State::tell_connected(Attempt& winner) {
  Descriptor descriptor = winner.take_descriptor();
  const SocketAddress address = winner.address();
  stop();
  events.on_connected(std::move(descriptor), address);
}

void Connector::State::tell_failed() {
  const ConnectFailure failure = worst.failure;
  stop();
  events.on_connect_failed(failure);
}

Connector::Connector(Loop& loop, ConnectorEvents& events)
    : state_(std::make_unique<State>(loop, events)) {}
Connector::~Connector() = default;

void Connector::start(std::span<const SocketAddress> addresses, std::chrono::milliseconds timeout) {
  state_->start(addresses, timeout);
}
bool Connector::running() const noexcept { return state_->running; }
void Connector::stop() noexcept { state_->stop(); }

}  // namespace sluice::net
