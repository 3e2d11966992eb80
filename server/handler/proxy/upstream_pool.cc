// Which connection a request gets, and what becomes of connections afterwards.
#include "server/handler/proxy/upstream_pool.h"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>

namespace sluice::handler::proxy {

namespace {

// How often idle connections are looked after, and those who wait for a name.
constexpr milliseconds kLook{250};

constexpr http::UpstreamFailure kNoPlace{.status = 503,
                                         .error = "connection_limit_reached",
                                         .cause = "too many connections to upstreams",
                                         .limit = "connections",
                                         .unread = true};

template <typename T>
void erase_one(std::vector<T>& from, const T& what) {
  if (const auto found = std::find(from.begin(), from.end(), what); found != from.end())
    from.erase(found);
}

microseconds age_of(const http::ClientConnection& connection, net::Time now) {
  return std::chrono::duration_cast<microseconds>(now - connection.idle_since());
}

}  // namespace

UpstreamPool::UpstreamPool(std::shared_ptr<http::WorkerResources> resources,
                           const ClientLimits& limits, std::shared_ptr<Upstream> upstream)
    : resources_(std::move(resources)),
      limits_(limits),
      upstream_(std::move(upstream)),
      resolution_(std::make_shared<net::Resolution>()),
      subscription_(upstream_->name().subscribe(resources_->loop, *this)) {}

UpstreamPool::~UpstreamPool() {
  assert(waiters_.empty());
  for (Attempt& attempt : attempts_) {
    attempt.connecting->stop();
    resources_->loop.retire(std::move(attempt.connecting));
  }
  for (const auto& [connection, kept] : all_) connection->close();
  resources_->loop.timers().cancel(*this);
  resources_->loop.forget(*this);
}

// --- Requests that need a connection -------------------------------------------------------------

void UpstreamPool::acquire(ConnectionWaiter& waiter, Wanted wanted, std::string prelude) {
  take_resolution();
  if (prelude.empty()) {
    if (http::ClientConnection* const found = find_kept(wanted)) {
      return waiter.on_connection(*found);
    }
  }
  if (resolution_->addresses.empty() && generation_ != 0) {
    upstream_->name().refresh();
    return waiter.on_no_connection(resolution_failure());
  }
  waiter.prelude_ = std::move(prelude);
  waiter.wanted_ = wanted;
  wait(waiter);
  connect_for_waiters();
}

void UpstreamPool::wait(ConnectionWaiter& waiter) noexcept {
  assert(!waiter.waiting_);
  waiter.waiting_ = true;
  waiter.since_ = resources_->loop.now();
  waiters_.push_back(waiter);
  set_timer();
}

ConnectionWaiter* UpstreamPool::next_waiter() noexcept {
  ConnectionWaiter* const waiter = waiters_.front();
  if (waiter == nullptr) return nullptr;
  waiters_.remove(*waiter);
  waiter->waiting_ = false;
  return waiter;
}

void UpstreamPool::forget(ConnectionWaiter& waiter) noexcept {
  if (std::exchange(waiter.waiting_, false)) waiters_.remove(waiter);
  const auto own = std::find_if(attempts_.begin(), attempts_.end(),
                                [&](const Attempt& one) { return one.only_for == &waiter; });
  if (own == attempts_.end()) return;
  own->connecting->stop();
  resources_->loop.retire(std::move(own->connecting));
  attempts_.erase(own);
}

microseconds UpstreamPool::longest_idle(Wanted wanted) const noexcept {
  const microseconds usable = upstream_->kept_time.usable();
  if (wanted != Wanted::fresh) return usable;
  return std::min({usable, upstream_->kept_time.shown(resources_->loop.now()),
                   microseconds(resources_->limits.upstream_fresh)});
}

// A stream of a connection that has others costs least; then what was idle for the shortest time.
http::ClientConnection* UpstreamPool::find_kept(Wanted wanted) {
  if (http::ClientConnection* const found = find_stream(wanted)) return found;
  return wanted != Wanted::not_kept ? find_idle(wanted) : nullptr;
}

http::ClientConnection* UpstreamPool::find_stream(Wanted wanted) {
  const microseconds most = longest_idle(wanted);
  while (!streams_.empty()) {
    http::ClientConnection* const connection = streams_.back();
    const bool kept = connection->idle() && connection->requests() > 0;
    if (kept && age_of(*connection, resources_->loop.now()) >= most) {
      drop(*connection);
      continue;
    }
    if (connection->takes_request()) return connection;
    // Full, or about to end: it comes back by on_available(), if it does.
    erase_one(streams_, connection);
  }
  return nullptr;
}

http::ClientConnection* UpstreamPool::find_idle(Wanted wanted) {
  const net::Time now = resources_->loop.now();
  const microseconds most = longest_idle(wanted);
  while (!idle_.empty()) {
    http::ClientConnection* const connection = idle_.back();
    if (age_of(*connection, now) >= most) return nullptr;  // the others are older
    idle_.pop_back();
    // Either may find that it has ended, and then it is on no list any more.
    if (!connection->takes_request()) continue;
    if (wanted == Wanted::fresh && !connection->still_open()) continue;
    return connection;
  }
  return nullptr;
}

// --- Connecting ----------------------------------------------------------------------------------

// As many as there are who wait: but one alone where it may turn out that they can share it.
void UpstreamPool::connect_for_waiters() {
  if (resolution_->addresses.empty()) return;
  if (upstream_->target().proxy_protocol != conf::UpstreamTarget::ProxyProtocol::off) {
    while (ConnectionWaiter* const waiter = next_waiter()) {
      if (!connect(waiter, std::move(waiter->prelude_))) waiter->on_no_connection(kNoPlace);
    }
    return;
  }
  using Http2 = conf::UpstreamTarget::Http2;
  const Http2 http2 = upstream_->target().http2;
  const bool may_share = http2 == Http2::always ||
                         (http2 == Http2::negotiated && upstream_->target().tls.has_value() &&
                          speaks_http2_.value_or(true));
  const auto for_anybody = static_cast<size_t>(
      std::count_if(attempts_.begin(), attempts_.end(),
                    [](const Attempt& attempt) { return attempt.only_for == nullptr; }));
  const size_t wanted = may_share ? std::min<size_t>(waiters_.size(), 1) : waiters_.size();
  for (size_t under_way = for_anybody; under_way < wanted; ++under_way) {
    if (!connect(nullptr, {})) return fail_waiters(waiters_.size() - under_way, kNoPlace);
  }
}

bool UpstreamPool::connect(ConnectionWaiter* only_for, std::string prelude) {
  ConnectionPlaces::Place place = ConnectionPlaces::take(resources_->limits);
  if (!place) return false;
  Attempt& attempt = attempts_.emplace_back();
  attempt.only_for = only_for;
  attempt.prelude = std::move(prelude);
  attempt.connecting.reset(new Connecting(*resources_, limits_, *upstream_, *this, *this,
                                          attempt.prelude, std::move(place)));
  // Addresses take turns, so that no server of several gets all.
  attempt.addresses = resolution_->addresses;
  const auto begin = attempt.addresses.begin();
  const size_t first = upstream_->next_turn() % attempt.addresses.size();
  std::rotate(begin, begin + static_cast<ptrdiff_t>(first), attempt.addresses.end());
  attempt.connecting->start(attempt.addresses);
  return true;
}

UpstreamPool::Attempt UpstreamPool::take(Connecting& connecting) {
  const auto found = std::find_if(attempts_.begin(), attempts_.end(), [&](const Attempt& one) {
    return one.connecting.get() == &connecting;
  });
  assert(found != attempts_.end());
  Attempt taken = std::move(*found);
  attempts_.erase(found);
  return taken;
}

void UpstreamPool::on_connected(Connecting& connecting, http::ClientConnection& connection,
                                const net::SocketAddress& address, bool http2) {
  Attempt attempt = take(connecting);
  take_resolution();
  resources_->loop.retire(std::move(attempt.connecting));
  all_[&connection] = {address, http2, attempt.only_for != nullptr};
  if (!is_current(address)) {
    drop(connection);
    return connect_again(std::move(attempt));
  }
  if (attempt.only_for != nullptr) return attempt.only_for->on_connection(connection);
  speaks_http2_ = http2;
  ConnectionWaiter* const first = http2 ? nullptr : next_waiter();
  if (first != nullptr) {
    first->on_connection(connection);
  } else {
    on_available(connection);
  }
  connect_for_waiters();
}

void UpstreamPool::on_connect_failed(Connecting& connecting, const http::UpstreamFailure& failure) {
  Attempt attempt = take(connecting);
  resources_->loop.retire(std::move(attempt.connecting));
  upstream_->name().refresh();
  if (attempt.only_for != nullptr) return attempt.only_for->on_no_connection(failure);
  const size_t left = attempts_.size();
  if (waiters_.size() > left) fail_waiters(waiters_.size() - left, failure);
}

void UpstreamPool::serve_waiters() {
  while (!waiters_.empty()) {
    http::ClientConnection* const found = find_kept(waiters_.front()->wanted_);
    if (found == nullptr) return;
    next_waiter()->on_connection(*found);
  }
}

void UpstreamPool::fail_waiters(size_t count, const http::UpstreamFailure& failure) {
  for (; count > 0 && !waiters_.empty(); --count) next_waiter()->on_no_connection(failure);
}

// --- What becomes of connections -----------------------------------------------------------------

void UpstreamPool::on_available(http::ClientConnection& connection) {
  take_resolution();
  const auto found = all_.find(&connection);
  if (found == all_.end()) return;  // its address has left the name right now
  const Kept& kept = found->second;
  if (connection.requests() == 1) {
    if (const auto announced = connection.announced_timeout())
      upstream_->kept_time.on_announced(*announced);
  }
  if (kept.alone || !is_current(kept.address)) return drop(connection);
  if (kept.http2) {
    if (std::find(streams_.begin(), streams_.end(), &connection) == streams_.end())
      streams_.push_back(&connection);
    set_timer();
  } else {
    keep(connection);
  }
  serve_waiters();
}

void UpstreamPool::keep(http::ClientConnection& connection) {
  idle_.push_back(&connection);
  const bool scarce = waiters_.empty() && ConnectionPlaces::scarce(resources_->limits);
  if (scarce || idle_.size() > resources_->limits.upstream_idle) drop(*idle_.front());
  set_timer();
}

void UpstreamPool::on_ended(http::ClientConnection& connection) {
  if (connection.closed_while_idle())
    upstream_->kept_time.on_closed(age_of(connection, resources_->loop.now()),
                                   resources_->loop.now());
  all_.erase(&connection);
  erase_one(idle_, &connection);
  erase_one(streams_, &connection);
}

void UpstreamPool::drop(http::ClientConnection& connection) {
  all_.erase(&connection);
  erase_one(idle_, &connection);
  erase_one(streams_, &connection);
  connection.close();
}

void UpstreamPool::on_timer() {
  take_resolution();
  look_after_idle();
  // Without an answer to their name nobody connects, and nobody else says that they wait in vain.
  const net::Time late = resources_->loop.now() - resources_->limits.upstream_connect_timeout;
  while (generation_ == 0 && !waiters_.empty() && waiters_.front()->since_ <= late)
    fail_waiters(1, resolution_failure());
  set_timer();
}

// Those that are too old for requests stay while there is something to learn from them.
void UpstreamPool::look_after_idle() {
  const net::Time now = resources_->loop.now();
  KeptTime& kept_time = upstream_->kept_time;
  const bool scarce = ConnectionPlaces::scarce(resources_->limits);
  std::vector<http::ClientConnection*> all;
  for (const auto& [connection, kept] : all_) {
    if (connection->idle()) all.push_back(connection);
  }
  for (http::ClientConnection* const connection : all) {
    if (!connection->still_open()) continue;  // its FIN may lie unread
    const microseconds age = age_of(*connection, now);
    kept_time.on_survived(age);
    // One that has no room for a stream is on no list (SETTINGS_MAX_CONCURRENT_STREAMS 0).
    const bool useless = !connection->takes_request();
    if (!all_.contains(connection)) continue;  // that was when its end was seen
    const bool old = age > kept_time.usable() * 2 || age > KeptTime::kMost;
    if (useless || scarce || old) drop(*connection);
  }
}

void UpstreamPool::set_timer() noexcept {
  if (armed() || (all_.empty() && waiters_.empty())) return;
  resources_->loop.timers().set(*this, resources_->loop.now() + kLook);
}

// --- Names ---------------------------------------------------------------------------------------

void UpstreamPool::run() {
  take_resolution();
  if (!std::exchange(looks_again_, false)) return;
  if (resolution_->addresses.empty()) return fail_waiters(waiters_.size(), resolution_failure());
  connect_for_waiters();
}

// Whoever comes upon another answer first: those who wait are seen to by run().
void UpstreamPool::take_resolution() {
  const uint64_t generation = upstream_->name().generation();
  if (generation == generation_) return;
  generation_ = generation;
  resolution_ = upstream_->name().resolution();
  close_strays();
  stop_strays();
  look_again();
}

void UpstreamPool::look_again() noexcept {
  looks_again_ = true;
  resources_->loop.wake(*this);
}

http::UpstreamFailure UpstreamPool::resolution_failure() const noexcept {
  const std::string_view error = resolution_->error;
  if (generation_ == 0 || error == "dns_timeout") {
    return {.status = 503,
            .error = "dns_timeout",
            .cause = "the upstream's name is not resolved yet",
            .unread = true};
  }
  return {.status = 503,
          .error = error.empty() ? "dns_error" : error,
          .cause = "the upstream's name does not resolve",
          .unread = true};
}

bool UpstreamPool::is_current(const net::SocketAddress& address) const noexcept {
  const auto& addresses = resolution_->addresses;
  return std::find(addresses.begin(), addresses.end(), address) != addresses.end();
}

// What is under way there ends in good order; HTTP/1 is looked at again when it is done.
void UpstreamPool::close_strays() {
  std::vector<http::ClientConnection*> strays;
  for (const auto& [connection, kept] : all_) {
    if (!is_current(kept.address) && (kept.http2 || connection->idle()))
      strays.push_back(connection);
  }
  for (http::ClientConnection* const connection : strays) drop(*connection);
}

// What is on its way to a server that may be another one's by now.
void UpstreamPool::stop_strays() {
  std::vector<Attempt> going;
  for (Attempt& attempt : attempts_) {
    const bool stays =
        std::all_of(attempt.addresses.begin(), attempt.addresses.end(),
                    [this](const net::SocketAddress& address) { return is_current(address); });
    if (!stays) going.push_back(std::move(attempt));
  }
  std::erase_if(attempts_, [](const Attempt& attempt) { return attempt.connecting == nullptr; });
  for (Attempt& attempt : going) {
    attempt.connecting->stop();
    resources_->loop.retire(std::move(attempt.connecting));
    connect_again(std::move(attempt));
  }
}

// Those for whom anybody's connection will do wait still.
void UpstreamPool::connect_again(Attempt attempt) {
  if (ConnectionWaiter* const waiter = attempt.only_for) {
    waiter->prelude_ = std::move(attempt.prelude);
    wait(*waiter);
  }
  look_again();
}

}  // namespace sluice::handler::proxy
