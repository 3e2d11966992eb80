// Whose turn it is: what clients say of their streams' priorities (RFC 9218).
//
// nghttp2 schedules, and reads the priority field. PRIORITY_UPDATE is read here, since nghttp2 1.52
// keeps a stream that it announces in its list of idle ones when that begins, and for ever: it
// writes to the stream's memory when that is long released, and ends the connection behind a
// hundred of them.
#include <algorithm>
#include <utility>

#include "protocol/h2/inside.h"

namespace sluice::h2 {

namespace {

constexpr size_t kStreamField = 4;  // of the payload (RFC 9218 section 7.1)

}  // namespace

// A part of a PRIORITY_UPDATE's payload. One that is longer than any of use is not kept.
void Session::on_priority_octets(std::string_view octets) noexcept {
  const size_t room = update.size() - std::min(update.size(), update_octets);
  std::copy_n(octets.data(), std::min(octets.size(), room), update.data() + (update.size() - room));
  update_octets += octets.size();
}

int Session::on_priority_update(const nghttp2_frame_hd& header) {
  const size_t size = std::exchange(update_octets, 0);
  const std::string_view payload(update.data(), std::min(size, update.size()));
  const auto broken = [&](ErrorCode code) {
    fail(code, {400, cause_of(static_cast<uint32_t>(code)), ""});
    return NGHTTP2_ERR_CALLBACK_FAILURE;
  };
  if (!is_server() || header.stream_id != 0) return broken(ErrorCode::protocol_error);
  if (size < kStreamField) return broken(ErrorCode::frame_size_error);
  uint32_t number = 0;
  for (const char octet : payload.substr(0, kStreamField))
    number = number << 8U | static_cast<uint8_t>(octet);
  const auto id = static_cast<StreamId>(number & 0x7FFF'FFFFU);
  const bool pushed = id % 2 == 0;
  const bool idle_push =
      pushed && static_cast<uint32_t>(id) >= nghttp2_session_get_next_stream_id(session);
  if (id == 0 || idle_push) return broken(ErrorCode::protocol_error);
  const std::optional<Priority> priority =
      size <= update.size() ? parse_priority(payload.substr(kStreamField)) : std::nullopt;
  if (!priority) return 0;
  if (nghttp2_session_find_stream(session, id) != nullptr) {
    prioritize(id, *priority);
  } else if (!pushed && id > last_begun && !announce(id, *priority)) {
    return broken(ErrorCode::protocol_error);
  }
  return 0;
}

// It may come before its stream. False when that is of more streams than may be open, which is no
// error before the client is known to know how many these are.
bool Session::announce(StreamId id, const Priority& priority) {
  const auto known = std::find_if(announced.begin(), announced.end(),
                                  [&](const Announced& one) { return one.id == id; });
  if (known != announced.end()) {
    known->priority = priority;
    return true;
  }
  size_t active = announced.size();
  for (const StreamState* state = streams; state != nullptr; state = state->next)
    active += static_cast<size_t>(state->id % 2);
  if (active >= limits.streams) return !settings_taken;
  announced.push_back({.id = id, .priority = priority});
  return true;
}

// What was said of a stream before it began. What was said of earlier ones is void: they cannot
// begin any more (RFC 9113 section 5.1.1).
std::optional<Priority> Session::take_announced(StreamId id) {
  std::optional<Priority> found;
  std::erase_if(announced, [&](const Announced& one) {
    if (one.id == id) found = one.priority;
    return one.id <= id;
  });
  return found;
}

// PRIORITY_UPDATE outdoes the request's own field, though it came first (RFC 9218 section 7). A
// client that says nothing gets its responses side by side, as from servers that know no
// priorities: by RFC 9218's default each would wait for the one before, however long that is.
void Session::prioritize_request(const StreamState& state, const RequestHead& head) {
  const std::optional<Priority> said = announced.empty() ? std::nullopt : take_announced(state.id);
  if (!said && head.fields.find(FieldId::priority) != nullptr) return;
  prioritize(state.id, said.value_or(Priority{.incremental = true}));
}

void Session::prioritize(StreamId id, const Priority& priority) {
  const nghttp2_extpri extpri{.urgency = priority.urgency, .inc = priority.incremental ? 1 : 0};
  // nghttp2 reads the field of a request behind this, and is not to go by it any more.
  constexpr int kIgnoresTheField = 1;
  submit(nghttp2_session_change_extpri_stream_priority(session, id, &extpri, kIgnoresTheField));
}

}  // namespace sluice::h2
