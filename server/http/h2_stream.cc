// A stream's life: from a complete head through its exchange to the end of both directions.
#include "server/http/h2_stream.h"

#include <algorithm>
#include <cassert>
#include <optional>
#include <utility>

#include "server/http/h2_server_connection.h"
#include "server/http/preload.h"

namespace sluice::http {

namespace {

using std::chrono::milliseconds;

h2::ErrorCode code_of(ResetCode code) noexcept {
  switch (code) {
    case ResetCode::cancel:
      return h2::ErrorCode::cancel;
    case ResetCode::refused:
      return h2::ErrorCode::refused_stream;
    case ResetCode::internal_error:
      break;
  }
  return h2::ErrorCode::internal_error;
}

}  // namespace

void H2Stream::open(H2ServerConnection& connection, h2::StreamId id) {
  connection_ = &connection;
  id_ = id;
  refusal_ = {};
  framed_ = announced_ = received_ = credited_ = discarded_ = held_ = 0;
  state_ = State::queued;
  watch_ = Watch::nothing;
  reset_wanted_ = request_ended_ = content_arrived_ = continue_sent_ = false;
  exact_ = submitted_ = complete_ = started_ = left_by_peer_ = promised_ = false;
}

void H2Stream::open_promised(H2ServerConnection& connection, h2::StreamId id, RequestHead& head) {
  open(connection, id);
  begin_exchange(head);
  exchange_->request_body().finish();
  promised_ = request_ended_ = true;
}

void H2Stream::close() {
  if (exchange_) connection_->context_.exchanges.release(std::move(exchange_));
  note_held();
  connection_ = nullptr;
}

// --- The request ---------------------------------------------------------------------------------

void H2Stream::on_request_head(RequestHead& head) { begin_exchange(head); }

void H2Stream::begin_exchange(RequestHead& head) {
  assert(!exchange_);
  exchange_ = connection_->context_.exchanges.acquire();
  exchange_->begin(*this, head, *connection_->listener_, connection_->context_.loop.now());
}

void H2Stream::on_body(Slice octets) {
  received_ += octets.size();
  connection_->owed_ += octets.size();
  if (state_ == State::closed || exchange_->request_body().cancelled()) {
    discarded_ += octets.size();
    return connection_->has_work(*this);
  }
  content_arrived_ = true;
  exchange_->request_body().append(std::move(octets));
  note_held();
  connection_->has_work(*this);
}

void H2Stream::on_trailers(const FieldList& trailers) {
  ++connection_->heads_;
  if (!exchange_->request_body().cancelled()) exchange_->request_body().set_trailers(trailers);
}

void H2Stream::on_end() {
  request_ended_ = true;
  content_arrived_ = true;
  exchange_->request_body().finish();
  connection_->has_work(*this);
}

void H2Stream::on_reset(const ProtocolError& error) {
  refusal_ = error;
  if (!exchange_) {  // the head itself is refused, in start()
    RequestHead unread;
    return begin_exchange(unread);
  }
  exchange_->request_body().fail();
  connection_->has_work(*this);
}

// --- The exchange --------------------------------------------------------------------------------

void H2Stream::start() {
  state_ = State::running;
  started_ = true;
  if (refusal_.status != 0) {
    exchange_->refuse(refusal_.status, refusal_.cause, "head", refusal_.limit);
  } else {
    exchange_->start(*connection_->context_.router);
  }
  connection_->look_within(patience(Watch::nothing));
}

void H2Stream::work() {
  if (state_ == State::queued || state_ == State::closed) return;
  if (reset_wanted_) return give_up(wanted_reset_);
  RequestBody& body = exchange_->request_body();
  if (std::exchange(content_arrived_, false)) exchange_->notify_request_body();
  if (!exchange_->responded()) {
    if (body.too_large()) {
      exchange_->refuse(413, "content over the route's limit", "request content", "body");
    } else if (refusal_.status != 0) {
      exchange_->refuse(refusal_.status, refusal_.cause, "request content", refusal_.limit);
    }
  }
  invite_content();
  note_held();
  credit();
  if (!exchange_->responded()) return;
  if (!submitted_) {
    submit_head();
  } else if (state_ == State::responding) {
    connection_->codec_.resume(id_);
  }
}

// Sends 100 (Continue) once somebody wants the content that the client holds back (RFC 9110
// section 10.1.1).
void H2Stream::invite_content() {
  const RequestBody& body = exchange_->request_body();
  const bool wanted = exchange_->responded() ? body.claimed() : body.wanted();
  if (!wanted || body.too_large() || submitted_ || received_ > 0) return;
  if (!exchange_->request().expects_continue || std::exchange(continue_sent_, true)) return;
  ResponseHead interim;
  interim.status = 100;
  connection_->codec_.submit_interim(id_, interim);
}

// Gives the stream's window back what was consumed since; nothing while the connection is full.
// What is dropped is consumed, up to the drain limit.
void H2Stream::credit() {
  if (request_ended_) return;
  if (connection_->is_full()) return connection_->put_credit_off();
  const RequestBody& body = exchange_->request_body();
  if (body.cancelled() && discarded_ > limits().drain) return;
  const uint64_t consumed = received_ - body.waiting() - credited_;
  if (consumed == 0) return;
  credited_ += consumed;
  connection_->codec_.consume(id_, consumed, body.waiting() == 0);
}

void H2Stream::submit_head() {
  exchange_->filter_response();
  abandon_request_content();
  submitted_ = true;
  state_ = State::responding;
  BodySource* const source = exchange_->source();
  const h2::Codec::ResponseFraming framing{
      .request_method = exchange_->request().method,
      .length = exchange_->length_to_announce(),
      .common = &connection_->context_.common_fields(exchange_->response())};
  exact_ = framing.length.has_value();
  announced_ = framing.length.value_or(UINT64_MAX);
  push_preloads(exchange_->response().fields);
  connection_->codec_.submit_response(id_, exchange_->response(), framing,
                                      source != nullptr ? this : nullptr);
}

// Before the head that names them, so that the client does not ask for them itself (RFC 9113
// section 8.4).
void H2Stream::push_preloads(const FieldList& fields) {
  if (promised_ || !exchange_->routed() || !exchange_->route().push) return;
  if (exchange_->request().method != Method::get) return;
  for (const Field& field : fields) {
    if (!equals_ignoring_case(field.name, "link")) continue;
    std::string_view links = field.value;
    for (std::string_view target = next_preload(links); !target.empty();
         target = next_preload(links)) {
      if (target == exchange_->request().target) continue;  // a page that names itself
      connection_->push(id_, exchange_->request(), target);
    }
  }
}

// The response is about to start: what is left of a request that nobody reads is dropped.
void H2Stream::abandon_request_content() {
  RequestBody& body = exchange_->request_body();
  if (!request_ended_ && !body.claimed()) body.cancel();
}

Pull H2Stream::pull(Chain& out, size_t max) {
  const uint64_t before = out.size();
  const Pull result = exchange_->source()->pull(out, max);
  const uint64_t octets = out.size() - before;
  framed_ += octets;
  connection_->framed_ += octets;
  const bool short_of_it = result == Pull::end && exact_ && framed_ != announced_;
  if (framed_ > announced_ || short_of_it) {
    explain("content is not of the length that its source announced", "response", {});
    return Pull::failed;
  }
  if (result == Pull::failed) explain("content failed", "response", {});
  return result;
}

const FieldList* H2Stream::trailers() const { return exchange_->source()->trailers(); }

void H2Stream::submit_interim(const ResponseHead& head) {
  if (promised_) return;  // nobody waits for it
  push_preloads(head.fields);
  connection_->codec_.submit_interim(id_, head);
  connection_->wake_up();
}

void H2Stream::submit_final() { connection_->has_work(*this); }

void H2Stream::wake() { connection_->has_work(*this); }

void H2Stream::reset(ResetCode code) {
  explain("handler gave up", submitted_ ? "response" : "handler", {});
  wanted_reset_ = code_of(code);
  reset_wanted_ = true;
  connection_->has_work(*this);
}

const tls::Session* H2Stream::session() const noexcept { return connection_->handshaken_; }
const net::Peer* H2Stream::peer() const noexcept { return &connection_->peer_; }
sockaddr_storage H2Stream::local_address() const noexcept {
  return connection_->transport_->local_address();
}
bool H2Stream::peer_closed() const noexcept { return connection_->transport_->peer_closed(); }

// --- The end -------------------------------------------------------------------------------------

// A client that still sends is let finish, as far as that is cheap; else it is told that there is
// no need (RFC 9113 section 8.1).
void H2Stream::on_framed_whole() {
  complete_ = true;
  if (request_ended_ || state_ == State::closed) return;
  state_ = State::draining;
  const uint64_t announced = exchange_->request().content_length.value_or(0);
  // Who waits for 100 (Continue) sends its content or not: nothing tells which.
  const bool uninvited = exchange_->request().expects_continue && !continue_sent_;
  if (uninvited || announced > limits().drain) {
    wanted_reset_ = h2::ErrorCode::no_error;
    reset_wanted_ = true;
  }
  connection_->has_work(*this);
}

void H2Stream::give_up(h2::ErrorCode code) {
  reset_wanted_ = false;
  connection_->codec_.reset(id_, code);
}

void H2Stream::on_closed(h2::ErrorCode code, bool by_peer) {
  if (!complete_ && by_peer) {
    explain("client reset the stream", submitted_ ? "response" : "handler", {});
  } else if (!complete_ && code != h2::ErrorCode::no_error) {
    explain("stream failed", submitted_ ? "response" : "handler", {});
  }
  left_by_peer_ = !complete_ && by_peer;
  state_ = State::closed;
  watch_ = Watch::nothing;
}

void H2Stream::explain(std::string_view cause, std::string_view phase, std::string_view limit) {
  if (exchange_ && exchange_->explanation().cause.empty()) exchange_->explain(cause, phase, limit);
}

void H2Stream::note_held() {
  const uint64_t now = exchange_ ? exchange_->request_body().held() : 0;
  connection_->count_held(held_, now);
  held_ = now;
}

// --- Deadlines -----------------------------------------------------------------------------------

bool H2Stream::awaiting_content() const noexcept {
  if (request_ended_ || exchange_->responded()) return false;
  const RequestBody& body = exchange_->request_body();
  return body.wanted() && !body.cancelled() && body.waiting() == 0 && !connection_->holds_back();
}

bool H2Stream::blocked() const noexcept {
  return state_ == State::responding && !complete_ && connection_->codec_.blocked(id_);
}

H2Stream::Watch H2Stream::watch() const noexcept {
  if (state_ == State::draining) return Watch::draining;
  if (state_ == State::running && awaiting_content()) return Watch::content;
  // While it is the connection's window, streams of more urgency may have all that it lets out.
  const bool shut = state_ == State::responding && !complete_ && connection_->codec_.shut(id_);
  return shut ? Watch::window : Watch::nothing;
}

milliseconds H2Stream::patience(Watch watch) const noexcept {
  switch (watch) {
    case Watch::content:
      return limits().body_timeout;
    case Watch::window:
      return connection_->limits().http2_window_timeout;
    case Watch::draining:
      return limits().drain_timeout;
    case Watch::nothing:
      break;
  }
  return std::min(
      {limits().body_timeout, limits().drain_timeout, connection_->limits().http2_window_timeout});
}

void H2Stream::look(net::Time now) {
  if (state_ == State::queued || state_ == State::closed) return;
  const Watch watch = this->watch();
  const milliseconds timeout = patience(watch);
  connection_->look_within(timeout);
  const uint64_t octets = watch == Watch::window ? framed_ : received_;
  if (watch != watch_) {
    watch_ = watch;
    watch_since_ = now;
    progress_.begin(now, octets);
  }
  if (watch == Watch::nothing) return;
  if (watch == Watch::draining) {
    if (now - watch_since_ >= timeout) run_out(watch, Progress::Verdict::stalled);
    return;
  }
  const uint64_t rate = watch == Watch::content ? limits().body_rate : limits().send_rate;
  const Progress::Verdict verdict = progress_.look(now, octets, timeout, rate);
  if (verdict != Progress::Verdict::good) run_out(watch, verdict);
}

void H2Stream::run_out(Watch watch, Progress::Verdict verdict) {
  const bool stalled = verdict == Progress::Verdict::stalled;
  switch (watch) {
    case Watch::content:
      exchange_->refuse(408, stalled ? "content stalled" : "content too slow", "request content",
                        stalled ? "body_timeout" : "body_rate");
      return connection_->has_work(*this);
    case Watch::window:
      explain(stalled ? "client leaves its window shut" : "client opens its window too slowly",
              "response", stalled ? "http2_window_timeout" : "send_rate");
      give_up(h2::ErrorCode::cancel);
      if (!promised_) connection_->count_stall();
      return;
    case Watch::draining:
      return give_up(h2::ErrorCode::no_error);
    case Watch::nothing:
      return;
  }
}

// --- The pool ------------------------------------------------------------------------------------

std::unique_ptr<H2Stream> H2StreamPool::acquire() {
  if (free_.empty()) return std::make_unique<H2Stream>();
  std::unique_ptr<H2Stream> stream = std::move(free_.back());
  free_.pop_back();
  return stream;
}

void H2StreamPool::release(std::unique_ptr<H2Stream> stream) {
  static constexpr size_t kKept = 256;
  if (free_.size() < kKept) free_.push_back(std::move(stream));
}

}  // namespace sluice::http
