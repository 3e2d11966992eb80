// The deadlines of an HTTP/2 connection: one timer, for the connection and all of its streams.
//
// While there are streams, they and what is being sent are looked at several times a timeout; else
// the state has an end: the preface, a field block, an idle connection, lingering.
#include <algorithm>
#include <chrono>

#include "server/http/h2_server_connection.h"

namespace sluice::http {

namespace {

using std::chrono::milliseconds;

// How long a client has to answer the PING that follows the notice of a shutdown: a round trip.
constexpr milliseconds kNotice{1'000};

}  // namespace

void H2ServerConnection::set_state(State state) {
  state_ = state;
  state_since_ = context_.loop.now();
  update_list();
}

// Idle is who has no stream and nothing to be sent.
void H2ServerConnection::update_list() {
  const bool is_idle = state_ == State::open && open_.empty() && !sending();
  ConnectionList* const list = state_ == State::retired ? nullptr
                               : is_idle                ? &context_.idle
                                                        : &context_.active;
  if (stands_on(list)) return;
  if (is_idle) state_since_ = context_.loop.now();
  stand_on(list);
}

void H2ServerConnection::update_timer() { context_.loop.timers().set(*this, next_deadline()); }

net::Time H2ServerConnection::next_deadline() {
  const conf::Limits& limits = this->limits();
  if (state_ == State::lingering) return state_since_ + limits.linger_timeout;
  net::Time next = net::Time::max();
  if (state_ == State::opening && !failed_) next = opened_at_ + limits.head_timeout;
  if (head_started_ && !failed_) next = std::min(next, head_since_ + limits.head_timeout);
  if (shutdown_ == Shutdown::noticed) next = std::min(next, noticed_at_ + kNotice);
  if (idle() && shutdown_ == Shutdown::none)
    next = std::min(next, state_since_ + limits.idle_timeout);
  if (!open_.empty() || sending()) {
    look_within(patience());
    next = std::min(next, look_at_);
  }
  return next;
}

// The shortest time that anything may take.
milliseconds H2ServerConnection::patience() const noexcept {
  const conf::Limits& limits = this->limits();
  return std::min({limits.send_timeout, limits.body_timeout, limits.drain_timeout,
                   limits.http2_window_timeout, limits.http2_window_close});
}

// Whoever is waited for is looked at four times a timeout.
void H2ServerConnection::look_within(milliseconds timeout) noexcept {
  look_at_ = std::min(look_at_, context_.loop.now() + timeout / 4);
}

void H2ServerConnection::on_timer() {
  if (state_ == State::retired) return;
  const net::Time now = context_.loop.now();
  const conf::Limits& limits = this->limits();
  if (state_ == State::lingering) {
    if (now >= state_since_ + limits.linger_timeout) return retire();
    return update_timer();
  }
  const bool no_preface = state_ == State::opening && now >= opened_at_ + limits.head_timeout;
  const bool no_head = head_started_ && now >= head_since_ + limits.head_timeout;
  if ((no_preface || no_head) && !failed_) {
    fail({.cause = no_preface ? "preface not complete in time" : "head not complete in time",
          .limit = "head_timeout"});
  }
  if (shutdown_ == Shutdown::noticed && now >= noticed_at_ + kNotice) finish_shutdown();
  if (idle() && now >= state_since_ + limits.idle_timeout) begin_shutdown();
  if ((!open_.empty() || sending()) && now >= look_at_) look(now);
  if (state_ != State::retired) update_timer();
}

void H2ServerConnection::look(net::Time now) {
  look_at_ = now + patience() / 4;
  if (look_at_sending(now)) return;
  open_.for_each([now](H2Stream& stream) { stream.look(now); });
  if (stalls_ >= limits().http2_window_stalls)
    fail(
        {.cause = "client leaves the windows of its streams shut", .limit = "http2_window_stalls"});
  look_at_windows(now);
  context_.loop.wake(*this);
}

// Returns true when the connection was cut.
bool H2ServerConnection::look_at_sending(net::Time now) {
  if (!sending()) {
    watching_sending_ = false;
    return false;
  }
  if (!std::exchange(watching_sending_, true)) {
    sending_progress_.begin(now, taken());
  } else {
    // 1 KiB: below it a copy is cheaper than the block that a slice pins which waits for long.
    static constexpr size_t kSmall = 1024;
    out_.unpin_small(kSmall);
  }
  switch (sending_progress_.look(now, taken(), limits().send_timeout, limits().send_rate)) {
    case Progress::Verdict::good:
      return false;
    case Progress::Verdict::stalled:
      cut("client does not read", "send_timeout");
      return true;
    case Progress::Verdict::slow:
      cut("client reads too slowly", "send_rate");
      return true;
  }
  return false;
}

// No octet of content left for so long, though there is some: the client keeps all windows shut, or
// opens them by so little that it comes to the same.
void H2ServerConnection::look_at_windows(net::Time now) {
  bool blocked = false;
  open_.for_each([&](H2Stream& stream) { blocked |= stream.blocked(); });
  if (!blocked) {
    watching_windows_ = false;
    return;
  }
  if (!std::exchange(watching_windows_, true)) window_progress_.begin(now, framed_);
  switch (window_progress_.look(now, framed_, limits().http2_window_close, limits().send_rate)) {
    case Progress::Verdict::good:
      return;
    case Progress::Verdict::stalled:
      return fail({.cause = "client leaves all windows shut", .limit = "http2_window_close"});
    case Progress::Verdict::slow:
      return fail({.cause = "client opens its windows too slowly", .limit = "send_rate"});
  }
}

// Octets that the peer took so far: what lies in our kernel's send queue is no progress of its.
uint64_t H2ServerConnection::taken() const noexcept {
  const uint64_t unsent = transport_->unsent();
  return sent_ > unsent ? sent_ - unsent : 0;
}

}  // namespace sluice::http
