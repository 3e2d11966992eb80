// One client's HTTP/1 connection: reads requests, gives each to its route, sends the answers in
// order.
//
// A turn has two phases. Parsing only sets state (handlers that are called while parsing do too);
// then the connection pulls content, frames it into one chain, and flushes that once. A pipeline's
// requests are taken one by one, at most turn_requests a turn, and their responses leave in one
// flush.
//
// Invariants:
//   1. One exchange at a time; the next head is parsed when the one before is framed whole.
//   2. A malformed request reaches no handler and does not spoil the answers before it.
//   3. An idle connection owns no block and no exchange.
//   4. At most one timer is armed, for the deadline of the state the connection is in.
//   5. A response that cannot be completed ends visibly: its last chunk or octets are missing, or a
//   RST says so.
//
// States (RFC 9112 section 9):
//   handshake -> idle                           before anything else, over TLS
//   handshake, idle, head -> (retired)          it speaks HTTP/2: another takes its place
//   idle -> head -> exchange -> idle ...        a keep-alive connection
//   exchange -> draining -> idle                the rest of a request nobody wanted is read and
//   dropped any -> lingering -> (retired)               our side is closed, the client may still be
//   reading
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "protocol/chain.h"
#include "protocol/codec_sink.h"
#include "protocol/h1/codec.h"
#include "server/http/exchange.h"
#include "server/http/input_buffer.h"
#include "server/http/piped_input.h"
#include "server/http/progress.h"
#include "server/http/server_connection.h"
#include "server/http/stream.h"
#include "server/net/connection_slot.h"
#include "server/net/listener.h"
#include "server/net/loop.h"
#include "server/net/transport.h"

namespace sluice::http {

class H1ServerConnection final : public ServerConnection, public Stream, private ServerSink {
 public:
  // `slot` counts the connection as its worker's for as long as it lives.
  H1ServerConnection(ServerContext& context, Ref<ListenerSettings> listener,
                     net::ConnectionSlot slot, const net::Peer& peer);

  // Gives the connection its transport and its first turn. The transport's events wake this task.
  void open(std::unique_ptr<net::Transport> transport);

  // ServerConnection
  void drain() override;
  void abort(std::string_view cause, std::string_view limit = {}) override { cut(cause, limit); }
  uint64_t held() const noexcept override {
    return out_.held() + transport_->held() + input_.held() +
           (exchange_ ? exchange_->request_body().held() : 0);
  }

  // net::Task, net::Timer
  void run() override;
  void on_timer() override;

  // Stream
  void submit_interim(const ResponseHead& head) override;
  void submit_final() override;
  void wake() override;
  void reset(ResetCode code) override;
  const tls::Session* session() const noexcept override { return handshaken_; }
  const net::Peer* peer() const noexcept override { return &peer_; }
  sockaddr_storage local_address() const noexcept override { return transport_->local_address(); }
  bool splices() const noexcept override { return transport_->splices(); }
  bool peer_closed() const noexcept override { return transport_->peer_closed(); }

 private:
  enum class State : uint8_t { handshake, idle, head, exchange, draining, lingering, retired };

  // ServerSink: called by the codec while parsing.
  void on_request_head(RequestHead& head) override;
  void on_body(Slice octets) override;
  void on_trailers(const FieldList& trailers) override;
  void on_end() override;
  void on_reset(const ProtocolError& error) override;

  void take_turn();

  // Before the first request (h1_server_connection_handshake.cc).
  bool shake_hands();
  bool answer_clear_text();
  // RFC 9113 section 3: by ALPN, or by what comes first in clear text.
  bool begins_as_http2();
  void become_http2();

  // Phase one: reading and parsing (h1_server_connection_reading.cc).
  bool wants_input() const noexcept;
  bool parse();
  void feed();
  bool read_some();
  bool is_full() const noexcept { return held() >= context_.limits.connection_memory; }
  bool receive();
  bool pipes_content();
  bool move_content();
  bool make_room();
  void on_peer_closed();
  std::string_view cause_of_cut_content() const;

  // Phase two: pulling, framing, flushing.
  bool produce();
  void invite_content();
  void write_head();
  void pull_content();
  bool may_pull() const noexcept;
  uint64_t pull_at_most() const noexcept;
  Pull pull_once(uint64_t max);
  bool take_pulled(Pull result);
  bool framing_is_by_length() const noexcept { return framing_ == h1::Framing::content_length; }
  void flush();
  bool is_last_flush() const noexcept;
  void after_flush();
  bool next_request_waits() const noexcept;

  // The limits that hold now: the route's while there is an exchange, else the listener's.
  const conf::Limits& limits() const noexcept {
    return exchange_ ? exchange_->limits().values : listener_->limits();
  }

  // Refusals, ends and beginnings.
  void refuse(const ProtocolError& error, std::string_view text = {});
  void abandon_request_content();
  uint64_t drain_limit() const noexcept { return exchange_ ? limits().drain : drain_; }
  void end_exchange(bool complete);
  void begin_next_message();
  bool may_persist() const noexcept;
  void linger();
  void retire_in_good_order();
  void discard_while_lingering();
  void cut(std::string_view cause, std::string_view limit = {});
  void cut_failed();
  void retire();

  // Deadlines (h1_server_connection_deadlines.cc).
  void set_state(State state);
  void update_timer();
  bool awaiting_content() const noexcept;
  enum class Watch : uint8_t { nothing, sending, content };
  void begin_watch(Watch watch);
  std::optional<conf::milliseconds> state_timeout() const noexcept;
  conf::milliseconds watch_timeout() const noexcept;
  uint64_t peer_progress() const noexcept;
  void check_progress();
  void answer_timeout(std::string_view cause, std::string_view limit);

  h1::Codec codec_;
  std::unique_ptr<Exchange> exchange_;

  InputBuffer input_;
  PipedInput piped_;  // of the request

  // The exchange's progress.
  uint64_t framed_ = 0;     // content octets framed
  uint64_t announced_ = 0;  // the most that may be framed
  uint64_t received_ = 0;   // content octets of the request
  // What the route of the last exchange allows for what is left of its request.
  uint64_t drain_ = 0;
  conf::milliseconds drain_timeout_{};

  Watch watch_ = Watch::nothing;
  Progress progress_;  // of the watched

  uint64_t read_left_ = 0;  // this turn's budget
  uint64_t requests_left_ = 0;
  State state_ = State::idle;
  h1::Framing framing_ = h1::Framing::none;
  bool may_be_http2_ = false;    // nothing but the beginning of HTTP/2's preface came, if anything
  bool peer_truncated_ = false;  // and TLS's close_notify did not come before it
  bool persist_ = true;
  bool head_written_ = false;
  bool framed_whole_ = false;
  bool continue_sent_ = false;
  bool full_ = false;          // not read: it holds as much as one connection may
  bool more_to_pull_ = false;  // pulling stopped for the budget or the peer, not for the source
  bool in_turn_ = false;
  bool turn_again_ = false;  // somebody woke us within our own turn
  bool request_ended_ = true;
  bool content_arrived_ = false;  // since the handler was last told
  bool content_cut_ = false;      // the peer's FIN came before its end
  bool closing_ = false;          // no further request is read; linger when all is sent
};

}  // namespace sluice::http
