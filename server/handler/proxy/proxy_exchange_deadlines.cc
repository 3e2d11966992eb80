// How long a proxied request waits for what. Each time counts from the last progress of what is
// waited for, so that whoever is slow but goes on is not cut off.
#include "server/handler/proxy/proxy_exchange.h"

#include <algorithm>

namespace sluice::handler::proxy {

namespace {

// How often it is looked whether the client is still there: it has left within a second.
constexpr milliseconds kLook{400};

}  // namespace

// Nothing: it is the client that is waited for, and its connection has its own deadlines; or the
// pool, which has them, too.
std::optional<ProxyExchange::Patience> ProxyExchange::patience() const noexcept {
  const conf::Limits& most = limits();
  if (state_ == State::awaiting) {
    const bool sending = request_.has_body && !content_.ended();
    if (sending && content_.held_back())
      return Patience{.since = sent_at_, .time = most.upstream_continue_timeout, .failure = {}};
    const net::Time since = request_.has_body ? std::max(sent_at_, content_.taken_at()) : sent_at_;
    if (!sending) {
      return Patience{.since = std::max(since, received_at_),
                      .time = most.upstream_response_timeout,
                      .failure = {.status = 504,
                                  .error = "http_response_timeout",
                                  .cause = "upstream did not answer in time",
                                  .limit = "upstream_response_timeout"}};
    }
    if (!content_.has_waiting()) return std::nullopt;
    return Patience{.since = since,
                    .time = most.upstream_send_timeout,
                    .failure = {.status = 504,
                                .error = "connection_write_timeout",
                                .cause = "upstream took no more of the request",
                                .limit = "upstream_send_timeout"}};
  }
  if (state_ != State::relaying || may_be_silent_ || ended_ || failed_ || client_is_slow())
    return std::nullopt;
  return Patience{.since = received_at_,
                  .time = most.upstream_read_timeout,
                  .failure = {.status = 504,
                              .error = "connection_read_timeout",
                              .cause = "upstream fell silent within its response",
                              .limit = "upstream_read_timeout"}};
}

std::optional<net::Time> ProxyExchange::total_deadline() const noexcept {
  const milliseconds total = limits().upstream_total_timeout;
  if (total.count() == 0) return std::nullopt;
  return started_at_ + total;
}

// While content is sent, it may end at any time without a word to us: and then it is the response
// that is waited for. So it is looked when that would be late.
void ProxyExchange::set_timer() noexcept {
  const net::Time look_at = loop().now() + kLook;
  std::optional<net::Time> deadline = total_deadline();
  deadline = deadline ? std::min(*deadline, look_at) : look_at;
  if (const auto waiting = patience()) {
    net::Time its = waiting->since + std::min(waiting->time, limits().upstream_response_timeout);
    if (state_ != State::awaiting || its <= loop().now()) its = waiting->since + waiting->time;
    deadline = std::min(*deadline, its);
  }
  loop().timers().set(*this, *deadline);
}

// An application may work for long, or have nothing to say for long, and nothing is sent to the
// client that would show that it is gone. Its FIN says so; but one that has only ended its own side
// gets a short answer yet.
bool ProxyExchange::client_has_left() noexcept {
  if (!exchange_->client_closed()) return false;
  if (!client_closed_at_) client_closed_at_ = loop().now();
  return loop().now() >= *client_closed_at_ + kLook;
}

void ProxyExchange::on_timer() {
  const net::Time now = loop().now();
  if (client_is_slow()) received_at_ = now;  // the upstream's time does not run meanwhile
  if (client_has_left()) return exchange_->abandon("client left");
  if (const auto total = total_deadline(); total && now >= *total) {
    return give_up({.status = 504,
                    .error = "http_response_timeout",
                    .cause = "the request took too long in all",
                    .limit = "upstream_total_timeout"});
  }
  const auto waiting = patience();
  if (!waiting || now < waiting->since + waiting->time) return set_timer();
  if (waiting->failure.error.empty()) {  // for 100 (Continue): the client is told by us
    content_.let_go();
    stream_->wake();
    return set_timer();
  }
  give_up(waiting->failure);
}

}  // namespace sluice::handler::proxy
