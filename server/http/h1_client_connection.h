// One HTTP/1.1 connection to an upstream: one request at a time, its response, and then the next.
//
// A turn reads and parses first, then pulls and writes, as on the server's side. There is no
// pipelining: what a second request would be answered, when the first one goes wrong, nobody could
// tell.
//
// Invariants:
//   1. Octets that answer nothing end the connection: before a request was sent they would be taken
//   for its response, after a response for the next one's.
//   2. A connection is used again only when the request was sent whole, and the response came whole
//   and says so itself (RFC 9112 section 9.3).
//   3. After a failed write the response is still read: it may say why (RFC 9112 section 9.5).
//   4. The response is read no further than its receiver wants, and the request's content is pulled
//   no further than the upstream takes it.
//
// States: idle <-> busy -> ended. Each failure ends the connection.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "protocol/chain.h"
#include "protocol/codec_sink.h"
#include "protocol/h1/codec.h"
#include "server/http/client_connection.h"
#include "server/http/input_buffer.h"
#include "server/http/piped_input.h"
#include "server/http/worker_resources.h"
#include "server/net/transport.h"

namespace sluice::http {

// What bounds the head of an upstream's response, and its trailers.
h1::Limits upstream_h1_limits(const conf::Limits& limits) noexcept;

class H1ClientConnection final : public ClientConnection, public ClientStream, private ClientSink {
 public:
  // All outlive the connection.
  H1ClientConnection(WorkerResources& resources, const h1::Limits& limits,
                     ClientConnectionOwner& owner);
  // Gives it its transport, connected and with its handshake done. Events wake this task.
  void open(std::unique_ptr<net::Transport> transport);

  // ClientConnection
  bool takes_request() override;
  ClientStream& send(const UpstreamRequest& request, ResponseReceiver& receiver) override;
  bool still_open() override;
  bool idle() const noexcept override { return state_ == State::idle; }
  net::Time idle_since() const noexcept override { return idle_since_; }
  uint64_t requests() const noexcept override { return requests_; }
  std::optional<std::chrono::seconds> announced_timeout() const noexcept override {
    return announced_;
  }
  bool closed_while_idle() const noexcept override { return closed_while_idle_; }
  bool splices() const noexcept override { return transport_->splices(); }
  std::string_view protocol() const noexcept override { return "HTTP/1.1"; }
  void close() override;

  // ClientStream
  void wake() override;
  void consumed(uint64_t octets, bool drained) override;
  void cancel() override;
  bool cancel_closes_connection() const noexcept override { return true; }

  // net::Task
  void run() override;

 private:
  enum class State : uint8_t { idle, busy, ended };

  // ClientSink: called by the codec while parsing.
  void on_response_head(ResponseHead& head, bool has_body) override;
  void on_body(Slice octets) override;
  void on_trailers(const FieldList& trailers) override;
  void on_end() override;
  void on_reset(const ProtocolError& error) override;

  void take_turn();

  // Phase one.
  bool parse();
  bool wants_input() const;
  void feed();
  bool read_some();
  bool pipes_content();
  bool move_content();
  void on_upstream_closed();
  void finish_response();
  bool may_persist() const noexcept;

  // Phase two.
  void produce();
  void write_head();
  void pull_body();
  bool may_pull() const noexcept;
  void flush();
  bool sending() const noexcept { return !out_.empty() || transport_->holds_output(); }

  bool is_idle_race() const noexcept;
  void lose(std::string_view cause);
  void fail(const UpstreamFailure& failure);
  void end();

  WorkerResources& resources_;
  ClientConnectionOwner* owner_;  // null when it is not to be told any more
  std::unique_ptr<net::Transport> transport_;
  h1::Codec codec_;
  InputBuffer input_;
  PipedInput piped_;  // of the response
  Chain out_;

  // Of the request under way.
  UpstreamRequest request_;
  ResponseReceiver* receiver_ = nullptr;  // null: it was cancelled
  uint64_t framed_ = 0;                   // content octets of the request

  std::optional<UpstreamFailure> found_;  // by the codec, while it is called
  uint64_t requests_ = 0;
  uint64_t read_left_ = 0;  // this turn's budget
  net::Time idle_since_{};
  std::optional<std::chrono::seconds> announced_;
  State state_ = State::idle;
  h1::Framing framing_ = h1::Framing::none;
  bool head_written_ = false;
  bool sent_whole_ = false;     // of the request, framed
  bool head_received_ = false;  // the final one
  bool response_ended_ = false;
  bool octets_came_ = false;  // of this response
  bool upstream_ended_ = false;
  bool upstream_truncated_ = false;  // TLS's close_notify did not come before the end
  bool write_failed_ = false;
  bool last_words_ = false;  // a read is due, whatever the transport knows of
  bool in_turn_ = false;
  bool turn_again_ = false;
  bool closing_ = false;  // after what is under way
  bool closed_while_idle_ = false;
};

}  // namespace sluice::http
