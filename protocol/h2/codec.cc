// The session's beginning and end, and what its owner may ask of it.
#include "protocol/h2/codec.h"

#include <array>
#include <cassert>
#include <utility>

#include "protocol/h2/inside.h"

namespace sluice::h2 {

namespace {

// nghttp2 stops a peer that resets streams at a rate of its own; ours decides first.
constexpr uint64_t kResetsOfNghttp2 = 1'000'000;

}  // namespace

std::string_view cause_of(uint32_t code) noexcept {
  switch (static_cast<ErrorCode>(code)) {
    case ErrorCode::protocol_error:
      return "error in the protocol of HTTP/2";
    case ErrorCode::flow_control_error:
      return "more content than the window allows";
    case ErrorCode::stream_closed:
      return "frame on a closed stream";
    case ErrorCode::frame_size_error:
      return "frame of a wrong size";
    case ErrorCode::compression_error:
      return "field block that cannot be decompressed";
    case ErrorCode::enhance_your_calm:
      return "too much is asked";
    default:
      return "error in HTTP/2";
  }
}

Session::Session(const CodecOptions& its_options, const Limits& its_limits,
                 SharedParts& its_workspace, CodecEvents& its_events)
    : options(its_options),
      limits(its_limits),
      workspace(its_workspace),
      events(its_events),
      guard(its_limits.floods),
      walk(its_options.role == Role::server ? uint32_t{kPreface.size()} : 0) {
  open_session();
  submit_settings();
}

Session::~Session() {
  // Streams that are still there do not end, they are gone with their connection.
  while (streams != nullptr) end_stream(streams);
  nghttp2_session_del(session);
  workspace.release_block(std::move(block));
}

void Session::open_session() {
  nghttp2_option* option = nullptr;
  if (nghttp2_option_new(&option) != 0) std::abort();
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_option_set_no_closed_streams(option, 1);
  nghttp2_option_set_max_outbound_ack(option, limits.floods.outstanding);
  nghttp2_option_set_max_continuations(option, limits.continuations);
  nghttp2_option_set_stream_reset_rate_limit(option, kResetsOfNghttp2, kResetsOfNghttp2);
  nghttp2_option_set_user_recv_extension_type(option, NGHTTP2_PRIORITY_UPDATE);
  const auto open = is_server() ? nghttp2_session_server_new3 : nghttp2_session_client_new3;
  const int result = open(&session, workspace.callbacks, this, option, &workspace.allocator);
  nghttp2_option_del(option);
  if (result != 0) std::abort();
}

void Session::submit_settings() {
  std::array<nghttp2_settings_entry, 5> settings;
  size_t count = 0;
  const auto set = [&](int32_t id, uint32_t value) { settings[count++] = {id, value}; };
  if (is_server()) {
    // RFC 9218 in place of the priorities of RFC 7540: nghttp2 schedules by urgency then.
    set(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1);
    set(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.streams);
    if (options.connect_protocol) set(NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1);
  } else {
    set(NGHTTP2_SETTINGS_ENABLE_PUSH, 0);
  }
  set(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.stream_window);
  set(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits.head);
  submit(nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings.data(), count));
  submit(nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0,
                                               static_cast<int32_t>(limits.connection_window)));
}

// Submitting fails for want of memory, or where the stream has ended meanwhile, which is no fault.
bool Session::submit(int nghttp2_result) noexcept {
  if (nghttp2_result == NGHTTP2_ERR_NOMEM) out_of_memory = true;
  return nghttp2_result >= 0;
}

StreamState* Session::stream(StreamId id) noexcept {
  void* const known = nghttp2_session_get_stream_user_data(session, id);
  if (known != nullptr || opening == 0) return static_cast<StreamState*>(known);
  for (StreamState* state = streams; state != nullptr; state = state->next)
    if (state->opening && state->id == id) return state;
  return nullptr;
}

bool Session::fail(ErrorCode code, const ProtocolError& why) {
  if (error.status == 0) error = {400, why.cause, why.limit};
  submit(nghttp2_session_terminate_session(session, static_cast<uint32_t>(code)));
  return false;
}

bool Session::flooded() {
  return fail(ErrorCode::enhance_your_calm,
              {400, guard.violation().cause, guard.violation().limit});
}

// What nghttp2 gives up with, without a GOAWAY of its own.
bool Session::fail_by(int nghttp2_error) {
  switch (nghttp2_error) {
    case NGHTTP2_ERR_CALLBACK_FAILURE:  // it was said already, by whoever failed
      return false;
    case NGHTTP2_ERR_FLOODED:
      return fail(ErrorCode::enhance_your_calm,
                  {400, "acknowledgements asked for and not read", "http2_outstanding"});
    case NGHTTP2_ERR_TOO_MANY_CONTINUATIONS:
      return fail(ErrorCode::enhance_your_calm,
                  {400, "too many CONTINUATION frames", "http2_continuations"});
    case NGHTTP2_ERR_BAD_CLIENT_MAGIC:
      return fail(ErrorCode::protocol_error, {400, "malformed preface", ""});
    default:
      out_of_memory = nghttp2_error == NGHTTP2_ERR_NOMEM;
      return fail(ErrorCode::internal_error, {400, cause_of(NGHTTP2_INTERNAL_ERROR), ""});
  }
}

void Session::close_stream(StreamState& state, ErrorCode code) {
  if (state.window > limits.stream_window) grown -= state.window - limits.stream_window;
  if (state.given_up && !state.reset_sent && !state.opening) given_up.push_back(state.id);
  nghttp2_session_set_stream_user_data(session, state.id, nullptr);
  // The peer has never heard of it: it said GOAWAY first.
  if (state.opening && code == ErrorCode::internal_error) code = ErrorCode::refused_stream;
  // Nor of this one, but it is no use to try again elsewhere.
  if (state.too_large) code = ErrorCode::internal_error;
  if (state.sink != nullptr)
    events.on_stream_closed(state.id, *state.sink, code, state.reset_by_peer);
  end_stream(&state);
}

StreamState* Session::begin_stream(StreamId id) {
  StreamState* const state = workspace.acquire_stream();
  state->id = id;
  state->window = limits.stream_window;
  state->next = streams;
  if (streams != nullptr) streams->previous = state;
  streams = state;
  guard.stream_begun(state->counts);
  return state;
}

StreamState* Session::open_stream(CodecSink& sink) {
  StreamState* const state = begin_stream(0);
  state->sink = &sink;
  state->opening = true;
  ++opening;
  return state;
}

void Session::end_stream(StreamState* state) noexcept {
  if (state->opening) --opening;
  (state->previous != nullptr ? state->previous->next : streams) = state->next;
  if (state->next != nullptr) state->next->previous = state->previous;
  workspace.release_stream(state);
}

Codec::Codec(const CodecOptions& options, const Limits& limits, Workspace& workspace,
             CodecEvents& events)
    : session_(std::make_unique<Session>(options, limits, *workspace.shared_, events)) {}

Codec::~Codec() = default;

bool Codec::feed(const Slice& input, Time now) {
  Session& in = *session_;
  if (in.error.status != 0) return false;
  in.input = &input;
  in.now = now;
  const ssize_t result = in.receive(input.view());
  in.input = nullptr;
  if (result < 0) return in.fail_by(static_cast<int>(result));
  return in.error.status == 0;
}

bool Codec::charge_upstream_resets(uint64_t count, Time now) {
  for (; count > 0; --count) {
    if (session_->guard.reset_closed_upstream(now)) return session_->flooded();
  }
  return true;
}

const ProtocolError& Codec::error() const noexcept { return session_->error; }
bool Codec::head_started() const noexcept { return session_->block != nullptr; }
uint64_t Codec::held() const noexcept {
  const uint64_t block = session_->block ? session_->block->held() : 0;
  return block + session_->announced.size() * sizeof(Session::Announced);
}

// The window doubles when a whole one was consumed and nothing waits: the consumer keeps up, so it
// is the window that holds the peer back (RFC 9113 section 6.9).
void Codec::consume(StreamId id, uint64_t octets, bool drained) {
  Session& in = *session_;
  StreamState* const state = in.stream(id);
  if (state == nullptr) return;
  in.submit(nghttp2_session_consume_stream(in.session, id, octets));
  state->consumed += octets;
  // Before our SETTINGS are acknowledged streams' windows are not what they say yet.
  if (!in.settings_taken || !drained || state->consumed < state->window) return;
  const uint64_t wider = std::min<uint64_t>(state->window * 2, in.limits.stream_window_most);
  const uint64_t more = wider - std::min(wider, state->window);
  if (more == 0 || in.grown + more > in.limits.connection_window) return;
  in.grown += more;
  state->window = wider;
  state->consumed = 0;
  in.submit(nghttp2_session_set_local_window_size(in.session, NGHTTP2_FLAG_NONE, id,
                                                  static_cast<int32_t>(wider)));
}

void Codec::consume_connection(uint64_t octets) {
  session_->submit(nghttp2_session_consume_connection(session_->session, octets));
}

void Codec::resume(StreamId id) { (void)nghttp2_session_resume_data(session_->session, id); }

void Codec::reset(StreamId id, ErrorCode code) {
  StreamState* const state = session_->stream(id);
  if (state == nullptr || std::exchange(state->given_up, true)) return;
  session_->submit(nghttp2_submit_rst_stream(session_->session, NGHTTP2_FLAG_NONE, id,
                                             static_cast<uint32_t>(code)));
}

void Codec::release(StreamId id) {
  StreamState* const state = session_->stream(id);
  if (state == nullptr) return;
  // What was pulled stays: its frame may be made already, and the octets pin what they lie in.
  state->sink = nullptr;
  state->source = nullptr;
}

void Codec::submit_shutdown_notice() {
  session_->submit(nghttp2_submit_shutdown_notice(session_->session));
}

void Codec::submit_goaway(ErrorCode code) {
  Session& in = *session_;
  in.going_away = true;
  if (code != ErrorCode::no_error) {
    in.submit(nghttp2_session_terminate_session(in.session, static_cast<uint32_t>(code)));
    return;
  }
  const int32_t last = nghttp2_session_get_last_proc_stream_id(in.session);
  in.submit(
      nghttp2_submit_goaway(in.session, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, nullptr, 0));
}

void Codec::ping() {
  session_->submit(nghttp2_submit_ping(session_->session, NGHTTP2_FLAG_NONE, nullptr));
}

bool Codec::peer_takes_pushes() const noexcept {
  return nghttp2_session_get_remote_settings(session_->session, NGHTTP2_SETTINGS_ENABLE_PUSH) != 0;
}

bool Codec::may_request() const noexcept {
  return session_->error.status == 0 &&
         nghttp2_session_check_request_allowed(session_->session) != 0;
}

uint32_t Codec::peer_streams() const noexcept {
  return nghttp2_session_get_remote_settings(session_->session,
                                             NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

bool Codec::peer_takes_connect_protocol() const noexcept {
  return nghttp2_session_get_remote_settings(session_->session,
                                             NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1;
}

bool Codec::produce(Chain& out, uint64_t until, Time now) {
  Session& in = *session_;
  in.out = &out;
  in.until = until;
  in.now = now;
  in.held_back = false;
  while (out.size() < until) {
    const uint8_t* octets = nullptr;
    const ssize_t size = nghttp2_session_mem_send(in.session, &octets);
    if (size < 0) in.out_of_memory = true;
    if (size <= 0) break;
    in.append(octets, static_cast<size_t>(size));
  }
  in.held_back |= out.size() >= until;
  in.out = nullptr;
  return !in.out_of_memory;
}

bool Codec::wants_to_produce() const noexcept {
  return session_->held_back && nghttp2_session_want_write(session_->session) != 0;
}

size_t Codec::waiting_frames() const noexcept {
  return nghttp2_session_get_outbound_queue_size(session_->session);
}

bool Codec::blocked(StreamId id) const noexcept {
  const StreamState* const state = session_->stream(id);
  if (state == nullptr || state->source == nullptr) return false;
  return nghttp2_session_get_stream_remote_window_size(session_->session, id) <= 0 ||
         nghttp2_session_get_remote_window_size(session_->session) <= 0;
}

bool Codec::shut(StreamId id) const noexcept {
  const StreamState* const state = session_->stream(id);
  if (state == nullptr) return false;
  const bool promised = session_->is_server() && id % 2 == 0;
  if (promised && state->head_sent && !state->counts.answered) return true;
  return state->source != nullptr &&
         nghttp2_session_get_stream_remote_window_size(session_->session, id) <= 0;
}

}  // namespace sluice::h2
