// One request's place on an HTTP/2 connection to an upstream: its stream (RFC 9113 section 5).
//
// Pooled by its connection, which owns it. What the codec tells it goes on to its receiver at once;
// what is to be done to the codec waits for the connection's turn, since whoever calls wake(),
// consumed() or cancel() may do so while the codec runs.
//
// Invariants:
//   1. The receiver is told an end once, and nothing after it, nor after cancel().
//   2. The request's content is not touched after cancel(), the response's end or a failure.
//   3. What waits of a response is at most its stream's window: it grows as receivers consume.
//
// States: queued (its head was not given to the codec) -> open -> closed. Thread: the connection's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "protocol/body.h"
#include "protocol/codec_sink.h"
#include "protocol/h2/codec.h"
#include "server/http/client_connection.h"
#include "server/http/linked_list.h"

namespace sluice::http {

class H2ClientConnection;

class H2ClientStream final : public ClientStream, public ClientSink {
 public:
  // A stream is on one list of each kind: its connection's open or closed ones; and those who have
  // something to do.
  enum class ListKind : uint8_t { place, work };
  using List = LinkedList<H2ClientStream, ListKind>;

  // Begins a request. `reused`: the connection has served before.
  void open(H2ClientConnection& connection, const UpstreamRequest& request,
            ResponseReceiver& receiver, bool reused);

  h2::StreamId id() const noexcept { return id_; }
  bool closed() const noexcept { return state_ == State::closed; }
  // Octets of the response that its receiver has not consumed.
  uint64_t waiting() const noexcept { return waiting_; }

  // Moves it to another list of those that wait for the connection's turn; null: to none.
  void wait_on(List* list) noexcept;
  bool waits() const noexcept { return waits_on_ != nullptr; }

  // What was wanted of it since the last time, done to the codec. Not while that runs.
  void work();
  // The request's head is about to leave behind `octets` of the connection's.
  void on_head_framed(uint64_t octets) noexcept;
  // The codec has no stream any more.
  void on_closed(h2::ErrorCode code, bool by_peer);
  // The connection has none any more, for what `failure` says.
  void fail(const UpstreamFailure& failure);
  // What the loss of the connection is to this request, when `sent` octets had left on it.
  UpstreamFailure lost(std::string_view cause, uint64_t sent, bool head_begun) const noexcept;
  // The connection has let go of it: nothing is left to be done.
  void close() noexcept;

  // ClientStream
  void wake() override;
  void consumed(uint64_t octets, bool drained) override;
  void cancel() override;

  // ClientSink
  void on_response_head(ResponseHead& head, bool has_body) override;
  void on_body(Slice octets) override;
  void on_trailers(const FieldList& trailers) override;
  void on_end() override;
  void on_reset(const ProtocolError& error) override;

 private:
  friend List;
  enum class State : uint8_t { queued, open, closed };

  // The request's content as the codec pulls it, held to its length. A stage of its own: what a
  // failed source costs is this stream, with an error that says that it was our will.
  class Upload final : public BodySource {
   public:
    explicit Upload(H2ClientStream& stream) noexcept : stream_(stream) {}
    void open(BodySource* source, std::optional<uint64_t> length) noexcept;
    void drop() noexcept { source_ = nullptr; }
    // Null when it has not failed.
    const UpstreamFailure* failure() const noexcept { return failure_; }

    Pull pull(Chain& out, size_t max) override;
    const FieldList* trailers() const override;

   private:
    Pull pull_surplus();
    Pull give_up(const UpstreamFailure& failure);

    H2ClientStream& stream_;
    BodySource* source_ = nullptr;  // null: none, or not to be touched any more
    const UpstreamFailure* failure_ = nullptr;
    uint64_t left_ = 0;   // that may come
    bool exact_ = false;  // left_ has to become 0
  };

  Links<H2ClientStream>& links(ListKind kind) noexcept { return links_[static_cast<size_t>(kind)]; }
  void submit();
  void give_up();
  void has_work();
  UpstreamFailure reset_failure(h2::ErrorCode code, bool by_peer) const noexcept;

  H2ClientConnection* connection_ = nullptr;
  ResponseReceiver* receiver_ = nullptr;  // null: it is to hear nothing more
  UpstreamRequest request_;
  Upload upload_{*this};
  std::array<Links<H2ClientStream>, 2> links_{};
  List* waits_on_ = nullptr;

  uint64_t waiting_ = 0;             // octets of the response that its receiver has
  uint64_t credit_ = 0;              // of those consumed, what the codec was not told
  uint64_t framed_at_ = UINT64_MAX;  // octets of the connection ahead of our head
  h2::StreamId id_ = 0;
  State state_ = State::closed;
  bool drained_ = false;
  bool woken_ = false;
  bool over_ = false;            // nobody wants more of it: to be reset, if it has not ended
  bool reset_by_codec_ = false;  // and that the codec does by itself
  bool heard_ = false;           // a part of the response came
  bool head_seen_ = false;       // the final one
  bool reused_ = false;
};

}  // namespace sluice::http
