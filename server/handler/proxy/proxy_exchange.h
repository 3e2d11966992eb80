// One proxied request, from the client's exchange to the upstream's stream and back.
//
// It stands between the two, and either may go first: the client's exchange ends by cancel() (the
// handler's, or the source's that gives the response), the upstream's stream by on_response_end()
// or on_response_failed().
//
// Invariants:
//   1. The client is told nothing that the upstream did not say: a response whose head went out
//   ends as the upstream's did, whole or visibly cut.
//   2. A request is sent again only when it is idempotent or was provably not read, on another
//   connection, with all of its content, within the upstream's budget; and never after a head.
//   3. What waits for a slow client is bounded by upstream_read_ahead, and one read.
//   4. At most one timer is armed.
//
// States: gathering -> connecting -> awaiting -> relaying (or ending, without content) -> done.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "conf/configuration.h"
#include "protocol/body.h"
#include "protocol/chain.h"
#include "protocol/message.h"
#include "server/handler/proxy/forwarding.h"
#include "server/handler/proxy/request_content.h"
#include "server/handler/proxy/upstream_pool.h"
#include "server/http/client_connection.h"
#include "server/http/exchange.h"
#include "server/http/kept_fields.h"
#include "server/net/timers.h"

namespace sluice::handler::proxy {

class ProxyExchanges;

// What holds for the requests of one route, on one worker. Outlives them.
struct ProxyRoute {
  const conf::ProxyAction& action;
  const Forwarding& forwarding;
  UpstreamPool& pool;
  ProxyExchanges& exchanges;
};

// Thread: the worker's. Pooled.
class ProxyExchange final : public http::HandlerState,
                            private http::ResponseReceiver,
                            private ConnectionWaiter,
                            private net::Timer {
 public:
  ProxyExchange() = default;

  void start(const ProxyRoute& route, http::Exchange& exchange);
  // Request content arrived.
  void on_request_body();
  bool holds_connection() const noexcept override {
    return stream_ != nullptr && stream_->cancel_closes_connection();
  }
  // The client's exchange does not want it any more. It goes back to its pool.
  void cancel();

  // The response's content, for the source.
  Pull pull(Chain& out, size_t max);
  std::optional<uint64_t> length() const noexcept { return length_; }
  const FieldList* trailers() const noexcept {
    return trailers_.list().empty() ? nullptr : &trailers_.list();
  }

 private:
  enum class State : uint8_t { gathering, connecting, awaiting, relaying, ending, done };

  // http::ResponseReceiver
  void on_response_head(ResponseHead& head, bool has_body) override;
  void on_response_body(Slice octets) override;
  void on_response_trailers(const FieldList& trailers) override;
  void on_response_end() override;
  void on_response_failed(const http::UpstreamFailure& failure) override;
  bool wants_response_body() const override;
  Ref<net::Pipe> response_pipe() override;
  void on_response_piped(net::Pipe& pipe, size_t octets) override;
  // ConnectionWaiter
  void on_connection(http::ClientConnection& connection) override;
  void on_no_connection(const http::UpstreamFailure& failure) override;
  // net::Timer
  void on_timer() override;

  bool make_request();
  void answer_as_last_hop();
  bool open_content();
  void connect();
  std::string prelude() const;
  bool is_idempotent() const noexcept;
  void on_interim(const ResponseHead& head);
  void on_final(ResponseHead& head, bool has_body);
  bool may_try_again(const http::UpstreamFailure& failure);
  void answer(const http::UpstreamFailure& failure);
  void give_up(const http::UpstreamFailure& failure);
  void drop_stream();
  void finish_quietly();

  // Deadlines.
  struct Patience {
    net::Time since;
    milliseconds time;
    http::UpstreamFailure failure;
  };
  std::optional<Patience> patience() const noexcept;
  std::optional<net::Time> total_deadline() const noexcept;
  void set_timer() noexcept;
  bool client_has_left() noexcept;
  // Something of the response waits to be sent.
  bool client_is_slow() const noexcept { return !octets_.empty() || (pipe_ && !pipe_->empty()); }
  const conf::Limits& limits() const noexcept { return exchange_->limits().values; }
  net::Loop& loop() const noexcept { return route_->pool.resources().loop; }

  const ProxyRoute* route_ = nullptr;
  http::Exchange* exchange_ = nullptr;  // null: it is free
  http::ClientStream* stream_ = nullptr;
  // What the request says of its way here, mostly: it takes some 250 octets.
  std::array<char, 512> derived_;
  RequestHead request_;  // as it goes upstream
  RequestContent content_;

  // Of the response.
  Chain octets_;
  Ref<net::Pipe> pipe_;  // through which it comes, if so
  http::KeptFields trailers_;
  std::optional<uint64_t> length_;
  bool ended_ = false;
  bool failed_ = false;
  bool may_be_silent_ = false;  // an event stream and its like

  uint64_t interims_ = 0;
  uint64_t tries_ = 0;  // beyond the first
  net::Time started_at_{};
  std::optional<net::Time> client_closed_at_;  // when that was seen
  net::Time sent_at_{};                        // the request was given to a connection
  net::Time received_at_{};                    // something of the response came, or went on
  State state_ = State::done;
};

// Those of one worker that are not in use.
class ProxyExchanges {
 public:
  ProxyExchange& acquire();
  void release(ProxyExchange& exchange);

 private:
  std::vector<std::unique_ptr<ProxyExchange>> all_;
  std::vector<ProxyExchange*> free_;
};

}  // namespace sluice::handler::proxy
