// What nghttp2 tells while octets are parsed: frames are counted, field blocks collected, and what
// is complete goes to its sink. Nothing is written here but resets, which wait for produce().
#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "protocol/h2/inside.h"

namespace sluice::h2 {

namespace {

bool has(uint8_t flags, uint8_t flag) noexcept { return (flags & flag) != 0; }

}  // namespace

ssize_t Session::receive(std::string_view octets) {
  while (!octets.empty()) {
    const size_t size = walk.step(octets);
    begun = false;
    const auto* const data = reinterpret_cast<const uint8_t*>(octets.data());
    const ssize_t result = nghttp2_session_mem_recv(session, data, size);
    if (result < 0) return result;
    if (walk.at_header() && !begun && !on_ignored_frame()) break;
    octets.remove_prefix(size);
  }
  return 0;
}

// False when it was one too many.
bool Session::on_ignored_frame() {
  if (walk.type() == NGHTTP2_CONTINUATION && !count_block(walk.length(), true)) return false;
  const bool padded = has(walk.flags(), NGHTTP2_FLAG_PADDED);
  const SeenFrame seen{.type = walk.type(),
                       .flags = walk.flags(),
                       .content = content_at_least(walk.length(), padded)};
  return !guard.frame(seen, nullptr, now) || flooded();
}

// Octets of a field block, of its first frame or of one that continues it. False when there are too
// many.
bool Session::count_block(size_t octets, bool continued) {
  block_octets = (continued ? block_octets : 0) + octets;
  if (block_octets <= limits.head_block) return true;
  return fail(ErrorCode::enhance_your_calm, {400, "field block too large", "http2_head_block"});
}

// Every frame is counted before anything is done about it. Padding is not known yet: a padded frame
// of content is counted when it has come (on_frame()), unless nobody knows its stream.
int Session::on_begin_frame(const nghttp2_frame_hd& header) {
  begun = true;
  const bool continued = header.type == NGHTTP2_CONTINUATION;
  const bool field_block =
      continued || header.type == NGHTTP2_HEADERS || header.type == NGHTTP2_PUSH_PROMISE;
  StreamState* const state = header.stream_id != 0 ? stream(header.stream_id) : nullptr;
  // What was left of a malformed block has come.
  if (!continued) workspace.release_block(std::move(block));
  if (field_block && !count_block(header.length, continued)) return NGHTTP2_ERR_CALLBACK_FAILURE;
  const bool padded = header.type == NGHTTP2_DATA && has(header.flags, NGHTTP2_FLAG_PADDED);
  if (padded && state != nullptr) return 0;
  const SeenFrame seen{.type = header.type,
                       .flags = header.flags,
                       .content = content_at_least(static_cast<uint32_t>(header.length), padded)};
  if (guard.frame(seen, state != nullptr ? &state->counts : nullptr, now)) {
    flooded();
    return NGHTTP2_ERR_CALLBACK_FAILURE;
  }
  return 0;
}

int Session::on_begin_headers(const nghttp2_frame& frame) {
  if (frame.hd.type != NGHTTP2_HEADERS) return 0;
  StreamState* state = stream(frame.hd.stream_id);
  const bool request = frame.headers.cat == NGHTTP2_HCAT_REQUEST;
  if (request) {
    last_begun = frame.hd.stream_id;
    state = begin_stream(last_begun);
    nghttp2_session_set_stream_user_data(session, last_begun, state);
  }
  const bool response = !is_server() && state != nullptr && !state->head_seen;
  if (!block) block = workspace.acquire_block();
  block->begin(request    ? FieldBlock::Kind::request
               : response ? FieldBlock::Kind::response
                          : FieldBlock::Kind::trailers);
  return 0;
}

int Session::on_field(std::string_view name, std::string_view value) {
  if (!block) return 0;
  block->add(name, value, limits);
  if (block->lines() <= limits.fields_fatal) return 0;
  fail(ErrorCode::enhance_your_calm, {400, "far too many fields", "http2_fields_fatal"});
  return NGHTTP2_ERR_CALLBACK_FAILURE;
}

int Session::on_frame(const nghttp2_frame& frame) {
  StreamState* const state = frame.hd.stream_id != 0 ? stream(frame.hd.stream_id) : nullptr;
  switch (frame.hd.type) {
    case NGHTTP2_HEADERS:
      return on_headers(frame);
    case NGHTTP2_DATA:
      return on_data_end(frame, state);
    case NGHTTP2_RST_STREAM:
      if (state != nullptr) state->reset_by_peer = true;
      break;
    case NGHTTP2_SETTINGS:
      if (has(frame.hd.flags, NGHTTP2_FLAG_ACK)) {
        settings_taken = true;
      } else if (!std::exchange(settings_seen, true)) {
        events.on_settings();
      }
      break;
    case NGHTTP2_PUSH_PROMISE:  // from a server that has not read our SETTINGS yet
      submit(nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE,
                                       frame.push_promise.promised_stream_id, NGHTTP2_CANCEL));
      break;
    case NGHTTP2_PRIORITY_UPDATE:
      return on_priority_update(frame.hd);
    case NGHTTP2_PING:
      if (has(frame.hd.flags, NGHTTP2_FLAG_ACK)) events.on_pong();
      break;
    case NGHTTP2_GOAWAY:
      events.on_goaway(frame.goaway.last_stream_id,
                       static_cast<ErrorCode>(frame.goaway.error_code));
      break;
    default:
      break;
  }
  return 0;
}

// Nothing more is told of a malformed message: what follows it in the same read would look like the
// rest of a good one. A block that CONTINUATIONs are to follow is awaited all
// the same: until then the peer can say nothing else.
void Session::on_invalid_frame(const nghttp2_frame& frame) {
  if (frame.hd.type == NGHTTP2_HEADERS && has(frame.hd.flags, NGHTTP2_FLAG_END_HEADERS))
    workspace.release_block(std::move(block));
  StreamState* const state = frame.hd.stream_id != 0 ? stream(frame.hd.stream_id) : nullptr;
  if (state != nullptr && !is_server()) state->refused = true;
}

int Session::on_data_end(const nghttp2_frame& frame, StreamState* state) {
  if (state == nullptr) return 0;
  if (has(frame.hd.flags, NGHTTP2_FLAG_PADDED)) {
    const SeenFrame seen{.type = frame.hd.type,
                         .flags = frame.hd.flags,
                         .content = static_cast<uint32_t>(
                             frame.hd.length - std::min(frame.hd.length, frame.data.padlen))};
    if (guard.frame(seen, &state->counts, now)) {
      flooded();
      return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
  }
  CodecSink* const sink = state->listener();
  if (has(frame.hd.flags, NGHTTP2_FLAG_END_STREAM) && sink != nullptr) sink->on_end();
  return 0;
}

int Session::on_headers(const nghttp2_frame& frame) {
  std::unique_ptr<FieldBlock> complete = std::exchange(block, nullptr);
  StreamState* const state = stream(frame.hd.stream_id);
  if (!complete) return 0;
  if (state == nullptr) {
    workspace.release_block(std::move(complete));
    return 0;
  }
  const bool ends_stream = has(frame.hd.flags, NGHTTP2_FLAG_END_STREAM);
  int result = 0;
  switch (complete->kind()) {
    case FieldBlock::Kind::request:
      result = on_request(*state, *complete, ends_stream);
      break;
    case FieldBlock::Kind::response:
      result = on_response(*state, *complete, ends_stream);
      break;
    case FieldBlock::Kind::trailers:
      result = on_trailers(*state, *complete, ends_stream);
      break;
  }
  workspace.release_block(std::move(complete));
  return result;
}

int Session::on_request(StreamState& state, const FieldBlock& complete, bool ends_stream) {
  RequestHead& head = workspace.request;
  ProtocolError why;
  const FieldBlock::Asked asked{.secure = options.secure,
                                .ends_stream = ends_stream,
                                .content_length = limits.content_length};
  const FieldBlock::Verdict verdict = complete.finish_request(asked, workspace.pool, head, why);
  const int result = hand_on(state, verdict, why);
  head.clear();  // and with it what it pins
  if (ends_stream && state.listener() != nullptr) state.sink->on_end();
  return result;
}

int Session::hand_on(StreamState& state, FieldBlock::Verdict verdict, const ProtocolError& why) {
  if (verdict == FieldBlock::Verdict::malformed)
    return refuse_stream(state, ErrorCode::protocol_error, false);
  ServerSink* const sink = going_away ? nullptr : events.on_stream(state.id);
  if (sink == nullptr) return refuse_stream(state, ErrorCode::refused_stream, true);
  state.sink = sink;
  if (verdict == FieldBlock::Verdict::refused) {
    state.refused = true;
    sink->on_reset(why);
  } else {
    prioritize_request(state, workspace.request);
    sink->on_request_head(workspace.request);
  }
  return 0;
}

// `ours`: it is nothing that the peer did wrong.
int Session::refuse_stream(StreamState& state, ErrorCode code, bool ours) {
  state.given_up = ours;
  submit(
      nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, state.id, static_cast<uint32_t>(code)));
  return 0;
}

int Session::on_response(StreamState& state, const FieldBlock& complete, bool ends_stream) {
  if (state.listener() == nullptr) return 0;
  auto& sink = static_cast<ClientSink&>(*state.sink);
  if (complete.refusal().status != 0) {
    state.refused = true;
    sink.on_reset(complete.refusal());
    return refuse_stream(state, ErrorCode::cancel, false);
  }
  ResponseHead& head = workspace.response;
  if (!complete.finish_response(workspace.pool, head)) {
    head.clear();
    state.refused = true;
    return refuse_stream(state, ErrorCode::protocol_error, false);
  }
  state.head_seen = head.status >= 200;
  if (state.head_seen) guard.answered(state.counts, head.status);
  sink.on_response_head(head, state.head_seen && !ends_stream);
  head.clear();
  if (ends_stream) sink.on_end();
  return 0;
}

int Session::on_trailers(StreamState& state, const FieldBlock& complete, bool ends_stream) {
  if (state.listener() == nullptr) return 0;
  if (complete.refusal().status != 0) {
    state.refused = true;
    state.sink->on_reset(complete.refusal());
    return 0;
  }
  FieldList& trailers = workspace.trailers;
  const std::optional<Slice> storage = complete.finish_trailers(workspace.pool, trailers);
  if (storage && !trailers.empty()) state.sink->on_trailers(trailers);
  trailers.clear();
  if (!storage) return refuse_stream(state, ErrorCode::protocol_error, false);
  if (ends_stream && state.listener() != nullptr) state.sink->on_end();
  return 0;
}

// `data` lies in what is being fed, whose memory it pins.
int Session::on_data(StreamId id, const uint8_t* data, size_t size) {
  StreamState* const state = stream(id);
  if (state == nullptr || state->listener() == nullptr) {
    submit(nghttp2_session_consume_connection(session, size));
    return 0;
  }
  const std::string_view octets = text_of(data, size);
  const size_t offset = static_cast<size_t>(octets.data() - input->data());
  const bool inside = octets.data() >= input->data() && offset + size <= input->size();
  state->sink->on_body(inside ? input->sub(offset, size) : copy_of(octets));
  return 0;
}

}  // namespace sluice::h2
