// An HTTP/2 connection's turn, and how it ends. Its deadlines are in
// h2_server_connection_deadlines.cc.
#include "server/http/h2_server_connection.h"

#include <algorithm>
#include <string>
#include <utility>

#include "protocol/request_target.h"
#include "protocol/target.h"

namespace sluice::http {

namespace {

// What the kernel holds unsent: what is urgent waits behind it (RFC 9218
// section 10), and little enough to cost only clients that are slower than we are.
constexpr int kUnsentInKernel = 64 * 1024;

}  // namespace

H2ServerConnection::H2ServerConnection(ServerConnection& predecessor, const Slice& input)
    : ServerConnection(predecessor),
      codec_({.role = h2::Role::server, .secure = handshaken_ != nullptr}, listener_->h2_limits(),
             context_.h2_workspace, *this) {
  transport_->limit_unsent(kUnsentInKernel);
  set_state(State::opening);
  look_at_ = context_.loop.now();
  if (!input.empty()) feed(input);
  context_.loop.wake(*this);
}

H2ServerConnection::~H2ServerConnection() = default;

void H2ServerConnection::run() {
  if (state_ == State::retired) return;
  if (transport_->broken()) return cut("client reset the connection");
  if (state_ == State::lingering) {
    if (discard_input(limits().linger)) return retire();
    return update_timer();
  }
  in_turn_ = true;
  take_turn();
  in_turn_ = false;
  if (state_ != State::retired) update_timer();
}

void H2ServerConnection::take_turn() {
  // What streams wake each other for, while content goes from requests to responses.
  static constexpr int kRounds = 4;
  read_left_ = limits().http2_turn_read;
  read();
  if (state_ == State::retired) return;
  if (shutdown_ == Shutdown::noticed && heard_) finish_shutdown();
  // Errors that nghttp2 has found show when it frames what it says of them.
  // Little more than that, since content would be ahead of what is urgent among the new requests;
  // and bounded, however often the connection is woken while the socket takes nothing.
  static constexpr uint64_t kControlFrames = 4096;
  if (!frame(std::min(out_.size(), limits().http2_frame_ahead) + kControlFrames)) return;
  start_exchanges();
  for (int i = 0; i < kRounds; ++i) {
    if (!let_streams_work() && i > 0) break;
    write();
    if (state_ == State::retired) return;
  }
  if (peer_ended_ && !sending()) give_up_blocked();
  reap();
  const bool more_to_read = wants_input() && transport_->readable();
  // What streams that ended had held is free again.
  const bool more_to_credit = may_credit_connection() || (credit_put_off_ && !is_full());
  if (!queued_.empty() || !working_.empty() || more_to_read || more_to_credit)
    context_.loop.wake(*this);
  after_flush();
}

// --- Phase one: reading and parsing --------------------------------------------------------------

bool H2ServerConnection::wants_input() const noexcept {
  if (failed_ || peer_ended_ || !queued_.empty()) return false;
  // A peer that asks for more than it takes: what it is owed has to leave first.
  return out_.size() <= limits().http2_unsent &&
         codec_.waiting_frames() <= limits().http2_unsent_frames;
}

void H2ServerConnection::read() {
  while (wants_input() && transport_->readable()) {
    if (read_left_ == 0) return;
    const Ref<Block> block = context_.read_block();
    const size_t room = std::min<uint64_t>(block->capacity(), read_left_);
    const net::ReadResult result = transport_->read({block->data(), room});
    if (result.status == net::Io::failed) return cut("client reset the connection");
    read_left_ -= result.octets;
    if (result.octets > 0) feed(Slice(Ref<Owner>(block.get()), block->data(), result.octets));
    if (result.status == net::Io::end || result.status == net::Io::truncated) {
      peer_ended_ = true;
      return on_peer_closed();
    }
    if (result.status == net::Io::blocked && result.octets == 0) return;
  }
}

void H2ServerConnection::feed(const Slice& octets) {
  if (!codec_.feed(octets, context_.loop.now())) return fail(codec_.error());
  if (!codec_.charge_upstream_resets(std::exchange(upstream_resets_, 0), context_.loop.now()))
    return fail(codec_.error());
  note_head();
}

// Since when the field block that is being read has been begun, if none was completed since.
void H2ServerConnection::note_head() {
  const bool started = codec_.head_started();
  if (started && (!head_started_ || head_mark_ != heads_)) {
    head_since_ = context_.loop.now();
    head_mark_ = heads_;
  }
  head_started_ = started;
}

// Whose request is complete gets its answer; what else was to come will not.
void H2ServerConnection::on_peer_closed() {
  open_.for_each([this](H2Stream& stream) {
    if (stream.request_ended()) return;
    stream.explain("client closed in the middle of its content", "request content", {});
    give_up_stream(stream, true);
  });
}

// Nobody opens a window any more.
void H2ServerConnection::give_up_blocked() {
  open_.for_each([this](H2Stream& stream) {
    if (!stream.blocked()) return;
    stream.explain("client left", "client", {});
    give_up_stream(stream, true);
  });
}

ServerSink* H2ServerConnection::on_stream(h2::StreamId id) {
  ++heads_;
  if (failed_ || shutdown_ == Shutdown::final) return nullptr;
  H2Stream* const stream = context_.h2_streams.acquire().release();
  stream->open(*this, id);
  open_.push_back(*stream);
  stream->wait_on(&queued_);
  return stream;
}

void H2ServerConnection::on_stream_closed(h2::StreamId, CodecSink& sink, h2::ErrorCode code,
                                          bool by_peer) {
  auto& stream = static_cast<H2Stream&>(sink);
  if (by_peer && code != h2::ErrorCode::no_error && stream.holds_upstream()) ++upstream_resets_;
  stream.on_closed(code, by_peer);
  close_stream(stream);
}

void H2ServerConnection::on_stream_framed(h2::StreamId, CodecSink& sink) {
  static_cast<H2Stream&>(sink).on_framed_whole();
}

void H2ServerConnection::on_settings() {
  if (state_ == State::opening) set_state(State::open);
}

void H2ServerConnection::on_pong() { heard_ = true; }

// --- Phase two: answering, framing, flushing -----------------------------------------------------

void H2ServerConnection::start_exchanges() {
  const bool too_old = context_.loop.now() - opened_at_ >= limits().connection_life;
  if (too_old && !queued_.empty()) begin_shutdown();
  uint64_t left = context_.limits.turn_requests;
  while (!queued_.empty() && left-- > 0) {
    H2Stream& stream = *queued_.front();
    stream.wait_on(&working_);
    stream.start();
  }
}

// Each that has something to do, once. Returns whether there was any.
bool H2ServerConnection::let_streams_work() {
  credit_connection();
  if (credit_put_off_ && !is_full()) {
    credit_put_off_ = false;
    open_.for_each([this](H2Stream& stream) { has_work(stream); });
  }
  size_t left = working_.size();
  const bool any = left > 0;
  while (left-- > 0 && !working_.empty()) {
    H2Stream& stream = *working_.front();
    stream.wait_on(nullptr);
    stream.work();
  }
  return any;
}

// The connection's window lets all streams in: it is credited as content arrives, so that one whose
// content nobody takes does not stop the others, until what waits comes near the cap.
void H2ServerConnection::credit_connection() {
  if (may_credit_connection()) codec_.consume_connection(std::exchange(owed_, 0));
}

bool H2ServerConnection::may_credit_connection() const noexcept {
  return owed_ > 0 &&
         held() + limits().http2_connection_window <= context_.limits.connection_memory;
}

// Frames what there is room for ahead of the socket. False when that was the end of the connection.
bool H2ServerConnection::frame(uint64_t until) {
  if (state_ == State::retired) return false;
  if (!codec_.produce(out_, until, context_.loop.now())) {
    cut("no memory for HTTP/2");
    return false;
  }
  if (codec_.error().status != 0) fail(codec_.error());
  return true;
}

void H2ServerConnection::write() {
  uint64_t budget = context_.limits.turn_write;
  while (true) {
    if (!frame(limits().http2_frame_ahead) || !sending()) return;
    // More heads wait for the next round: their answers leave together with these.
    if (!queued_.empty() && out_.size() < context_.limits.turn_batch) return;
    const bool last = failed_ || (shutdown_ == Shutdown::final && open_.empty());
    if (last && !codec_.wants_to_produce()) transport_->finish();
    const net::FlushResult result = transport_->flush(out_, budget);
    sent_ += result.octets;
    if (result.status == net::Io::failed) {
      return cut(result.file_cut ? "file ended early" : "client reset the connection");
    }
    if (result.status == net::Io::blocked || !out_.empty()) break;
    budget -= std::min(budget, result.octets);
    if (budget == 0 || !codec_.wants_to_produce()) break;
  }
  const bool can_go_on = !sending() || transport_->writable();
  if (can_go_on && (sending() || codec_.wants_to_produce())) context_.loop.wake(*this);
}

// Streams that are over: what was framed for them has been given to the transport.
void H2ServerConnection::reap() {
  while (!closed_.empty()) {
    H2Stream& stream = *closed_.front();
    closed_.remove(stream);
    if (stream.started()) {
      record(*stream.exchange(), {.status = stream.status(),
                                  .octets = stream.framed(),
                                  .complete = stream.complete(),
                                  .peer_left = stream.left_by_peer()});
    }
    stream.close();
    context_.h2_streams.release(std::unique_ptr<H2Stream>(&stream));
  }
}

void H2ServerConnection::after_flush() {
  update_list();
  if (!failed_ && shutdown_ == Shutdown::none && context_.draining()) {
    begin_shutdown();
    if (state_ == State::retired) return;
    context_.loop.wake(*this);  // the notice was framed behind the turn's flush
  }
  const bool over = failed_ || peer_ended_ || shutdown_ == Shutdown::final;
  if (!over || !open_.empty() || sending()) return;
  linger();
}

void H2ServerConnection::has_work(H2Stream& stream) {
  if (stream.waits_on() == nullptr && stream.state() != H2Stream::State::closed)
    stream.wait_on(&working_);
  wake_up();
}

void H2ServerConnection::wake_up() {
  if (!in_turn_ && state_ != State::retired) context_.loop.wake(*this);
}

void H2ServerConnection::push(h2::StreamId id, const RequestHead& request,
                              std::string_view target) {
  // Who was sent that much has its own copies by now.
  static constexpr size_t kMost = 64;
  Target parts;
  if (failed_ || shutdown_ != Shutdown::none || !codec_.peer_takes_pushes()) return;
  if (!parse_target(target, parts) || parts.form != TargetForm::origin) return;
  if (!pushed_) pushed_ = std::make_unique<std::set<std::string>>();
  if (pushed_->size() >= kMost || !pushed_->emplace(target).second) return;
  RequestHead head;
  head.method = Method::get;
  head.method_text = "GET";
  head.protocol = request.protocol;
  const std::string_view coding = request.fields.value(FieldId::accept_encoding);
  head.storage = copy_of(std::string(target).append(request.authority).append(coding));
  const std::string_view text = head.storage.view();
  head.target = text.substr(0, target.size());
  head.authority = text.substr(target.size(), request.authority.size());
  if (!coding.empty())
    head.fields.add("accept-encoding", text.substr(target.size() + request.authority.size()),
                    FieldId::accept_encoding);
  if (!parse_target(head.target, parts)) return;
  take_target(parts, context_.pool, head);
  std::unique_ptr<H2Stream> stream = context_.h2_streams.acquire();
  const h2::StreamId promised = codec_.submit_push(id, head, *stream);
  if (promised == 0) return context_.h2_streams.release(std::move(stream));
  stream->open_promised(*this, promised, head);
  open_.push_back(*stream);
  stream.release()->wait_on(&queued_);
}

void H2ServerConnection::close_stream(H2Stream& stream) {
  stream.wait_on(nullptr);
  open_.remove(stream);
  closed_.push_back(stream);
  wake_up();
}

// --- Ends ----------------------------------------------------------------------------------------

// First that the connection will end, then, when the client has heard of it, with which stream:
// what it sent meanwhile is still answered (RFC 9113 section 6.8).
void H2ServerConnection::begin_shutdown() {
  if (shutdown_ != Shutdown::none || failed_ || state_ > State::open) return;
  shutdown_ = Shutdown::noticed;
  noticed_at_ = context_.loop.now();
  codec_.submit_shutdown_notice();
  wake_up();
  // Behind the notice: nghttp2 would put it before.
  if (frame(limits().http2_frame_ahead)) codec_.ping();
}

void H2ServerConnection::finish_shutdown() {
  shutdown_ = Shutdown::final;
  codec_.submit_goaway(h2::ErrorCode::no_error);
  wake_up();
}

// The connection is in error, or the peer asks too much of us: GOAWAY says so, and that is all.
void H2ServerConnection::fail(const ProtocolError& error) {
  if (std::exchange(failed_, true)) return;
  if (codec_.error().status == 0) codec_.submit_goaway(h2::ErrorCode::enhance_your_calm);
  record_cut(error.cause, error.limit, "connection");
  give_up_streams(error.cause, error.limit);
  wake_up();
}

void H2ServerConnection::give_up_streams(std::string_view cause, std::string_view limit) {
  open_.for_each([&](H2Stream& stream) {
    stream.explain(cause, stream.status() != 0 ? "response" : "handler", limit);
    give_up_stream(stream, peer_left());
  });
}

void H2ServerConnection::give_up_stream(H2Stream& stream, bool by_peer) {
  codec_.release(stream.id());
  stream.on_closed(h2::ErrorCode::cancel, by_peer);
  close_stream(stream);
}

void H2ServerConnection::linger() {
  discarded_ = 0;
  if (peer_ended_) {
    end_in_good_order();
    return retire();
  }
  transport_->shutdown_write();
  set_state(State::lingering);
  if (discard_input(limits().linger)) retire();
}

// Who is idle is told that no stream was lost.
void H2ServerConnection::abort(std::string_view cause, std::string_view limit) {
  if (idle()) {
    codec_.submit_goaway(h2::ErrorCode::no_error);
    if (frame(limits().http2_frame_ahead)) transport_->flush(out_, context_.limits.turn_write);
    out_.clear();
  }
  cut(cause, limit);
}

void H2ServerConnection::cut(std::string_view cause, std::string_view limit) {
  if (state_ == State::retired) return;
  if (open_.empty() && sending()) record_cut(cause, limit, "response");
  give_up_streams(cause, limit);
  retire();
}

void H2ServerConnection::retire() {
  give_up_streams("connection closed", {});
  reap();
  set_state(State::retired);
  leave();
}

}  // namespace sluice::http
