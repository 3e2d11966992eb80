// One stream of an HTTP/2 connection: an exchange's place on it (RFC 9113 section 5).
//
// Pooled, since its head's lists keep their memory. Owned by its connection, between open() and
// close(); what it is told by the codec only sets state, and puts it on the connection's list of
// streams that have something to do. Thread: the connection's.
//
// States (of the response; the request's end is request_ended()):
//   queued      the head is complete, the exchange has not started: a turn starts only some
//   running     the handler has it
//   responding  the response's head was submitted, its content is pulled as windows let it out
//   draining    the response has ended, the rest of the request is read and dropped
//   closed      over; it is recorded when what was framed has been flushed
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "protocol/body.h"
#include "protocol/codec_sink.h"
#include "protocol/h2/codec.h"
#include "server/http/exchange.h"
#include "server/http/linked_list.h"
#include "server/http/progress.h"
#include "server/http/stream.h"

namespace sluice::http {

class H2ServerConnection;

class H2Stream final : public Stream, public ServerSink, private BodySource {
 public:
  // A stream is on one list of each kind: its connection's open or closed ones; and those who wait
  // to start, or have something to do.
  enum class ListKind : uint8_t { place, work };
  using List = LinkedList<H2Stream, ListKind>;
  enum class State : uint8_t { queued, running, responding, draining, closed };

  void open(H2ServerConnection& connection, h2::StreamId id);
  // A stream of ours for a request that the client did not make (RFC 9113 section 8.4).
  void open_promised(H2ServerConnection& connection, h2::StreamId id, RequestHead& head);
  // Ends the exchange and forgets everything: ready for the pool.
  void close();

  h2::StreamId id() const noexcept { return id_; }
  State state() const noexcept { return state_; }
  // Null after close(), and before the request's head.
  Exchange* exchange() const noexcept { return exchange_.get(); }
  bool request_ended() const noexcept { return request_ended_; }
  // Octets of content framed so far.
  uint64_t framed() const noexcept { return framed_; }
  int status() const noexcept { return submitted_ ? exchange_->response().status : 0; }
  // The response left whole, as far as framing goes.
  bool complete() const noexcept { return complete_; }
  // Its exchange had its chance: there is something to record.
  bool started() const noexcept { return started_; }
  bool left_by_peer() const noexcept { return left_by_peer_; }
  // Ending it now closes a connection to an upstream.
  bool holds_upstream() const noexcept {
    return exchange_ && exchange_->handler_state() != nullptr &&
           exchange_->handler_state()->holds_connection();
  }

  // Moves it to another list of those that wait for the connection's turn; null: to none.
  void wait_on(List* list) noexcept {
    if (waits_on_ != nullptr) waits_on_->remove(*this);
    waits_on_ = list;
    if (list != nullptr) list->push_back(*this);
  }
  const List* waits_on() const noexcept { return waits_on_; }

  // queued -> running: hands the request to its route, or answers what its head was refused for.
  void start();
  // What handler, sources and content wanted since the last time.
  void work();
  // The codec has framed the response's end; what is left of the request is dropped, or is too much
  // for that, and the stream is reset.
  void on_framed_whole();
  // The codec has no stream any more.
  void on_closed(h2::ErrorCode code, bool by_peer);
  // Why it was given up; the first word counts.
  void explain(std::string_view cause, std::string_view phase, std::string_view limit);

  // Looks at whether what is waited for gets on.
  void look(net::Time now);
  // Content waits for a window of the peer's.
  bool blocked() const noexcept;

  // Stream
  void submit_interim(const ResponseHead& head) override;
  void submit_final() override;
  void wake() override;
  void reset(ResetCode code) override;
  const tls::Session* session() const noexcept override;
  const net::Peer* peer() const noexcept override;
  sockaddr_storage local_address() const noexcept override;
  bool peer_closed() const noexcept override;

  // ServerSink
  void on_request_head(RequestHead& head) override;
  void on_body(Slice octets) override;
  void on_trailers(const FieldList& trailers) override;
  void on_end() override;
  void on_reset(const ProtocolError& error) override;

 private:
  friend List;
  enum class Watch : uint8_t { nothing, content, window, draining };

  Links<H2Stream>& links(ListKind kind) noexcept { return links_[static_cast<size_t>(kind)]; }
  const conf::Limits& limits() const noexcept { return exchange_->limits().values; }

  // BodySource: the response's content as the codec pulls it, counted and held to its length.
  Pull pull(Chain& out, size_t max) override;
  const FieldList* trailers() const override;

  void begin_exchange(RequestHead& head);
  void invite_content();
  void credit();
  void submit_head();
  void push_preloads(const FieldList& fields);
  void abandon_request_content();
  void give_up(h2::ErrorCode code);
  void note_held();
  bool awaiting_content() const noexcept;
  Watch watch() const noexcept;
  std::chrono::milliseconds patience(Watch watch) const noexcept;
  void run_out(Watch watch, Progress::Verdict verdict);

  H2ServerConnection* connection_ = nullptr;
  h2::StreamId id_ = 0;
  std::unique_ptr<Exchange> exchange_;
  ProtocolError refusal_;  // status 0: none

  uint64_t framed_ = 0;
  uint64_t announced_ = 0;  // the most that may be framed
  uint64_t received_ = 0;   // content octets of the request
  uint64_t credited_ = 0;   // of these, what the stream's window was given back
  uint64_t discarded_ = 0;
  uint64_t held_ = 0;  // what the connection was told that waiting content pins
  Progress progress_;
  std::array<Links<H2Stream>, 2> links_{};
  List* waits_on_ = nullptr;

  State state_ = State::closed;
  Watch watch_ = Watch::nothing;
  net::Time watch_since_{};
  h2::ErrorCode wanted_reset_ = h2::ErrorCode::no_error;
  bool reset_wanted_ = false;
  bool request_ended_ = false;
  bool content_arrived_ = false;  // since the handler was last told
  bool continue_sent_ = false;
  bool exact_ = false;      // framed_ has to become announced_
  bool submitted_ = false;  // the response's head
  bool complete_ = false;
  bool started_ = false;
  bool promised_ = false;
  bool left_by_peer_ = false;
};

// Streams of one worker that are not in use.
class H2StreamPool {
 public:
  std::unique_ptr<H2Stream> acquire();
  void release(std::unique_ptr<H2Stream> stream);

 private:
  std::vector<std::unique_ptr<H2Stream>> free_;
};

}  // namespace sluice::http
