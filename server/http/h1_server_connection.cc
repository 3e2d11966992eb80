// A server connection's turn: pulling, framing, flushing; and how it ends. Reading is in
// h1_server_connection_reading.cc. Its deadlines are in h1_server_connection_deadlines.cc.
#include "server/http/h1_server_connection.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <optional>
#include <utility>

#include "tls/session.h"

namespace sluice::http {

H1ServerConnection::H1ServerConnection(ServerContext& context, Ref<ListenerSettings> listener,
                                       net::ConnectionSlot slot, const net::Peer& peer)
    : ServerConnection(context, std::move(listener), std::move(slot), peer),
      codec_(h1::Role::server, listener_->h1_limits(), context.workspace),
      input_(context.resources(), InputBuffer::Of::requests) {}

void H1ServerConnection::open(std::unique_ptr<net::Transport> transport) {
  transport_ = std::move(transport);
  handshaken_ = transport_->session();
  may_be_http2_ = handshaken_ == nullptr && listener_->http2();
  opened_at_ = context_.loop.now();
  set_state(handshaken_ != nullptr ? State::handshake : State::idle);
  context_.by_address.add(*this);
  update_timer();
  context_.loop.wake(*this);
}

// A request may lie in the socket whose event has not come yet: it is looked for, and answered.
void H1ServerConnection::drain() {
  if (state_ != State::idle || sending() || !input_.empty()) return;
  read_left_ = context_.limits.turn_read;
  const bool read = make_room() && receive();
  if (state_ == State::retired) return;
  if (read && input_.fresh()) return context_.loop.wake(*this);
  linger();
}

void H1ServerConnection::run() {
  if (state_ == State::retired) return;
  // An alert may lie before the reset, and says why a handshake failed.
  if (transport_->broken() && state_ != State::handshake) return cut("client reset the connection");
  if (state_ == State::lingering) return discard_while_lingering();
  in_turn_ = true;
  take_turn();
  in_turn_ = false;
  if (state_ != State::retired) update_timer();
}

void H1ServerConnection::take_turn() {
  read_left_ = context_.limits.turn_read;
  requests_left_ = context_.limits.turn_requests;
  if (state_ == State::handshake && !shake_hands()) return;
  // One pipelined request after the other; what they answer collects in out_.
  bool advanced = true;
  while (advanced && state_ != State::retired) {
    turn_again_ = false;
    const bool parsed = parse();
    const bool produced = state_ != State::retired && produce();
    advanced = parsed || produced || turn_again_;
  }
  if (state_ == State::retired) return;
  flush();
  if (state_ != State::retired) after_flush();
}

// --- Phase two: pulling, framing, flushing ----------------------------------------------------

// Returns true when the next request of a pipeline may be parsed.
bool H1ServerConnection::produce() {
  if (!exchange_) return false;
  RequestBody& body = exchange_->request_body();
  if (std::exchange(content_arrived_, false)) exchange_->notify_request_body();
  if (body.too_large() && !exchange_->responded()) {
    exchange_->refuse(413, "content over the route's limit", "request content", "body");
  }
  invite_content();
  if (!exchange_->responded()) return false;
  if (!head_written_) write_head();
  if (!framed_whole_) pull_content();
  if (state_ == State::retired || !framed_whole_ || !next_request_waits()) return false;
  end_exchange(true);
  begin_next_message();
  return true;
}

// Sends 100 (Continue) once somebody wants the content that the client holds back (RFC 9110
// section 10.1.1).
void H1ServerConnection::invite_content() {
  const RequestBody& body = exchange_->request_body();
  const bool wanted = exchange_->responded() ? body.claimed() : body.wanted();
  if (!wanted || body.too_large() || head_written_ || received_ > 0) return;
  if (!exchange_->request().expects_continue || std::exchange(continue_sent_, true)) return;
  codec_.write_interim_head({.status = 100}, out_);
}

bool H1ServerConnection::next_request_waits() const noexcept {
  return persist_ && !closing_ && request_ended_ && !input_.empty() && requests_left_ > 0 &&
         transport_->writable() && out_.size() < context_.limits.turn_batch;
}

void H1ServerConnection::write_head() {
  head_written_ = true;
  exchange_->filter_response();
  abandon_request_content();
  persist_ = persist_ && may_persist();
  BodySource* source = exchange_->source();
  const h1::Codec::ResponseFraming framing{
      .request_method = exchange_->request().method,
      .length = exchange_->length_to_announce(),
      .persist = persist_,
      .http_1_0 = codec_.peer_is_http_1_0(),
      .common_lines = context_.common_lines(exchange_->response()),
      .persist_lines = listener_->persist_lines()};
  framing_ = codec_.write_response_head(exchange_->response(), framing, out_);
  announced_ = framing_is_by_length() ? framing.length.value_or(0) : UINT64_MAX;
  if (framing_ == h1::Framing::until_close) persist_ = false;
  framed_whole_ = framing_ == h1::Framing::none || source == nullptr;
  if (source == nullptr) codec_.write_end(framing_, nullptr, out_);
}

void H1ServerConnection::pull_content() {
  more_to_pull_ = false;
  while (!framed_whole_) {
    // What the peer does not take is not pulled: that is all there is to backpressure.
    more_to_pull_ = !may_pull();
    if (more_to_pull_) return;
    const Pull result = pull_once(pull_at_most());
    if (!take_pulled(result)) return;
  }
}

// While something waits that flushing takes away: a pull that only moves content from the request
// to the response must not wait for itself.
bool H1ServerConnection::may_pull() const noexcept {
  if (!sending()) return true;
  return transport_->writable() && out_.size() < context_.limits.turn_write && !is_full();
}

uint64_t H1ServerConnection::pull_at_most() const noexcept {
  static constexpr uint64_t kLeast = BlockPool::kBlockSize;
  const uint64_t now = held();
  const uint64_t most = context_.limits.connection_memory;
  return std::min(context_.limits.turn_write - out_.size(),
                  most > now + kLeast ? most - now : kLeast);
}

// Pulls and frames. Content that is not chunked needs no framing: the source may lay it right
// behind the head.
Pull H1ServerConnection::pull_once(uint64_t max) {
  if (framing_ != h1::Framing::chunked) {
    const uint64_t before = out_.size();
    const Pull result = exchange_->source()->pull(out_, max);
    framed_ += out_.size() - before;
    return result;
  }
  Chain content;
  const Pull result = exchange_->source()->pull(content, max);
  framed_ += content.size();
  codec_.write_body(framing_, content, out_);
  return result;
}

// What a pull's result means. Returns false when there is nothing more to pull now.
bool H1ServerConnection::take_pulled(Pull result) {
  const bool complete = result == Pull::end;
  if (framed_ > announced_ || (complete && framed_ != announced_ && framing_is_by_length())) {
    out_.clear();  // not one octet more than was announced: the client would take it for the next
                   // response
    cut("content is not of the length that its source announced");
    return false;
  }
  switch (result) {
    case Pull::ready:
      return true;
    case Pull::pending:
      return false;
    case Pull::end:
      framed_whole_ = true;
      codec_.write_end(framing_, exchange_->source()->trailers(), out_);
      return false;
    case Pull::failed:
      if (sending()) transport_->flush(out_, context_.limits.turn_write);
      cut("content failed");
      return false;
  }
  return false;
}

void H1ServerConnection::flush() {
  if (!sending()) return;
  // 1 KiB: below it a copy is cheaper than the block that a waiting slice would pin.
  static constexpr size_t kSmall = 1024;
  if (is_last_flush()) transport_->finish();
  const net::FlushResult result = transport_->flush(out_, context_.limits.turn_write);
  sent_ += result.octets;
  if (result.octets > 0 && std::exchange(full_, false)) context_.loop.wake(*this);  // to read on
  switch (result.status) {
    case net::Io::failed:
      return result.file_cut ? cut("file ended early") : cut_failed();
    case net::Io::blocked:
      out_.unpin_small(kSmall);
      return;
    default:
      if (!out_.empty()) context_.loop.wake(*this);
  }
}

// Whether the connection is shut when all of this is sent, as after_flush() has it.
bool H1ServerConnection::is_last_flush() const noexcept {
  const bool ends = closing_ || (exchange_ && !persist_);
  return ends && state_ != State::handshake && (!exchange_ || framed_whole_);
}

void H1ServerConnection::after_flush() {
  if (sending()) return;
  if (exchange_) {
    if (!framed_whole_) {
      // The budget or the peer, not the source, ended this turn's pulling: go on in the next round.
      if (head_written_ && more_to_pull_) context_.loop.wake(*this);
      return;
    }
    end_exchange(true);
    if (!persist_ || closing_) return linger();
    if (request_ended_) {
      begin_next_message();
    } else {
      set_state(State::draining);
    }
    if (input_.fresh() || transport_->readable()) context_.loop.wake(*this);
  } else if (state_ == State::idle && !idle()) {
    set_state(State::idle);  // idle since now: all is sent
  }
  if (closing_) return linger();
  if (context_.draining()) drain();
}

void H1ServerConnection::submit_interim(const ResponseHead& head) {
  if (!codec_.peer_is_http_1_0()) codec_.write_interim_head(head, out_);
  wake();
}

// A turn produces after it parsed, so only an answer from outside a turn needs one.
void H1ServerConnection::submit_final() {
  if (!in_turn_ && state_ != State::retired) context_.loop.wake_next(*this);
}

void H1ServerConnection::wake() {
  if (state_ == State::retired) return;
  if (in_turn_) {
    turn_again_ = true;
  } else {
    context_.loop.wake_next(*this);
  }
}

void H1ServerConnection::reset(ResetCode) { cut("handler gave up"); }

// --- Refusals, ends and beginnings ------------------------------------------------------------

// Answers a request that never became an exchange, and closes.
// `text`: what it says, in place of the status.
void H1ServerConnection::refuse(const ProtocolError& error, std::string_view text) {
  closing_ = true;
  if (state_ == State::idle) set_state(State::head);  // who still has to be answered is not idle
  if (text.empty()) text = status_text(error.status);
  ResponseHead head;
  head.status = error.status;
  head.fields.add("Content-Type", "text/plain; charset=utf-8", FieldId::content_type);
  const h1::Codec::ResponseFraming framing{
      .length = text.size(), .persist = false, .common_lines = context_.common_lines()};
  Chain content;
  content.append_static(text);
  codec_.write_body(codec_.write_response_head(head, framing, out_), content, out_);
  record_refusal(error);
}

// The response is about to start: what is left of the request is read and dropped when that is
// cheap, else the connection ends with this response (RFC 9112 section 9.6).
void H1ServerConnection::abandon_request_content() {
  RequestBody& body = exchange_->request_body();
  if (request_ended_ || body.claimed()) {
    if (body.too_large()) persist_ = false;
    return;
  }
  body.cancel();
  const RequestHead& request = exchange_->request();
  // A client that waits for 100 (Continue) may send its content or not: nothing tells which.
  if (request.expects_continue) persist_ = false;
  if (request.content_length.value_or(0) > limits().drain) persist_ = false;
}

bool H1ServerConnection::may_persist() const noexcept {
  return codec_.peer_persists() && !closing_ && !context_.draining() &&
         context_.loop.now() - opened_at_ < listener_->limits().connection_life;
}

void H1ServerConnection::end_exchange(bool complete) {
  // The answer is whole; over TLS it may have been anybody who cut what it answers.
  if (complete && content_cut_ && exchange_->explanation().cause.empty())
    exchange_->explain(cause_of_cut_content(), "request content", {});
  record(*exchange_, {.status = head_written_ ? exchange_->response().status : 0,
                      .octets = framed_,
                      .complete = complete,
                      .peer_left = !complete && peer_left()});
  drain_ = limits().drain;
  drain_timeout_ = limits().drain_timeout;
  piped_.end(*this);
  context_.exchanges.release(std::move(exchange_));
}

void H1ServerConnection::begin_next_message() {
  codec_.next_message();
  request_ended_ = true;
  input_.refresh();
  set_state(State::idle);
}

// Our side is done: FIN, and what the client still sends is read and dropped for a while.
void H1ServerConnection::linger() {
  input_.clear();
  discarded_ = 0;
  if (peer_ended_) return retire_in_good_order();
  transport_->shutdown_write();
  set_state(State::lingering);
  discard_while_lingering();
}

void H1ServerConnection::retire_in_good_order() {
  end_in_good_order();
  retire();
}

void H1ServerConnection::discard_while_lingering() {
  if (discard_input(limits().linger)) return retire();
  update_timer();
}

// Ends the connection with whatever it was doing. A response that its framing cannot show as cut is
// cut by RST.
void H1ServerConnection::cut(std::string_view cause, std::string_view limit) {
  if (state_ == State::retired) return;
  if (exchange_) {
    if (head_written_ && framing_ == h1::Framing::until_close) transport_->reset_on_close();
    const Explanation& said = exchange_->explanation();
    if (said.cause.empty())
      exchange_->explain(cause, head_written_ ? "response" : "handler", limit);
    end_exchange(false);
  } else if (state_ == State::handshake && !handshaken_->failed()) {  // else it is recorded
    record_handshake(HandshakeEnd::left);
  } else if (sending()) {
    record_cut(cause, limit, "response");
  }
  retire();
}

// The transport has failed for good; says why.
void H1ServerConnection::cut_failed() {
  if (handshaken_ == nullptr || !handshaken_->failed()) return cut("client reset the connection");
  if (!handshaken_->flooded()) return cut("client sent a record that cannot be opened");
  constexpr std::string_view kCause = "client began a handshake again and again";
  constexpr std::string_view kLimit = "key_updates";
  if (!exchange_) record_cut(kCause, kLimit, "connection");
  cut(kCause, kLimit);
}

void H1ServerConnection::retire() {
  if (exchange_) end_exchange(false);
  set_state(State::retired);
  input_.clear();
  leave();
}

}  // namespace sluice::http
