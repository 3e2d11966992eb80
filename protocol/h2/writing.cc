// From heads and content to frames (RFC 9113 sections 6 and 8).
//
// Field values are copied when a head is submitted, since it may wait for its turn longer than its
// exchange lives. Content is not: a frame's octets stay what and where they were pulled as.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <utility>

#include "protocol/grammar.h"
#include "protocol/h2/inside.h"

namespace sluice::h2 {

namespace {

constexpr size_t kFrameHeader = 9;  // RFC 9113 section 4.1

uint8_t* octets_of(std::string_view text) noexcept {
  return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
}

nghttp2_nv line(std::string_view name, std::string_view value, uint8_t flags) noexcept {
  return {octets_of(name), octets_of(value), name.size(), value.size(), flags};
}

// nghttp2 copies names in lower case, and values. A literal's name need not be copied.
nghttp2_nv copied(std::string_view name, std::string_view value) noexcept {
  return line(name, value, NGHTTP2_NV_FLAG_NONE);
}
nghttp2_nv named(std::string_view literal, std::string_view value) noexcept {
  return line(literal, value, NGHTTP2_NV_FLAG_NO_COPY_NAME);
}

// A field that nobody could read as two, and that is not HTTP/1's to send (RFC 9113 section 8.2).
bool is_sendable(const Field& field) noexcept {
  return !is_hop_by_hop(field) && field.id != FieldId::host && is_token(field.name) &&
         is_field_value(field.value) && trim(field.value).size() == field.value.size();
}

void add(const FieldList& fields, bool keep_length, std::vector<nghttp2_nv>& out) {
  for (const Field& field : fields) {
    if (field.id == FieldId::content_length && !keep_length) continue;
    if (is_sendable(field)) out.push_back(copied(field.name, field.value));
  }
}

// A number in memory of the caller's.
struct Digits {
  explicit Digits(uint64_t value) noexcept
      : size(static_cast<size_t>(std::to_chars(room.data(), room.data() + room.size(), value).ptr -
                                 room.data())) {}
  std::string_view view() const noexcept { return {room.data(), size}; }
  std::array<char, 20> room;
  size_t size;
};

bool has_no_content(Method asked, int status) noexcept {
  return asked == Method::head || status < 200 || status == 204 || status == 304;
}

// RFC 9110 section 8.6.
bool may_have_length(Method asked, int status) noexcept {
  return status >= 200 && status != 204 && !(asked == Method::connect && status < 300);
}

ssize_t read_content(nghttp2_session*, int32_t, uint8_t*, size_t length, uint32_t* flags,
                     nghttp2_data_source* source, void* user) {
  return static_cast<Session*>(user)->pull(*static_cast<StreamState*>(source->ptr), length, *flags);
}

nghttp2_data_provider provider_of(StreamState& state) noexcept {
  return {.source = {.ptr = &state}, .read_callback = read_content};
}

std::string_view status_digits(int status) noexcept {
  static const std::array<std::array<char, 3>, 900> kTexts = [] {
    std::array<std::array<char, 3>, 900> texts{};
    for (size_t i = 0; i < texts.size(); ++i)
      std::to_chars(texts[i].data(), texts[i].data() + 3, static_cast<unsigned>(i + 100));
    return texts;
  }();
  const auto index = static_cast<size_t>(std::clamp(status, 100, 999) - 100);
  return {kTexts[index].data(), 3};
}

}  // namespace

void Codec::submit_response(StreamId id, const ResponseHead& head, const ResponseFraming& framing,
                            BodySource* content) {
  Session& session = *session_;
  StreamState* const state = session.stream(id);
  if (state == nullptr) return;
  std::vector<nghttp2_nv>& fields = session.workspace.fields;
  fields.clear();
  fields.push_back(named(":status", status_digits(head.status)));
  if (framing.common != nullptr) {
    for (const Field& field : *framing.common) fields.push_back(named(field.name, field.value));
  }
  const bool empty = has_no_content(framing.request_method, head.status);
  const bool may_say_length = may_have_length(framing.request_method, head.status);
  const bool says_length = framing.length.has_value() && may_say_length;
  const Digits length(framing.length.value_or(0));
  if (says_length) fields.push_back(named("content-length", length.view()));
  add(head.fields, empty && may_say_length && !says_length, fields);
  if (head.prepared != nullptr) add(head.prepared->fields, false, fields);
  state->status = head.status;
  state->head_sent = true;
  if (empty) content = nullptr;
  state->source = content;
  const nghttp2_data_provider provider = provider_of(*state);
  session.submit(nghttp2_submit_response(session.session, id, fields.data(), fields.size(),
                                         content != nullptr ? &provider : nullptr));
}

void Codec::submit_interim(StreamId id, const ResponseHead& head) {
  Session& session = *session_;
  StreamState* const state = session.stream(id);
  if (state == nullptr || state->head_sent) return;
  std::vector<nghttp2_nv>& fields = session.workspace.fields;
  fields.clear();
  fields.push_back(named(":status", status_digits(head.status)));
  add(head.fields, false, fields);
  session.submit(nghttp2_submit_headers(session.session, NGHTTP2_FLAG_NONE, id, nullptr,
                                        fields.data(), fields.size(), nullptr));
}

StreamId Codec::submit_request(const RequestHead& head, std::optional<uint64_t> length,
                               BodySource* content, ClientSink& sink) {
  Session& session = *session_;
  if (nghttp2_session_check_request_allowed(session.session) == 0) return 0;
  std::vector<nghttp2_nv>& fields = session.workspace.fields;
  fields.clear();
  session.add_request_line(head);
  const Digits digits(length.value_or(0));
  if (length && (content != nullptr || *length == 0))
    fields.push_back(named("content-length", digits.view()));
  if (head.expects_continue) fields.push_back(named("expect", "100-continue"));
  add(head.fields, false, fields);
  StreamState* const state = session.open_stream(sink);
  state->source = content;
  const nghttp2_data_provider provider = provider_of(*state);
  const int32_t id = nghttp2_submit_request(session.session, nullptr, fields.data(), fields.size(),
                                            content != nullptr ? &provider : nullptr, state);
  if (!session.submit(id)) {
    session.end_stream(state);
    return 0;
  }
  state->id = id;
  state->head_sent = true;
  return id;
}

void Session::add_request_line(const RequestHead& head) {
  std::vector<nghttp2_nv>& fields = workspace.fields;
  fields.push_back(named(":method", head.method_text));
  const bool plain_connect = head.method == Method::connect && head.tunnel.empty();
  if (!plain_connect) {
    const std::string_view own = options.secure ? "https" : "http";
    fields.push_back(named(":scheme", head.scheme.empty() ? own : head.scheme));
    fields.push_back(named(":path", head.target));
  }
  fields.push_back(named(":authority", head.authority));
  if (!head.tunnel.empty()) fields.push_back(named(":protocol", head.tunnel));
}

StreamId Codec::submit_push(StreamId id, const RequestHead& head, CodecSink& sink) {
  Session& session = *session_;
  if (!peer_takes_pushes() || !session.may_promise()) return 0;
  std::vector<nghttp2_nv>& fields = session.workspace.fields;
  fields.clear();
  session.add_request_line(head);
  add(head.fields, false, fields);
  StreamState* const state = session.open_stream(sink);
  const int32_t promised = nghttp2_submit_push_promise(session.session, NGHTTP2_FLAG_NONE, id,
                                                       fields.data(), fields.size(), state);
  if (!session.submit(promised)) {
    session.end_stream(state);
    return 0;
  }
  state->id = promised;
  return promised;
}

// Promised streams that are open, or are to be, within the client's
// SETTINGS_MAX_CONCURRENT_STREAMS, which nghttp2 holds only requests to (RFC 9113 section 5.1.2).
bool Session::may_promise() const noexcept {
  uint32_t promised = 0;
  for (const StreamState* state = streams; state != nullptr; state = state->next)
    promised += state->id % 2 == 0 ? 1 : 0;
  return promised <
         nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

// nghttp2 asks for a frame's content. It is kept until the frame is made, which is at once, or as
// soon as there is room for it.
ssize_t Session::pull(StreamState& state, size_t most, uint32_t& flags) {
  if (state.source == nullptr) return break_off(state);
  flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  Pull result = Pull::ready;
  while (result == Pull::ready && state.content.size() < most)
    result = state.source->pull(state.content, most - state.content.size());
  if (result == Pull::failed) return break_off(state);
  const uint64_t size = state.content.size();
  if (result == Pull::end) {
    flags |= NGHTTP2_DATA_FLAG_EOF;
    submit_trailers(state, flags);
    state.source = nullptr;
  } else if (size == 0) {
    return NGHTTP2_ERR_DEFERRED;
  }
  return static_cast<ssize_t>(size);
}

// nghttp2 resets the stream with INTERNAL_ERROR, and the peer has done nothing wrong.
ssize_t Session::break_off(StreamState& state) noexcept {
  state.source = nullptr;
  state.given_up = true;
  return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

void Session::submit_trailers(StreamState& state, uint32_t& flags) {
  const FieldList* const trailers = state.source->trailers();
  if (trailers == nullptr || trailers->empty()) return;
  std::vector<nghttp2_nv>& fields = workspace.fields;
  fields.clear();
  add(*trailers, false, fields);
  if (fields.empty()) return;
  if (submit(nghttp2_submit_trailer(session, state.id, fields.data(), fields.size())))
    flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
}

int Session::frame_content(StreamState& state, const uint8_t* header, size_t size) {
  if (out->size() >= until) {
    held_back = true;
    return NGHTTP2_ERR_WOULDBLOCK;
  }
  append(header, kFrameHeader);
  if (size == state.content.size()) {
    out->append(std::move(state.content));
  } else {
    state.content.split(size, *out);
  }
  guard.data_sent(size);
  return 0;
}

// Frames lie side by side in one block, and so become one piece of the chain.
void Session::append(const uint8_t* octets, size_t size) {
  if (size > BlockPool::kBlockSize) {
    out->append(copy_of(text_of(octets, size)));
    return;
  }
  const std::span<char> room = workspace.pool.reserve(size);
  std::memcpy(room.data(), octets, size);
  out->append(workspace.pool.commit(size));
}

int Session::on_frame_sent(const nghttp2_frame& frame) {
  StreamState* const state = frame.hd.stream_id != 0 ? stream(frame.hd.stream_id) : nullptr;
  const bool ends = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  switch (frame.hd.type) {
    case NGHTTP2_PUSH_PROMISE:
      opened(frame.push_promise.promised_stream_id);
      break;
    case NGHTTP2_HEADERS:
      if (frame.headers.cat == NGHTTP2_HCAT_REQUEST) {
        opened(frame.hd.stream_id);
        if (state != nullptr && state->sink != nullptr)
          events.on_request_framed(state->id, *state->sink);
      }
      if (state != nullptr && state->status != 0) guard.answered(state->counts, state->status);
      [[fallthrough]];
    case NGHTTP2_DATA:
      if (ends && state != nullptr && state->sink != nullptr)
        events.on_stream_framed(state->id, *state->sink);
      break;
    case NGHTTP2_RST_STREAM:
      return on_reset_sent(frame.hd.stream_id, frame.rst_stream.error_code);
    case NGHTTP2_GOAWAY:
      if (frame.goaway.error_code != NGHTTP2_NO_ERROR && error.status == 0)
        error = {400, cause_of(frame.goaway.error_code), ""};
      break;
    default:
      break;
  }
  return 0;
}

// One that the peer made us send is counted as its own.
int Session::on_reset_sent(StreamId id, uint32_t code) {
  StreamState* const state = stream(id);
  if (state != nullptr) state->reset_sent = true;
  const bool ours = state != nullptr ? state->given_up : std::erase(given_up, id) > 0;
  if (!ours && code != NGHTTP2_NO_ERROR &&
      guard.reset_by_us(state != nullptr ? &state->counts : nullptr, now))
    flooded();
  return 0;
}

void Session::opened(StreamId id) noexcept {
  StreamState* const state = stream(id);
  if (state != nullptr && std::exchange(state->opening, false)) --opening;
}

void Session::on_frame_not_sent(const nghttp2_frame& frame, int nghttp2_error) {
  if (frame.hd.type == NGHTTP2_PUSH_PROMISE) {
    // The stream that it is made on ended first: nghttp2 says no more of the promised one.
    StreamState* const state = stream(frame.push_promise.promised_stream_id);
    if (state != nullptr && state->opening) close_stream(*state, ErrorCode::cancel);
  } else if (frame.hd.type == NGHTTP2_HEADERS && nghttp2_error == NGHTTP2_ERR_FRAME_SIZE_ERROR) {
    // A block beyond 64 KiB. nghttp2 ends a request of such by itself; a response it would leave
    // open for ever.
    StreamState* const state = stream(frame.hd.stream_id);
    if (state == nullptr) return;
    state->too_large = true;
    if (frame.headers.cat != NGHTTP2_HCAT_REQUEST)
      refuse_stream(*state, ErrorCode::internal_error, true);
  }
}

}  // namespace sluice::h2
