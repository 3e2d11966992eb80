// What the codec is made of, for its own files: the one place where nghttp2's types meet ours.
#pragma once

#include <nghttp2/nghttp2.h>

#include <array>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "protocol/chain.h"
#include "protocol/h2/codec.h"
#include "protocol/h2/field_block.h"
#include "protocol/h2/flood_guard.h"
#include "protocol/h2/frame_walk.h"
#include "protocol/h2/memory.h"
#include "protocol/h2/priority_field.h"

namespace sluice::h2 {

// nghttp2's user data of a stream. From the workspace's pool, from its first frame to its end.
struct StreamState {
  StreamId id = 0;
  StreamState* previous = nullptr;  // of the session's streams
  StreamState* next = nullptr;
  CodecSink* sink = nullptr;     // null before the head is complete, and after release()
  BodySource* source = nullptr;  // of what we send; null when there is none, or it has ended
  Chain content;                 // pulled and not framed: at most one frame's
  StreamCounts counts;
  uint64_t window = 0;     // the stream's, for what comes
  uint64_t consumed = 0;   // since it last grew
  int status = 0;          // role server: of the final response that was submitted
  bool head_seen = false;  // role client: the final one
  bool head_sent = false;  // likewise ours, whichever role
  bool reset_by_peer = false;
  bool given_up = false;    // our reset is no error of the peer's
  bool reset_sent = false;  // by us
  // The sink was told so, or the message is malformed: nothing else is told but the end.
  bool refused = false;
  bool too_large = false;  // its HEADERS cannot be framed
  bool opening = false;    // its HEADERS or PUSH_PROMISE is not framed: nghttp2 may not know it yet

  // Whom the peer's message goes to, if anybody.
  CodecSink* listener() const noexcept { return refused ? nullptr : sink; }
};

struct SharedParts {
  explicit SharedParts(BlockPool& blocks);
  ~SharedParts();
  SharedParts(const SharedParts&) = delete;
  SharedParts& operator=(const SharedParts&) = delete;

  StreamState* acquire_stream();
  void release_stream(StreamState* stream) noexcept;
  std::unique_ptr<FieldBlock> acquire_block();
  void release_block(std::unique_ptr<FieldBlock> block) noexcept;

  BlockPool& pool;
  Memory memory;
  nghttp2_mem allocator;
  nghttp2_session_callbacks* callbacks = nullptr;
  std::vector<std::unique_ptr<StreamState>> streams;
  std::vector<std::unique_ptr<FieldBlock>> blocks;
  // Scratch of one call.
  std::vector<nghttp2_nv> fields;
  RequestHead request;
  ResponseHead response;
  FieldList trailers;
};

struct Session {
  Session(const CodecOptions& its_options, const Limits& its_limits, SharedParts& its_workspace,
          CodecEvents& its_events);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  bool is_server() const noexcept { return options.role == Role::server; }
  StreamState* stream(StreamId id) noexcept;

  // codec.cc
  void open_session();
  void submit_settings();
  bool fail(ErrorCode code, const ProtocolError& why);
  bool fail_by(int nghttp2_error);
  bool flooded();  // the guard has spoken: fails
  bool submit(int nghttp2_result) noexcept;
  StreamState* begin_stream(StreamId id);
  StreamState* open_stream(CodecSink& sink);  // of ours; its id is not known yet
  void end_stream(StreamState* state) noexcept;
  void close_stream(StreamState& state, ErrorCode code);

  // reading.cc: what nghttp2 calls while octets are parsed; returns as its callbacks do.
  ssize_t receive(std::string_view octets);
  bool on_ignored_frame();
  bool count_block(size_t octets, bool continued);
  int on_begin_frame(const nghttp2_frame_hd& header);
  int on_begin_headers(const nghttp2_frame& frame);
  int on_field(std::string_view name, std::string_view value);
  int on_frame(const nghttp2_frame& frame);
  void on_invalid_frame(const nghttp2_frame& frame);
  int on_headers(const nghttp2_frame& frame);
  int on_data_end(const nghttp2_frame& frame, StreamState* state);
  int on_request(StreamState& state, const FieldBlock& complete, bool ends_stream);
  int hand_on(StreamState& state, FieldBlock::Verdict verdict, const ProtocolError& why);
  int on_response(StreamState& state, const FieldBlock& complete, bool ends_stream);
  int on_trailers(StreamState& state, const FieldBlock& complete, bool ends_stream);
  int on_data(StreamId id, const uint8_t* data, size_t size);
  int refuse_stream(StreamState& state, ErrorCode code, bool ours);

  // prioritizing.cc
  struct Announced {
    StreamId id;
    Priority priority;
  };
  void on_priority_octets(std::string_view octets) noexcept;
  int on_priority_update(const nghttp2_frame_hd& header);
  bool announce(StreamId id, const Priority& priority);
  std::optional<Priority> take_announced(StreamId id);
  void prioritize_request(const StreamState& state, const RequestHead& head);
  void prioritize(StreamId id, const Priority& priority);

  // writing.cc: while frames are made.
  int on_frame_sent(const nghttp2_frame& frame);
  void on_frame_not_sent(const nghttp2_frame& frame, int nghttp2_error);
  void opened(StreamId id) noexcept;
  int on_reset_sent(StreamId id, uint32_t code);
  ssize_t pull(StreamState& state, size_t most, uint32_t& flags);
  ssize_t break_off(StreamState& state) noexcept;
  bool may_promise() const noexcept;
  int frame_content(StreamState& state, const uint8_t* header, size_t size);
  void append(const uint8_t* octets, size_t size);
  void submit_trailers(StreamState& state, uint32_t& flags);
  // :method and what else stands for a request line, into the workspace's fields.
  void add_request_line(const RequestHead& head);

  const CodecOptions options;
  const Limits& limits;
  SharedParts& workspace;
  CodecEvents& events;
  nghttp2_session* session = nullptr;
  StreamState* streams = nullptr;  // all of them
  size_t opening = 0;              // of these
  FloodGuard guard;
  ProtocolError error;
  std::unique_ptr<FieldBlock> block;  // the one that is not complete
  size_t block_octets = 0;            // of it, as they came
  std::vector<StreamId> given_up;     // whose reset is still to be sent, though they are over
  StreamId last_begun = 0;            // by the client
  std::vector<Announced> announced;   // priorities of streams that are to begin
  std::array<char, 68> update;        // payload of a PRIORITY_UPDATE
  size_t update_octets = 0;           // that came of it, kept or not
  uint64_t grown = 0;                 // octets that streams' windows have beyond the first
  FrameWalk walk;
  // Of a running feed().
  const Slice* input = nullptr;
  Time now{};
  bool begun = false;  // nghttp2 has told of a frame since the last step of `walk`
  // Of a running produce().
  Chain* out = nullptr;
  uint64_t until = 0;
  bool held_back = false;  // by `until`
  bool settings_seen = false;
  bool settings_taken = false;  // the peer has acknowledged ours
  bool going_away = false;      // the peer is told which stream was the last
  bool out_of_memory = false;
};

// What an error code of RFC 9113 section 7 says to the log.
std::string_view cause_of(uint32_t code) noexcept;

// For nghttp2, whose octets are unsigned.
inline std::string_view text_of(const uint8_t* octets, size_t size) noexcept {
  return {reinterpret_cast<const char*>(octets), size};
}

}  // namespace sluice::h2
