// An upstream connection's turn, and how it ends.
#include "server/http/h1_client_connection.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <utility>

namespace sluice::http {

namespace {

// Below it a copy is cheaper than the block that a waiting slice would pin.
constexpr size_t kSmall = 1024;

}  // namespace

h1::Limits upstream_h1_limits(const conf::Limits& limits) noexcept {
  return {.start_line = limits.upstream_head,
          .field_line = limits.upstream_head,
          .head = limits.upstream_head,
          .fields = limits.upstream_fields,
          .trailer_fields = limits.upstream_fields,
          .trailers = limits.upstream_head,
          .chunk_line = limits.chunk_line,
          .chunk_extensions = limits.chunk_extensions,
          .content_length = std::numeric_limits<int64_t>::max()};
}

H1ClientConnection::H1ClientConnection(WorkerResources& resources, const h1::Limits& limits,
                                       ClientConnectionOwner& owner)
    : resources_(resources),
      owner_(&owner),
      codec_(h1::Role::client, limits, resources.workspace),
      input_(resources, InputBuffer::Of::responses) {}

void H1ClientConnection::open(std::unique_ptr<net::Transport> transport) {
  transport_ = std::move(transport);
  transport_->wake_instead(*this);
  idle_since_ = resources_.loop.now();
}

void H1ClientConnection::run() {
  if (state_ == State::ended) return;
  in_turn_ = true;
  take_turn();
  in_turn_ = false;
}

void H1ClientConnection::take_turn() {
  read_left_ = resources_.limits.turn_read;
  do {
    turn_again_ = false;
    const bool parsed = parse();
    if (state_ == State::busy) produce();
    turn_again_ = turn_again_ || (parsed && state_ == State::busy && input_.fresh());
  } while (turn_again_ && state_ != State::ended);
  if (state_ != State::ended) flush();
}

// --- Phase one: reading and parsing --------------------------------------------------------------

bool H1ClientConnection::parse() {
  bool advanced = false;
  while (wants_input()) {
    if (input_.fresh()) {
      feed();
      advanced = true;
    } else if (upstream_ended_) {
      on_upstream_closed();
      break;
    } else if (!read_some()) {
      break;
    }
  }
  input_.release_if_empty();
  return advanced;
}

bool H1ClientConnection::wants_input() const {
  if (state_ == State::ended) return false;
  if (state_ == State::idle || !head_received_ || receiver_ == nullptr) return true;
  return receiver_->wants_response_body();
}

void H1ClientConnection::feed() {
  if (state_ == State::idle) return end();  // nobody asked
  if (!head_written_) {
    UpstreamFailure failure{.error = "http_protocol_error", .cause = "upstream spoke unasked"};
    failure.unread = true;
    return fail(failure);
  }
  octets_came_ = true;
  const Slice octets = input_.take_look();
  input_.consume(codec_.feed(octets, *this));
  if (codec_.reading() != h1::Reading::head) input_.leave_large_block();
  if (found_) return fail(*std::exchange(found_, std::nullopt));
  if (receiver_ == nullptr) return end();
  if (response_ended_) finish_response();
}

bool H1ClientConnection::read_some() {
  if (!transport_->readable() && !last_words_) return false;
  if (read_left_ == 0) {
    resources_.loop.wake(*this);
    return false;
  }
  if (pipes_content()) return move_content();
  if (!input_.make_room()) {
    fail({.error = "http_response_header_section_size",
          .cause = "no room for a head this large",
          .limit = "large_heads"});
    return false;
  }
  const net::ReadResult result = input_.read_from(*transport_, read_left_);
  if (result.status == net::Io::failed) {
    lose("upstream reset the connection");
    return false;
  }
  const bool silent = result.octets == 0 && result.status == net::Io::blocked;
  if (std::exchange(last_words_, false) && silent) {
    lose("upstream reset the connection");
    return false;
  }
  read_left_ -= result.octets;
  upstream_truncated_ = result.status == net::Io::truncated;
  upstream_ended_ = upstream_truncated_ || result.status == net::Io::end;
  return input_.fresh() || upstream_ended_;
}

// What was read behind the head goes first.
bool H1ClientConnection::pipes_content() {
  if (receiver_ == nullptr || last_words_ || !input_.empty()) return false;
  return piped_.begin(codec_.content_left(), *transport_,
                      [this] { return receiver_->response_pipe(); });
}

bool H1ClientConnection::move_content() {
  const uint64_t most = std::min(read_left_, codec_.content_left());
  const net::ReadResult result = piped_.read_from(*transport_, most, resources_.loop, *this);
  if (result.status == net::Io::failed) {
    lose("upstream reset the connection");
    return false;
  }
  upstream_ended_ = result.status == net::Io::end;
  if (result.octets == 0) return upstream_ended_;
  read_left_ -= result.octets;
  receiver_->on_response_piped(piped_.pipe(), result.octets);
  codec_.pass_over(result.octets, *this);
  if (receiver_ == nullptr) end();
  if (response_ended_ && state_ != State::ended) finish_response();
  return state_ != State::ended;
}

// Its FIN, behind all that it sent. Content that is delimited by it is whole, unless TLS says
// otherwise: anybody can send a FIN (RFC 9112 section 9.8).
void H1ClientConnection::on_upstream_closed() {
  if (state_ == State::idle) {
    closed_while_idle_ = requests_ > 0;
    return end();
  }
  if (!octets_came_) return lose("upstream closed before its response");
  if (upstream_truncated_) {
    return fail({.error = "http_response_incomplete",
                 .cause = "upstream closed without close_notify in the middle of its response"});
  }
  codec_.finish(*this);
  if (found_) return fail(*std::exchange(found_, std::nullopt));
  if (receiver_ == nullptr) return end();
  if (response_ended_) return finish_response();
  fail({.error = "http_response_incomplete", .cause = "upstream closed within its response"});
}

// Whoever waits for a connection may get this one at once, and send in this very turn.
void H1ClientConnection::finish_response() {
  ResponseReceiver* const receiver = std::exchange(receiver_, nullptr);
  const bool persists = may_persist();
  request_ = {};
  piped_.end(*this);
  if (const std::optional<uint32_t> timeout = codec_.keep_alive_timeout())
    announced_ = std::chrono::seconds(*timeout);
  if (!persists) {
    receiver->on_response_end();
    return end();
  }
  codec_.next_message();
  state_ = State::idle;
  idle_since_ = resources_.loop.now();
  receiver->on_response_end();
  if (owner_ != nullptr && state_ == State::idle) owner_->on_available(*this);
  if (closing_ && state_ == State::idle) end();
}

bool H1ClientConnection::may_persist() const noexcept {
  return codec_.peer_persists() && sent_whole_ && !sending() && !write_failed_ && !closing_ &&
         !upstream_ended_ && input_.empty();
}

void H1ClientConnection::on_response_head(ResponseHead& head, bool has_body) {
  if (receiver_ == nullptr) return;
  if (codec_.reading() == h1::Reading::tunnel) {
    found_ = {.error = "http_upgrade_failed", .cause = "upstream switched protocols unasked"};
    return;
  }
  head_received_ = head.status >= 200;
  receiver_->on_response_head(head, has_body);
}

void H1ClientConnection::on_body(Slice octets) {
  if (receiver_ != nullptr) receiver_->on_response_body(std::move(octets));
}

void H1ClientConnection::on_trailers(const FieldList& trailers) {
  if (receiver_ != nullptr) receiver_->on_response_trailers(trailers);
}

void H1ClientConnection::on_end() { response_ended_ = true; }

void H1ClientConnection::on_reset(const ProtocolError& error) { found_ = failure_of(error); }

// --- Phase two: pulling, framing, flushing -------------------------------------------------------

void H1ClientConnection::produce() {
  if (receiver_ == nullptr) return end();
  if (!head_written_) write_head();
  if (!sent_whole_ && !write_failed_) pull_body();
}

void H1ClientConnection::write_head() {
  head_written_ = true;
  framing_ = codec_.write_request_head(*request_.head, {.length = request_.length}, out_);
  sent_whole_ = request_.body == nullptr || framing_ == h1::Framing::none;
}

void H1ClientConnection::pull_body() {
  while (!sent_whole_ && may_pull()) {
    Chain content;
    const Pull result =
        request_.body->pull(content, resources_.limits.turn_write -
                                         std::min(out_.size(), resources_.limits.turn_write - 1));
    framed_ += content.size();
    if (request_.length && framed_ > *request_.length) return fail(kContentOfOtherLength);
    codec_.write_body(framing_, content, out_);
    // Nothing can stand behind what was announced: neither its end nor trailers are waited for.
    sent_whole_ = result != Pull::failed && request_.length && framed_ == *request_.length;
    if (sent_whole_ || result == Pull::pending) return;
    if (result == Pull::failed) return fail(kContentFailed);
    if (result == Pull::ready) continue;
    if (request_.length && framed_ < *request_.length) return fail(kContentOfOtherLength);
    sent_whole_ = true;
    codec_.write_end(framing_, request_.body->trailers(), out_);
  }
}

bool H1ClientConnection::may_pull() const noexcept {
  if (!sending()) return true;
  return transport_->writable() && out_.size() < resources_.limits.turn_write;
}

// What could not be sent is given up, the response is not: it is read, if there is any. The event
// that tells of it may come later than the write's error.
void H1ClientConnection::flush() {
  if (write_failed_ || !sending()) return;
  const net::FlushResult result = transport_->flush(out_, resources_.limits.turn_write);
  switch (result.status) {
    case net::Io::failed:
      write_failed_ = true;
      out_.clear();
      if (state_ == State::idle) return end();
      last_words_ = true;
      return resources_.loop.wake(*this);
    case net::Io::blocked:
      return out_.unpin_small(kSmall);
    default:
      const bool more = state_ == State::busy && !sent_whole_ && transport_->writable();
      if (!out_.empty() || (more && result.octets > 0)) resources_.loop.wake(*this);
  }
}

// --- Beginnings and ends -------------------------------------------------------------------------

bool H1ClientConnection::takes_request() {
  if (state_ != State::idle || closing_) return false;
  if (transport_->broken() || transport_->readable()) return still_open();
  return true;
}

// An idle upstream has nothing to say: a read that gives anything but "nothing now" ends it. (Over
// TLS a ticket is nothing.)
bool H1ClientConnection::still_open() {
  if (state_ != State::idle) return state_ == State::busy;
  if (input_.make_room()) {
    const net::ReadResult result = input_.read_from(*transport_, 1024);
    upstream_ended_ = result.status != net::Io::blocked && result.status != net::Io::progress;
    const bool open = result.octets == 0 && !upstream_ended_;
    if (open) {
      input_.release_if_empty();
      return true;
    }
  }
  closed_while_idle_ = upstream_ended_ && requests_ > 0;
  end();
  return false;
}

ClientStream& H1ClientConnection::send(const UpstreamRequest& request, ResponseReceiver& receiver) {
  assert(state_ == State::idle);
  state_ = State::busy;
  request_ = request;
  receiver_ = &receiver;
  framed_ = 0;
  head_written_ = sent_whole_ = head_received_ = response_ended_ = octets_came_ = false;
  codec_.expect_response_to(request.head->method);
  ++requests_;
  // Right after who asked: the head is in the processor's nearest cache still.
  if (in_turn_) {
    turn_again_ = true;
  } else {
    resources_.loop.wake_next(*this);
  }
  return *this;
}

void H1ClientConnection::wake() {
  if (in_turn_) {
    turn_again_ = true;
  } else if (state_ != State::ended) {
    resources_.loop.wake(*this);
  }
}

void H1ClientConnection::consumed(uint64_t, bool) { wake(); }

// The upstream learns of it by the connection's end. Within a turn that is for the turn to do.
void H1ClientConnection::cancel() {
  receiver_ = nullptr;
  if (!in_turn_ && state_ != State::ended) end();
}

void H1ClientConnection::close() {
  owner_ = nullptr;
  closing_ = true;
  if (state_ == State::idle && !in_turn_) end();
}

bool H1ClientConnection::is_idle_race() const noexcept { return requests_ > 1 && !octets_came_; }

void H1ClientConnection::lose(std::string_view cause) {
  if (state_ == State::idle) {
    closed_while_idle_ = requests_ > 0;
    return end();
  }
  fail({.error = octets_came_ ? "http_response_incomplete" : "connection_terminated",
        .cause = cause,
        .unread = !head_written_,
        .idle_race = is_idle_race()});
}

void H1ClientConnection::fail(const UpstreamFailure& failure) {
  ResponseReceiver* const receiver = std::exchange(receiver_, nullptr);
  // The owner forgets it first: the receiver may ask for another connection at once.
  end();
  if (receiver != nullptr) receiver->on_response_failed(failure);
}

void H1ClientConnection::end() {
  if (state_ == State::ended) return;
  state_ = State::ended;
  request_ = {};
  out_.clear();
  input_.clear();
  piped_.end(*this);
  if (ClientConnectionOwner* const owner = std::exchange(owner_, nullptr)) owner->on_ended(*this);
  resources_.loop.forget(*this);
  resources_.loop.retire(std::unique_ptr<net::Retired>(this));
}

}  // namespace sluice::http
