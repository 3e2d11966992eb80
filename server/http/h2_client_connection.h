// One HTTP/2 connection to an upstream: many requests at a time, one stream each (RFC 9113).
//
// A turn has the phases of the server's side: octets are parsed, and what they say goes to the
// receivers; then what streams have to do is done, framed and flushed, some 64 KiB ahead of what
// the socket takes.
//
// Back-pressure: a receiver cannot stop a socket that others share. What it has not consumed its
// stream's window does not let come (which stays at its first size, so that the read-ahead is
// bounded), and wants_response_body() is not asked. The connection's window is credited as content
// arrives: who is slow holds up nobody else, and all that can wait is the streams times their
// window.
//
// Invariants:
//   1. Of the codec only release() is called while it runs; requests are submitted in a turn.
//   2. Receivers are told from a turn or from the timer, after the owner that the connection ended.
//   3. A request that the upstream cannot have read is said to be unread: GOAWAY named it, it was
//   refused, or no octet of its head left.
//   4. While there are streams, an upstream that is silent is asked for a sign of life.
//
// States: open -> (retired). An open one may be going: it takes no more requests, and retires with
// its last stream.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "conf/limits.h"
#include "protocol/chain.h"
#include "protocol/h2/codec.h"
#include "server/http/client_connection.h"
#include "server/http/h2_client_stream.h"
#include "server/http/worker_resources.h"
#include "server/net/timers.h"
#include "server/net/transport.h"

namespace sluice::http {

// What bounds an upstream's connection and its responses.
h2::Limits upstream_h2_limits(const conf::Limits& limits) noexcept;

class H2ClientConnection final : public ClientConnection,
                                 private net::Timer,
                                 private h2::CodecEvents {
 public:
  // An upstream that is silent for so long while it owes us something is asked by PING, and has so
  // long to answer.
  struct Patience {
    std::chrono::milliseconds silence{30'000};
    std::chrono::milliseconds answer{10'000};
  };

  // All outlive the connection.
  H2ClientConnection(WorkerResources& resources, const h2::Limits& limits,
                     ClientConnectionOwner& owner)
      : H2ClientConnection(resources, limits, owner, Patience()) {}
  H2ClientConnection(WorkerResources& resources, const h2::Limits& limits,
                     ClientConnectionOwner& owner, const Patience& patience);
  ~H2ClientConnection() override;
  // Gives it its transport, connected and with its handshake done; the preface leaves with the next
  // turn.
  void open(std::unique_ptr<net::Transport> transport);

  // ClientConnection
  bool takes_request() override;
  ClientStream& send(const UpstreamRequest& request, ResponseReceiver& receiver) override;
  bool still_open() override;
  bool idle() const noexcept override { return open_.empty(); }
  net::Time idle_since() const noexcept override { return idle_since_; }
  uint64_t requests() const noexcept override { return requests_; }
  // HTTP/2 has no field for it.
  std::optional<std::chrono::seconds> announced_timeout() const noexcept override { return {}; }
  bool closed_while_idle() const noexcept override { return closed_while_idle_; }
  std::string_view protocol() const noexcept override { return "HTTP/2.0"; }
  void close() override;

  // Octets of memory that wait, either way.
  uint64_t held() const noexcept;

  // net::Task
  void run() override;

 private:
  friend class H2ClientStream;

  enum class State : uint8_t { open, retired };

  // net::Timer
  void on_timer() override;

  // h2::CodecEvents
  ServerSink* on_stream(h2::StreamId) override { return nullptr; }
  void on_stream_closed(h2::StreamId id, CodecSink& sink, h2::ErrorCode code,
                        bool by_peer) override;
  void on_request_framed(h2::StreamId id, CodecSink& sink) override;
  void on_goaway(h2::StreamId last, h2::ErrorCode code) override;
  void on_settings() override { settled_ = true; }

  void take_turn();
  // Phase one.
  bool wants_input() const noexcept;
  void read();
  bool read_some();
  // Phase two.
  bool let_streams_work();
  bool frame(uint64_t until);
  void write();
  void on_write_failed();
  void reap();
  void settle();
  bool sending() const noexcept { return !out_.empty() || transport_->holds_output(); }

  // For streams.
  void has_work(H2ClientStream& stream);
  void wake_up();
  void count_waiting(uint64_t before, uint64_t now) noexcept { waiting_ += now - before; }
  void close_stream(H2ClientStream& stream);

  bool lasts() const noexcept;
  bool has_room() const noexcept;
  uint64_t most_streams() const noexcept;
  std::unique_ptr<H2ClientStream> acquire_stream();

  // Ends.
  void tell_ended();
  void fail(const ProtocolError& error);
  void lose(std::string_view cause);
  template <typename FailureOf>
  void end_streams(FailureOf failure_of);
  void say_goodbye();
  void retire();

  // The sign of life.
  void note_sign() noexcept;
  void update_timer();

  WorkerResources& resources_;
  const h2::Limits& limits_;
  const Patience patience_;
  ClientConnectionOwner* owner_;  // null when it is not to be told any more
  std::unique_ptr<net::Transport> transport_;
  std::optional<h2::Codec> codec_;  // made when it is known whether it speaks over TLS
  Chain out_;

  H2ClientStream::List open_{H2ClientStream::ListKind::place};
  H2ClientStream::List closed_{H2ClientStream::ListKind::place};
  H2ClientStream::List working_{H2ClientStream::ListKind::work};
  std::vector<std::unique_ptr<H2ClientStream>> free_;

  uint64_t requests_ = 0;
  uint64_t responses_ = 0;     // that came whole
  uint64_t waiting_ = 0;       // octets of responses that receivers have not consumed
  uint64_t owed_ = 0;          // octets of content that the connection's window was not credited
  uint64_t sent_ = 0;          // octets that the transport has taken
  uint64_t read_left_ = 0;     // this turn's budget
  uint64_t most_streams_ = 0;  // when that was last looked at
  uint64_t taken_mark_ = 0;    // octets that the peer had taken then
  net::Time idle_since_{};
  net::Time sign_at_{};  // when the upstream was last heard of
  net::Time asked_at_{};
  State state_ = State::open;
  bool asked_ = false;      // PING waits for its answer
  bool available_ = false;  // a place became free
  bool going_ = false;      // the upstream takes no more requests
  bool settled_ = false;    // it has sent its SETTINGS: it speaks HTTP/2 at all
  bool closing_ = false;    // nor do we make any
  bool in_turn_ = false;
  bool closed_while_idle_ = false;
  bool left_out_ = false;  // a request was not read: what ends the connection is not its idleness
};

}  // namespace sluice::http
