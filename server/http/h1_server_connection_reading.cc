// Phase one of a server connection's turn: reading into blocks, feeding the codec, and what the
// codec says. Only sets state; nothing is written here but refusals, which go out with the turn's
// flush.
#include <algorithm>
#include <cassert>
#include <utility>

#include "server/http/h1_server_connection.h"

namespace sluice::http {

bool H1ServerConnection::wants_input() const noexcept {
  if (closing_) return false;
  switch (state_) {
    case State::idle:
    case State::head:
      return requests_left_ > 0;
    case State::exchange:
      // What nobody will pull is read when the head has said what becomes of it: how much of it
      // has come by then must not decide that.
      if (exchange_->responded() && !head_written_ && !exchange_->request_body().claimed())
        return false;
      return !request_ended_ && discarded_ <= limits().drain &&
             exchange_->request_body().waiting() < limits().exchange_body;
    case State::draining:
      return true;
    case State::handshake:
    case State::lingering:
    case State::retired:
      return false;
  }
  return false;
}

// Feeds the codec until it has a whole request, the input is used up, or the turn's budget is
// spent.
bool H1ServerConnection::parse() {
  bool advanced = false;
  while (wants_input()) {
    if (input_.fresh()) {
      feed();
      advanced = true;
    } else if (peer_ended_) {
      on_peer_closed();
      break;
    } else if (!read_some()) {
      break;
    }
  }
  input_.release_if_empty();
  return advanced;
}

void H1ServerConnection::feed() {
  const Slice octets = input_.take_look();
  if (begins_as_http2()) return;
  input_.consume(codec_.feed(octets, *this));
  if (codec_.reading() != h1::Reading::head) input_.leave_large_block();
  if (state_ == State::idle && codec_.head_started()) set_state(State::head);
  // What had begun was the one blank line that may stand before a request.
  if (state_ == State::head && !codec_.head_started() && !closing_) set_state(State::idle);
  if (state_ != State::draining) return;
  if (request_ended_) {
    begin_next_message();
  } else if (discarded_ > drain_limit()) {
    linger();
  }
}

bool H1ServerConnection::read_some() {
  if (!transport_->readable()) return false;
  full_ = is_full();
  if (full_) return false;
  if (read_left_ == 0) {
    context_.loop.wake(*this);
    return false;
  }
  if (pipes_content()) return move_content();
  return make_room() && receive();
}

// What was read behind the head goes first.
bool H1ServerConnection::pipes_content() {
  if (state_ != State::exchange || !input_.empty()) return false;
  RequestBody& body = exchange_->request_body();
  if (body.cancelled() || body.too_large()) return false;
  return piped_.begin(codec_.content_left(), *transport_, [&] { return body.pipe(); });
}

bool H1ServerConnection::move_content() {
  const uint64_t most = std::min(read_left_, codec_.content_left());
  const net::ReadResult result = piped_.read_from(*transport_, most, context_.loop, *this);
  if (result.status == net::Io::failed) {
    cut_failed();
    return false;
  }
  peer_ended_ = result.status == net::Io::end;
  if (result.octets == 0) return peer_ended_;
  read_left_ -= result.octets;
  received_ += result.octets;
  content_arrived_ = true;
  exchange_->request_body().append_piped(piped_.pipe(), result.octets);
  codec_.pass_over(result.octets, *this);
  return true;
}

// One read into the block, whatever the transport knows. Returns false when there was nothing.
bool H1ServerConnection::receive() {
  const net::ReadResult result = input_.read_from(*transport_, read_left_);
  if (result.status == net::Io::failed) {
    cut_failed();
    return false;
  }
  read_left_ -= result.octets;
  peer_truncated_ = result.status == net::Io::truncated;
  peer_ended_ = result.status == net::Io::end || peer_truncated_;
  return input_.fresh() || peer_ended_;
}

// Makes sure that there is a block with room behind what is buffered.
bool H1ServerConnection::make_room() {
  if (input_.make_room()) return true;
  refuse({.status = 431, .cause = "no room for a head this large", .limit = "large_heads"});
  return false;
}

// RFC 8446 section 6.1: without close_notify it need not have been the client who ended.
std::string_view H1ServerConnection::cause_of_cut_content() const {
  return peer_truncated_ ? "client closed without close_notify in the middle of its content"
                         : "client closed in the middle of its content";
}

// The peer's FIN came where a request or its content was still wanted.
void H1ServerConnection::on_peer_closed() {
  switch (state_) {
    case State::idle:
    case State::head:
      closing_ = true;
      if (!sending()) retire_in_good_order();
      return;
    case State::exchange:
      // Nobody wanted the rest: the answer goes out, and the connection ends behind it.
      if (head_written_ && exchange_->request_body().cancelled()) {
        content_cut_ = closing_ = true;
        return;
      }
      // What was begun to be answered ends as cut; else it is the client's cut alone.
      // Answers of before that have not left whole do not get a good end either; what is sealed
      // already goes before it.
      if (!head_written_ && handshaken_ != nullptr && out_.empty()) transport_->shutdown_write();
      return cut(cause_of_cut_content());
    default:
      return linger();
  }
}

void H1ServerConnection::on_request_head(RequestHead& head) {
  assert(!exchange_);
  --requests_left_;
  exchange_ = context_.exchanges.acquire();
  framed_ = received_ = discarded_ = 0;
  head_written_ = framed_whole_ = continue_sent_ = content_arrived_ = content_cut_ = false;
  request_ended_ = false;
  // What follows a CONNECT is not HTTP (RFC 9110 section 9.3.6).
  persist_ = head.method != Method::connect;
  set_state(State::exchange);
  exchange_->begin(*this, head, *listener_, context_.loop.now());
  exchange_->start(*context_.router);
}

void H1ServerConnection::on_body(Slice octets) {
  received_ += octets.size();
  if (!exchange_ || exchange_->request_body().cancelled()) {
    discarded_ += octets.size();
    if (discarded_ > drain_limit()) persist_ = false;
    return;
  }
  content_arrived_ = true;
  exchange_->request_body().append(std::move(octets));
}

void H1ServerConnection::on_trailers(const FieldList& trailers) {
  if (exchange_ && !exchange_->request_body().cancelled())
    exchange_->request_body().set_trailers(trailers);
}

void H1ServerConnection::on_end() {
  request_ended_ = true;
  content_arrived_ = true;
  if (exchange_) exchange_->request_body().finish();
}

void H1ServerConnection::on_reset(const ProtocolError& error) {
  if (state_ == State::idle || state_ == State::head) return refuse(error);
  // The head was good, its content is not.
  closing_ = true;
  persist_ = false;
  if (!exchange_) return;
  exchange_->request_body().fail();
  if (!exchange_->responded()) {
    exchange_->refuse(error.status, error.cause, "request content", error.limit);
  }
}

}  // namespace sluice::http
