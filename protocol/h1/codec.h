// HTTP/1.0 and HTTP/1.1 (RFC 9112), both roles: octets to message events, heads and content to
// octets.
//
// Reading is strict by SECURITY's rules: our own pass over the complete head comes first, llhttp in
// strict mode reads the same octets as a second opinion, and where they disagree the message is
// refused. Invariants:
//   1. A head is handed on only when all of it is there and all of it is good.
//   2. feed() never consumes beyond the end of one message: what follows waits for next_message().
//   3. Reading never writes; writing never reads.
//   4. llhttp's state is kept only while chunked content is read: an idle codec is under 100
//   octets.
// Thread: one. Ownership: the limits, workspace and pool outlive the codec; a sink is used during a
// call only, and must not destroy the codec or call into its reading side from there (asking it is
// fine).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "protocol/block.h"
#include "protocol/chain.h"
#include "protocol/codec_sink.h"
#include "protocol/h1/limits.h"
#include "protocol/h1/section.h"
#include "protocol/message.h"

namespace sluice::h1 {

enum class Role : uint8_t { server, client };

// Where the reader stands (RFC 9112 section 2.1). `tunnel`: after a 101, what follows is no HTTP.
enum class Reading : uint8_t { head, body, trailers, done, failed, tunnel };

// How content is delimited (RFC 9112 section 6.3).
enum class Framing : uint8_t { none, content_length, chunked, until_close };

// Scratch that all codecs of one thread share: a head is parsed into it and swapped out by the
// sink.
struct Workspace {
  explicit Workspace(BlockPool& block_pool) : pool(block_pool) {}
  BlockPool& pool;
  RequestHead request;
  ResponseHead response;
  FieldList trailers;
};

class ChunkedReader;
class ControlFields;
struct HeadReading;

class Codec {
 public:
  Codec(Role role, const Limits& limits, Workspace& workspace);
  ~Codec();
  Codec(const Codec&) = delete;
  Codec& operator=(const Codec&) = delete;

  // --- Reading -------------------------------------------------------------------------------
  // Reads octets of one message; returns how many were consumed. What is left over (an incomplete
  // head or line, or the next message) must be given again, followed by more, at the start of the
  // next call's input; the codec remembers how far it looked, so that nothing is scanned twice.
  // Views in the head handed to the sink pin `input`.
  size_t feed(const Slice& input, ServerSink& sink);
  size_t feed(const Slice& input, ClientSink& sink);
  // `octets` of content went elsewhere: the sink hears of its end only. Requires: at most
  // content_left(), and not none.
  void pass_over(uint64_t octets, CodecSink& sink);
  // The peer closed its side. Ends content that is delimited by the close; anything else cut short
  // is an error.
  void finish(CodecSink& sink);
  Reading reading() const noexcept;
  // True between the first octet of a head and its end: for the head's deadline.
  bool head_started() const noexcept;
  // After `done`: ready for the next message.
  void next_message();
  // After the sink saw on_request_head: content octets still to come, when known (Content-Length).
  uint64_t content_left() const noexcept;
  // Whether the peer's message allows another on this connection (RFC 9112 section 9.3). Valid
  // after its head.
  bool peer_persists() const noexcept;
  bool peer_is_http_1_0() const noexcept;
  // How long the peer says it keeps the connection when idle, in seconds. Valid after its head.
  std::optional<uint32_t> keep_alive_timeout() const noexcept { return keep_alive_timeout_; }

  // Role client: tells before the response's head what was asked, since it decides how the response
  // is framed.
  void expect_response_to(Method method) noexcept;

  // --- Writing -------------------------------------------------------------------------------
  struct ResponseFraming {
    // A request refused within its head never became an exchange: the codec goes by its line
    // instead.
    Method request_method = Method::get;
    std::optional<uint64_t> length = {};  // of the content, when known
    bool persist = true;                  // false: "Connection: close" is sent
    bool http_1_0 = false;  // the request's version: no chunked coding, keep-alive is said
    // "Date: ...\r\nServer: ...\r\n": rendered once a second by the worker.
    std::string_view common_lines = {};
    // "Keep-Alive: timeout=70\r\n": sent when persisting.
    std::string_view persist_lines = {};
  };
  // Appends a final response's head; returns how its content must be framed. A body of length
  // unknown to a 1.0 client is framed until_close, and then "Connection: close" is sent whatever
  // `persist` says. Fields that belong to the codec (Connection, Transfer-Encoding, Content-Length
  // when the length is known) are skipped when the head has them.
  Framing write_response_head(const ResponseHead& head, const ResponseFraming& framing, Chain& out);
  // Appends a 1xx head (RFC 9110 section 15.2).
  void write_interim_head(const ResponseHead& head, Chain& out);
  // Appends a 101 that switches to `protocol` (RFC 9110 section 15.2.2).
  void write_switching_protocols(const ResponseHead& head, std::string_view protocol, Chain& out);

  struct RequestFraming {
    std::optional<uint64_t> length = {};  // nothing: chunked when the head has a body
    bool persist = true;
  };
  // Appends a request's head rebuilt from its fields: one Host, our own framing.
  Framing write_request_head(const RequestHead& head, const RequestFraming& framing, Chain& out);

  // Moves content from `content` to `out` in the framing that the head announced.
  void write_body(Framing framing, Chain& content, Chain& out);
  // Ends content: the last chunk and trailers for chunked (RFC 9112 section 7.1), nothing
  // otherwise.
  void write_end(Framing framing, const FieldList* trailers, Chain& out);

 private:
  struct RequestReading;
  struct ResponseReading;

  // Each reads what it can of its part of a message and returns how many octets it consumed.
  size_t read_request_head(const Slice& input, ServerSink& sink);
  size_t read_response_head(const Slice& input, ClientSink& sink);
  size_t read_content(const Slice& input, CodecSink& sink);
  size_t read_sized(const Slice& input, CodecSink& sink);
  size_t read_chunked(const Slice& input, CodecSink& sink);

  Outcome read_request_lines(std::string_view input, RequestReading& reading, ProtocolError& error);
  Outcome read_response_lines(std::string_view input, ResponseReading& reading,
                              ProtocolError& error);
  Outcome read_field_lines(std::string_view input, ControlFields& control, FieldList& fields,
                           ProtocolError& error);
  size_t skip_leading_line(std::string_view input, ProtocolError& error);
  size_t end_request_head(const Slice& input, RequestReading& reading, ServerSink& sink);
  size_t end_response_head(const Slice& input, ResponseReading& reading, ClientSink& sink);
  Framing response_framing(const ResponseReading& reading) const noexcept;
  Method answered_method(const ResponseFraming& framing) const noexcept;
  bool llhttp_agrees(std::string_view head, const HeadReading& ours);
  void start_content(const HeadReading& ours, Framing framing);
  void end_message(CodecSink& sink);
  size_t fail(ProtocolError error, CodecSink& sink);

  Workspace& workspace_;
  const Limits& limits_;
  std::unique_ptr<ChunkedReader> chunked_;  // made for the first chunked message
  uint64_t left_ = 0;                       // of content with a Content-Length
  SectionCursor cursor_;                    // within a head that is not complete
  Role role_;
  Reading reading_ = Reading::head;
  Framing framing_ = Framing::none;
  Method asked_ = Method::get;  // what the response answers; role server: from the request line
  bool head_started_ = false;
  bool leading_line_ = false;  // the one CRLF that may precede a request line was there
  bool persists_ = true;
  bool http_1_0_ = false;
  std::optional<uint32_t> keep_alive_timeout_;
};

}  // namespace sluice::h1
