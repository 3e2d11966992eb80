// The HTTP/2 codec (RFC 9113, RFC 7541, RFC 9218): from octets to the messages of streams and back,
// in both roles. nghttp2 frames and compresses; what it lets through and we do not is checked here.
//
// Invariants:
//   1. feed() never writes: what it has to say waits for produce(), in the order of its calls.
//   2. A malformed message reaches no sink: its stream is reset (RFC 9113 section 8.1.1), and the
//   connection goes on.
//   3. Content is never copied: what comes pins the input, what goes moves from its source's chain.
//   4. Nothing is pulled from a source that its stream's or the connection's window does not let
//   out, beyond one frame.
//   5. No sink and no source is touched after on_stream_closed() of its stream, or after release().
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "protocol/block.h"
#include "protocol/body.h"
#include "protocol/chain.h"
#include "protocol/codec_sink.h"
#include "protocol/h2/limits.h"
#include "protocol/message.h"
#include "protocol/slice.h"

namespace sluice::h2 {

enum class Role : uint8_t { server, client };

// Where nghttp2's types are (protocol/h2/inside.h).
struct Session;
struct SharedParts;

// RFC 9113 section 5.1.1: odd ones are the client's, even ones pushed; 0 is the connection.
using StreamId = int32_t;

// RFC 9113 section 7.
enum class ErrorCode : uint32_t {
  no_error = 0,
  protocol_error = 1,
  internal_error = 2,
  flow_control_error = 3,
  settings_timeout = 4,
  stream_closed = 5,
  frame_size_error = 6,
  refused_stream = 7,
  cancel = 8,
  compression_error = 9,
  connect_error = 10,
  enhance_your_calm = 11,
  inadequate_security = 12,
  http_1_1_required = 13,
};

// What the client's first octets are (RFC 9113 section 3.4).
inline constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// What the codecs of one worker share: nghttp2's memory from free lists, its callbacks and options,
// scratch for heads. Thread: the worker's; outlives its codecs.
class Workspace {
 public:
  explicit Workspace(BlockPool& pool);
  ~Workspace();
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  // How often nghttp2's memory came from the heap: constant while free lists serve it.
  uint64_t taken_from_heap() const noexcept;

 private:
  friend class Codec;
  std::unique_ptr<SharedParts> shared_;
};

// What a codec tells the connection that owns it, while feed() or produce() runs. Only sets state:
// of the codec's methods only release() may be called.
class CodecEvents {
 public:
  // Role server: the head of stream `id` is complete; who takes the message from here on, beginning
  // with on_request_head(), or with on_reset() for a head over a limit (ProtocolError::status says
  // what to answer: the stream is still there to respond on). Null: no more streams, it is reset
  // with REFUSED_STREAM.
  virtual ServerSink* on_stream(StreamId id) = 0;
  // The stream is over, both ways or by a reset; `code` is no_error when it ended well. The last
  // that is heard of it; `sink` is what on_stream() or submit_request() had.
  virtual void on_stream_closed(StreamId id, CodecSink& sink, ErrorCode code, bool by_peer) = 0;
  // The end of our message on this stream was framed.
  virtual void on_stream_framed(StreamId id, CodecSink& sink) { (void)id, (void)sink; }
  // Role client: the head of our request was framed, and is about to be appended to what produce()
  // fills: while all that was there before has not left, the peer knows nothing of the stream.
  virtual void on_request_framed(StreamId id, CodecSink& sink) { (void)id, (void)sink; }
  // The peer said GOAWAY: streams of ours above `last` were not and will not be processed.
  virtual void on_goaway(StreamId last, ErrorCode code) { (void)last, (void)code; }
  // The peer answered ping().
  virtual void on_pong() {}
  // The peer has sent its first SETTINGS: the preface is complete.
  virtual void on_settings() {}

 protected:
  ~CodecEvents() = default;
};

struct CodecOptions {
  Role role = Role::server;
  // Of the connection: a request whose :scheme is another is malformed.
  bool secure = false;
  // Role server: SETTINGS_ENABLE_CONNECT_PROTOCOL (RFC 8441). Without it a request with :protocol
  // is malformed.
  bool connect_protocol = false;
};

// Thread: the workspace's. `limits` and `events` outlive it.
class Codec {
 public:
  Codec(const CodecOptions& options, const Limits& limits, Workspace& workspace,
        CodecEvents& events);
  ~Codec();
  Codec(const Codec&) = delete;
  Codec& operator=(const Codec&) = delete;

  // --- Reading -----------------------------------------------------------------------------------
  // Parses all of `input` (role server: the preface first). False when the connection failed: the
  // GOAWAY that says why waits for produce(), nothing more is to be fed, and no stream begins any
  // more.
  [[nodiscard]] bool feed(const Slice& input, Time now);
  // Role server: `count` of the streams that the peer has reset cost us connections to upstreams,
  // which is dearer than a stream. False when that is too much, as feed() has it.
  [[nodiscard]] bool charge_upstream_resets(uint64_t count, Time now);
  // Why it failed: cause and limit for the log; status 0 while it has not.
  const ProtocolError& error() const noexcept;
  // A field block has begun and is not complete: for the head's deadline.
  bool head_started() const noexcept;
  // `octets` of the stream's content were consumed: the stream's window grows by them. `drained`:
  // nothing of it waits any more, so that its consumer keeps up and the window may double.
  void consume(StreamId id, uint64_t octets, bool drained);
  // The same for the connection's window. Whoever takes content credits each octet once to either.
  void consume_connection(uint64_t octets);
  // Octets of memory that the codec keeps for its connection beyond its fixed part: an incomplete
  // field block, what was said of streams' priorities before they begin.
  uint64_t held() const noexcept;

  // --- Writing -----------------------------------------------------------------------------------
  struct ResponseFraming {
    Method request_method = Method::get;
    // Of the content, when known and fitting: content-length is sent.
    std::optional<uint64_t> length = {};
    // date and server: sent with every final response. Names are literals in lower case; values are
    // copied.
    const FieldList* common = nullptr;
  };
  // A final response; its content is pulled from `content` (null: none) until it ends. `head` and
  // `content` stay until on_stream_closed() or release(). Fields that belong to a connection are
  // skipped; names go out in lower case; a value that is none is left out.
  void submit_response(StreamId id, const ResponseHead& head, const ResponseFraming& framing,
                       BodySource* content);
  // 1xx. Copied.
  void submit_interim(StreamId id, const ResponseHead& head);
  // Role client: opens a stream. `sink` takes the response. Returns its id, 0 when there are no
  // more to be had. The scheme is `head.scheme`, else the connection's.
  StreamId submit_request(const RequestHead& head, std::optional<uint64_t> length,
                          BodySource* content, ClientSink& sink);
  // Role client: submit_request() opens a stream: no GOAWAY came, and there are ids left.
  bool may_request() const noexcept;
  // Role client: streams that the peer takes at a time (SETTINGS_MAX_CONCURRENT_STREAMS), 100 while
  // it has not said. More may be submitted; they wait for one of those to end.
  uint32_t peer_streams() const noexcept;
  // Role server: promises a response to a GET of `head` (path, authority) on `id` (RFC 9113
  // section 8.4). Returns the promised stream's id, 0 when the client does not take pushes, or no
  // more of them now.
  StreamId submit_push(StreamId id, const RequestHead& head, CodecSink& sink);
  bool peer_takes_pushes() const noexcept;
  // Role client: the peer takes CONNECT with :protocol (RFC 8441 section 3).
  bool peer_takes_connect_protocol() const noexcept;

  // A source that was pending has more. Idempotent.
  void resume(StreamId id);
  // Gives a stream up.
  void reset(StreamId id, ErrorCode code);
  // Forgets a stream's sink and source without a word on the wire: they end now. on_stream_closed()
  // does not come.
  void release(StreamId id);
  // RFC 9113 section 6.8: first that there will be a last stream, then which it was. After the
  // second no stream begins.
  void submit_shutdown_notice();
  void submit_goaway(ErrorCode code);
  // A PING of ours; on_pong() tells when it came back.
  void ping();

  // Frames into `out` until it holds `until` octets, or there is nothing more to frame now. False
  // when nghttp2 failed (out of memory): the connection is to be cut.
  [[nodiscard]] bool produce(Chain& out, uint64_t until, Time now);
  // There are frames to produce that no window and no source holds back.
  bool wants_to_produce() const noexcept;
  // Frames that wait to be produced, content not counted.
  size_t waiting_frames() const noexcept;
  // Content of this stream waits for a window of the peer's: the stream's or the connection's.
  bool blocked(StreamId id) const noexcept;
  // It is the stream's own window that is shut; or a promised response waits for its place among
  // those that the peer lets us begin (RFC 9113 section 8.4.2).
  bool shut(StreamId id) const noexcept;

 private:
  std::unique_ptr<Session> session_;
};

}  // namespace sluice::h2
