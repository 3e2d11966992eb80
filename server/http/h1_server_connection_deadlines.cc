// The deadlines of a server connection: one timer, for whatever the connection waits for.
//
// Two kinds. A state may last so long (idle, head, draining, lingering): the deadline is counted
// from its beginning. Or we wait for the peer to take octets or to send content: then its progress
// is looked at four times per timeout.
#include <chrono>

#include "server/http/h1_server_connection.h"

namespace sluice::http {
using std::chrono::milliseconds;

void H1ServerConnection::set_state(State state) {
  state_ = state;
  state_since_ = context_.loop.now();
  ConnectionList* const list = state == State::retired              ? nullptr
                               : state == State::idle && !sending() ? &context_.idle
                                                                    : &context_.active;
  if (!stands_on(list) || state == State::idle) stand_on(list);
}

bool H1ServerConnection::awaiting_content() const noexcept {
  if (!exchange_ || request_ended_ || exchange_->responded()) return false;
  const RequestBody& body = exchange_->request_body();
  return body.wanted() && !body.cancelled() && body.waiting() < limits().exchange_body && !full_ &&
         !piped_.full();
}

void H1ServerConnection::update_timer() {
  // A handshake's deadline is absolute, whatever of it is to be sent. Who lingers sends nothing:
  // what TLS answers to what is read then stays.
  const bool by_state = state_ == State::handshake || state_ == State::lingering;
  const Watch watch = by_state             ? Watch::nothing
                      : sending()          ? Watch::sending
                      : awaiting_content() ? Watch::content
                                           : Watch::nothing;
  if (watch != Watch::nothing) {
    if (watch != watch_) begin_watch(watch);
    return;
  }
  watch_ = Watch::nothing;
  const std::optional<milliseconds> allowed = state_timeout();
  // A timer left armed by an earlier state finds nothing to do when it fires; that is cheaper than
  // cancelling it.
  if (allowed) context_.loop.timers().set(*this, state_since_ + *allowed);
}

// How long the present state may last; nothing when it is not bounded by itself.
std::optional<milliseconds> H1ServerConnection::state_timeout() const noexcept {
  const conf::Limits& limits = this->limits();
  switch (state_) {
    case State::handshake:
      return limits.handshake_timeout;
    case State::idle:
      return limits.idle_timeout;
    case State::head:
      return limits.head_timeout;
    case State::draining:
      return drain_timeout_;
    case State::lingering:
      return limits.linger_timeout;
    case State::exchange:
    case State::retired:
      return std::nullopt;
  }
  return std::nullopt;
}

void H1ServerConnection::on_timer() {
  if (watch_ != Watch::nothing) return check_progress();
  const std::optional<milliseconds> allowed = state_timeout();
  if (!allowed) return;
  if (context_.loop.now() < state_since_ + *allowed) return update_timer();
  switch (state_) {
    case State::head:
      return answer_timeout("head not complete in time", "head_timeout");
    case State::handshake:
      record_handshake(HandshakeEnd::timed_out);
      return retire();
    case State::idle:
      return !input_.empty() ? linger()
                             : drain();  // a request may have arrived in this very iteration
    case State::draining:
      return linger();
    default:
      return retire();
  }
}

void H1ServerConnection::begin_watch(Watch watch) {
  watch_ = watch;
  progress_.begin(context_.loop.now(), peer_progress());
  context_.loop.timers().set(*this, context_.loop.now() + watch_timeout() / 4);
}

milliseconds H1ServerConnection::watch_timeout() const noexcept {
  return watch_ == Watch::sending ? limits().send_timeout : limits().body_timeout;
}

// Octets that the peer took or sent so far. What lies in our kernel's send queue is no progress of
// the peer's.
uint64_t H1ServerConnection::peer_progress() const noexcept {
  if (watch_ != Watch::sending) return received_;
  const uint64_t unsent = transport_->unsent();
  return sent_ > unsent ? sent_ - unsent : 0;
}

void H1ServerConnection::check_progress() {
  // A handler may have answered since, in this very iteration.
  if (watch_ == Watch::content && !awaiting_content()) return update_timer();
  const bool content = watch_ == Watch::content;
  const milliseconds timeout = watch_timeout();
  const uint64_t rate = content ? limits().body_rate : limits().send_rate;
  switch (progress_.look(context_.loop.now(), peer_progress(), timeout, rate)) {
    case Progress::Verdict::good:
      return context_.loop.timers().set(*this, context_.loop.now() + timeout / 4);
    case Progress::Verdict::stalled:
      return content ? answer_timeout("content stalled", "body_timeout")
                     : cut("client does not read", "send_timeout");
    case Progress::Verdict::slow:
      return content ? answer_timeout("content too slow", "body_rate")
                     : cut("client reads too slowly", "send_rate");
  }
}

void H1ServerConnection::answer_timeout(std::string_view cause, std::string_view limit) {
  if (exchange_) {
    closing_ = true;
    persist_ = false;
    exchange_->refuse(408, cause, "request content", limit);
  } else {
    refuse({.status = 408, .cause = cause, .limit = limit});
  }
  context_.loop.wake(*this);
}

}  // namespace sluice::http
