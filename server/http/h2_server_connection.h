// One client's HTTP/2 connection: many exchanges at a time, one stream each (RFC 9113).
//
// A turn has the phases of HTTP/1's: octets are parsed, which only sets state; then the heads that
// are complete start their exchanges, streams that have something to do do it, and what they say is
// framed and flushed, some 64 KiB ahead of what the socket takes, so that an urgent stream
// overtakes what is not framed yet (RFC 9218).
//
// Invariants:
//   1. A handler starts after the whole read was parsed: a stream that is opened and reset in one
//   read reaches none. At most turn_requests start a turn, and nothing is read while heads wait.
//   2. After an error of the connection no stream reaches a handler.
//   3. What content pins is bounded: a stream's window is credited as it is consumed, the
//   connection's as it arrives, while the connection is under its cap.
//   4. A stream is recorded once, after what was framed for it has been flushed.
//   5. At most one timer is armed.
//
// States: opening (until the client's preface is complete) -> open -> lingering -> (retired). A
// shutdown is said in two steps (RFC 9113 section 6.8), so that no request is lost on its way.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "protocol/h2/codec.h"
#include "server/http/h2_stream.h"
#include "server/http/progress.h"
#include "server/http/server_connection.h"

namespace sluice::http {

class H2ServerConnection final : public ServerConnection, private h2::CodecEvents {
 public:
  // Takes the place of `predecessor`, which read `input` (the beginning of the preface, or nothing)
  // and retires.
  H2ServerConnection(ServerConnection& predecessor, const Slice& input);
  ~H2ServerConnection() override;

  // ServerConnection
  void drain() override { begin_shutdown(); }
  void abort(std::string_view cause, std::string_view limit = {}) override;
  void on_rules_replaced() override { begin_shutdown(); }
  uint64_t held() const noexcept override {
    return out_.held() + transport_->held() + codec_.held() + content_held_;
  }

  // net::Task, net::Timer
  void run() override;
  void on_timer() override;

 private:
  friend class H2Stream;

  enum class State : uint8_t { opening, open, lingering, retired };
  // How far the end of the connection was announced.
  enum class Shutdown : uint8_t { none, noticed, final };

  // h2::CodecEvents
  ServerSink* on_stream(h2::StreamId id) override;
  void on_stream_closed(h2::StreamId id, CodecSink& sink, h2::ErrorCode code,
                        bool by_peer) override;
  void on_stream_framed(h2::StreamId id, CodecSink& sink) override;
  void on_pong() override;
  void on_settings() override;

  void take_turn();
  // Phase one.
  bool wants_input() const noexcept;
  void read();
  void feed(const Slice& octets);
  void note_head();
  void on_peer_closed();
  void give_up_blocked();
  // Phase two.
  void start_exchanges();
  bool let_streams_work();
  void credit_connection();
  bool frame(uint64_t until);
  void write();
  void reap();
  void after_flush();

  // For streams: something is to be done for it, or for the connection.
  void has_work(H2Stream& stream);
  void wake_up();
  void count_held(uint64_t before, uint64_t now) noexcept { content_held_ += now - before; }
  void put_credit_off() noexcept { credit_put_off_ = true; }
  bool is_full() const noexcept { return held() >= context_.limits.connection_memory; }
  // What may come is bounded by windows that we keep shut.
  bool holds_back() const noexcept { return owed_ > 0 || is_full(); }
  bool may_credit_connection() const noexcept;
  // Promises the response to a GET of `target`, as the client of `request` would make it, unless
  // this connection did so before.
  void push(h2::StreamId id, const RequestHead& request, std::string_view target);
  void close_stream(H2Stream& stream);
  void count_stall() noexcept { ++stalls_; }

  // Ends.
  void begin_shutdown();
  void finish_shutdown();
  void fail(const ProtocolError& error);
  void give_up_streams(std::string_view cause, std::string_view limit);
  void give_up_stream(H2Stream& stream, bool by_peer);
  void linger();
  void cut(std::string_view cause, std::string_view limit = {});
  void retire();

  // Deadlines.
  const conf::Limits& limits() const noexcept { return listener_->limits(); }
  void set_state(State state);
  void update_list();
  void update_timer();
  net::Time next_deadline();
  std::chrono::milliseconds patience() const noexcept;
  void look_within(std::chrono::milliseconds timeout) noexcept;
  void look(net::Time now);
  bool look_at_sending(net::Time now);
  void look_at_windows(net::Time now);
  uint64_t taken() const noexcept;

  h2::Codec codec_;
  H2Stream::List open_{H2Stream::ListKind::place};
  H2Stream::List closed_{H2Stream::ListKind::place};
  H2Stream::List queued_{H2Stream::ListKind::work};
  H2Stream::List working_{H2Stream::ListKind::work};

  std::unique_ptr<std::set<std::string>> pushed_;  // targets

  uint64_t content_held_ = 0;  // what requests' content pins
  uint64_t owed_ = 0;          // octets of content that the connection's window was not credited
  uint64_t framed_ = 0;        // octets of content of all responses
  uint64_t heads_ = 0;         // field blocks completed
  uint64_t stalls_ = 0;        // streams reset because their window stayed shut
  uint64_t read_left_ = 0;     // this turn's budget

  net::Time head_since_{};  // when the field block that is being read began, as far as we know
  uint64_t head_mark_ = 0;  // heads_ then
  net::Time noticed_at_{};  // of the shutdown
  net::Time look_at_{};     // when streams are looked at next
  Progress sending_progress_;
  Progress window_progress_;  // of all content, while some of it waits for a window
  State state_ = State::opening;
  Shutdown shutdown_ = Shutdown::none;
  uint64_t upstream_resets_ = 0;  // by the client, of this read, that cost a connection upstream
  bool head_started_ = false;
  bool credit_put_off_ = false;  // streams' windows are owed credit: it was full
  bool heard_ = false;           // the client knows of the shutdown
  bool watching_sending_ = false;
  bool watching_windows_ = false;
  bool failed_ = false;  // GOAWAY with an error is to be sent: close when it is
  bool in_turn_ = false;
};

}  // namespace sluice::http
