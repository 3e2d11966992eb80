// A stream's life: its request submitted, its response passed on, its end put in words.
#include "server/http/h2_client_stream.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "server/http/h2_client_connection.h"

namespace sluice::http {

// --- The request's content -----------------------------------------------------------------------

void H2ClientStream::Upload::open(BodySource* source, std::optional<uint64_t> length) noexcept {
  source_ = source;
  failure_ = nullptr;
  left_ = length.value_or(UINT64_MAX);
  exact_ = length.has_value();
}

// What does not go on is pending for the codec: the stream is reset before it is pulled again.
Pull H2ClientStream::Upload::pull(Chain& out, size_t max) {
  if (source_ == nullptr) return Pull::pending;
  if (left_ == 0) return pull_surplus();
  const uint64_t before = out.size();
  const Pull result = source_->pull(out, std::min<uint64_t>(max, left_));
  left_ -= std::min(left_, out.size() - before);
  if (result == Pull::failed) return give_up(kContentFailed);
  if (result == Pull::end && exact_ && left_ > 0) return give_up(kContentOfOtherLength);
  return result;
}

// All that was announced has come: its end has to follow.
Pull H2ClientStream::Upload::pull_surplus() {
  Chain surplus;
  const Pull result = source_->pull(surplus, 1);
  if (!surplus.empty()) return give_up(kContentOfOtherLength);
  return result == Pull::failed ? give_up(kContentFailed) : result;
}

Pull H2ClientStream::Upload::give_up(const UpstreamFailure& failure) {
  failure_ = &failure;
  source_ = nullptr;
  stream_.has_work();
  return Pull::pending;
}

const FieldList* H2ClientStream::Upload::trailers() const {
  return source_ != nullptr ? source_->trailers() : nullptr;
}

// --- The request ---------------------------------------------------------------------------------

void H2ClientStream::open(H2ClientConnection& connection, const UpstreamRequest& request,
                          ResponseReceiver& receiver, bool reused) {
  connection_ = &connection;
  receiver_ = &receiver;
  request_ = request;
  upload_.open(request.body, request.length);
  waiting_ = credit_ = 0;
  framed_at_ = UINT64_MAX;
  id_ = 0;
  state_ = State::queued;
  drained_ = woken_ = over_ = reset_by_codec_ = heard_ = head_seen_ = false;
  reused_ = reused;
}

void H2ClientStream::wait_on(List* list) noexcept {
  if (waits_on_ != nullptr) waits_on_->remove(*this);
  waits_on_ = list;
  if (list != nullptr) list->push_back(*this);
}

void H2ClientStream::has_work() { connection_->has_work(*this); }

void H2ClientStream::work() {
  if (state_ == State::closed) return;
  if (state_ == State::queued && !over_) submit();
  if (upload_.failure() != nullptr && receiver_ != nullptr) fail(*upload_.failure());
  if (over_) return give_up();
  if (credit_ > 0) connection_->codec_->consume(id_, std::exchange(credit_, 0), drained_);
  if (std::exchange(woken_, false)) connection_->codec_->resume(id_);
}

void H2ClientStream::submit() {
  state_ = State::open;
  BodySource* const content = request_.body != nullptr ? &upload_ : nullptr;
  id_ = connection_->codec_->submit_request(*request_.head, request_.length, content, *this);
  if (id_ == 0)
    fail({.error = "connection_terminated",
          .cause = "connection took no more requests",
          .unread = true});
}

void H2ClientStream::on_head_framed(uint64_t octets) noexcept { framed_at_ = octets; }

// The codec forgets it without a word to us.
void H2ClientStream::give_up() {
  if (id_ != 0) {
    if (!reset_by_codec_) connection_->codec_->reset(id_, h2::ErrorCode::cancel);
    connection_->codec_->release(id_);
  }
  connection_->close_stream(*this);
}

void H2ClientStream::close() noexcept {
  assert(receiver_ == nullptr);
  upload_.drop();
  request_ = {};
  waiting_ = 0;
  state_ = State::closed;
}

void H2ClientStream::wake() {
  woken_ = true;
  has_work();
}

void H2ClientStream::consumed(uint64_t octets, bool drained) {
  credit_ += octets;
  drained_ = drained;
  connection_->count_waiting(waiting_, waiting_ - std::min(waiting_, octets));
  waiting_ -= std::min(waiting_, octets);
  has_work();
}

void H2ClientStream::cancel() {
  if (state_ == State::closed) return;
  receiver_ = nullptr;
  upload_.drop();
  over_ = true;
  // Outside of a turn the codec does not run: the place is free at once.
  if (!connection_->in_turn_) return give_up();
  has_work();
}

// --- The response --------------------------------------------------------------------------------

void H2ClientStream::on_response_head(ResponseHead& head, bool has_body) {
  if (receiver_ == nullptr) return;
  heard_ = true;
  head_seen_ = head.status >= 200;
  receiver_->on_response_head(head, has_body);
}

void H2ClientStream::on_body(Slice octets) {
  // Below it a copy is cheaper than the block that a waiting slice would pin. The first one's block
  // is the one that is being read into, most often.
  static constexpr size_t kSmall = 1024;
  const size_t size = octets.size();
  connection_->owed_ += size;
  if (receiver_ == nullptr) return;
  const bool small = waiting_ > 0 && size < kSmall;
  connection_->count_waiting(waiting_, waiting_ + size);
  waiting_ += size;
  receiver_->on_response_body(small ? copy_of(octets.view()) : std::move(octets));
}

void H2ClientStream::on_trailers(const FieldList& trailers) {
  if (receiver_ != nullptr) receiver_->on_response_trailers(trailers);
}

// What is left of the request is not wanted any more (RFC 9113 section 8.1). When nothing is, the
// codec closes the stream by itself, at once.
void H2ClientStream::on_end() {
  upload_.drop();
  over_ = true;
  ++connection_->responses_;
  has_work();
  if (ResponseReceiver* const receiver = std::exchange(receiver_, nullptr))
    receiver->on_response_end();
}

void H2ClientStream::on_reset(const ProtocolError& error) {
  reset_by_codec_ = !head_seen_;
  fail(failure_of(error));
  has_work();
}

// --- Failures ------------------------------------------------------------------------------------

void H2ClientStream::on_closed(h2::ErrorCode code, bool by_peer) {
  if (receiver_ != nullptr) fail(reset_failure(code, by_peer));
  id_ = 0;
}

void H2ClientStream::fail(const UpstreamFailure& failure) {
  upload_.drop();
  over_ = true;
  if (ResponseReceiver* const receiver = std::exchange(receiver_, nullptr))
    receiver->on_response_failed(failure);
}

UpstreamFailure H2ClientStream::reset_failure(h2::ErrorCode code, bool by_peer) const noexcept {
  UpstreamFailure failure{.error = heard_ ? "http_response_incomplete" : "connection_terminated",
                          .cause = "upstream reset the stream"};
  if (code == h2::ErrorCode::refused_stream) {  // by itself the codec says so after GOAWAY
    failure.cause = by_peer ? "upstream refused the stream" : "upstream takes no more requests";
    failure.unread = !heard_;
  } else if (by_peer && code == h2::ErrorCode::http_1_1_required) {
    failure.error = "http_protocol_error";
    failure.cause = "upstream requires HTTP/1.1";
  } else if (!by_peer && code == h2::ErrorCode::internal_error && !heard_) {
    failure = {
        .status = 500, .error = "http_request_error", .cause = "request head too large for HTTP/2"};
  } else if (!by_peer) {
    failure.error = "http_protocol_error";
    failure.cause = "malformed response";
  }
  return failure;
}

UpstreamFailure H2ClientStream::lost(std::string_view cause, uint64_t sent,
                                     bool head_begun) const noexcept {
  return {.error = heard_ ? "http_response_incomplete" : "connection_terminated",
          .cause = cause,
          .unread = !heard_ && sent <= framed_at_,
          .idle_race = reused_ && !heard_ && !head_begun};
}

}  // namespace sluice::http
