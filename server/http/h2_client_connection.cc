// An upstream connection's turn, and how it ends.
#include "server/http/h2_client_connection.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <utility>

#include "server/http/listener_settings.h"

namespace sluice::http {

namespace {

// What the kernel holds unsent: a PING or a reset waits behind it.
constexpr int kUnsentInKernel = 64 * 1024;

// Below it a copy is cheaper than the block that a slice pins which waits.
constexpr size_t kSmall = 1024;

// RFC 9113 section 6.9.1.
constexpr uint64_t kWindowMost = std::numeric_limits<int32_t>::max();

template <typename Number>
Number at_most_max(uint64_t value) noexcept {
  return static_cast<Number>(std::min<uint64_t>(value, std::numeric_limits<Number>::max()));
}

}  // namespace

h2::Limits upstream_h2_limits(const conf::Limits& limits) noexcept {
  h2::Limits ours = h2_limits(limits);
  ours.head = at_most_max<uint32_t>(limits.upstream_head);
  ours.field = limits.upstream_head;
  ours.fields = limits.upstream_fields;
  ours.trailers = limits.upstream_head;
  ours.trailer_fields = limits.upstream_fields;
  // Windows are opened again by halves: of twice as much, all that may be read ahead always fits.
  const uint64_t window = std::min(limits.upstream_read_ahead, kWindowMost / 2) * 2;
  ours.stream_window = static_cast<uint32_t>(window);
  ours.stream_window_most = ours.stream_window;
  return ours;
}

H2ClientConnection::H2ClientConnection(WorkerResources& resources, const h2::Limits& limits,
                                       ClientConnectionOwner& owner, const Patience& patience)
    : resources_(resources), limits_(limits), patience_(patience), owner_(&owner) {}

H2ClientConnection::~H2ClientConnection() { resources_.loop.forget(*this); }

void H2ClientConnection::open(std::unique_ptr<net::Transport> transport) {
  transport_ = std::move(transport);
  transport_->wake_instead(*this);
  transport_->limit_unsent(kUnsentInKernel);
  const bool secure = transport_->session() != nullptr;
  codec_.emplace(h2::CodecOptions{.role = h2::Role::client, .secure = secure}, limits_,
                 resources_.h2_workspace, static_cast<h2::CodecEvents&>(*this));
  most_streams_ = most_streams();
  idle_since_ = resources_.loop.now();
  wake_up();
}

void H2ClientConnection::run() {
  if (state_ == State::retired) return;
  in_turn_ = true;
  take_turn();
  in_turn_ = false;
  settle();
}

void H2ClientConnection::take_turn() {
  // What streams wake each other for, while content goes from requests to responses.
  static constexpr int kRounds = 4;
  read_left_ = resources_.limits.turn_read;
  read();
  if (state_ == State::retired) return;
  for (int i = 0; i < kRounds; ++i) {
    if (!let_streams_work() && i > 0) break;
    write();
    if (state_ == State::retired) return;
  }
}

// --- Phase one: reading and parsing --------------------------------------------------------------

bool H2ClientConnection::wants_input() const noexcept {
  // An upstream that asks for more than it takes: what it is owed has to leave first.
  return state_ == State::open && out_.size() <= resources_.limits.http2_unsent &&
         codec_->waiting_frames() <= resources_.limits.http2_unsent_frames;
}

void H2ClientConnection::read() {
  while (wants_input() && read_left_ > 0 && transport_->readable() && read_some()) {
  }
}

// One read. False when that was all for now.
bool H2ClientConnection::read_some() {
  const Ref<Block> block = resources_.read_block();
  const size_t room = std::min<uint64_t>(block->capacity(), read_left_);
  const net::ReadResult result = transport_->read({block->data(), room});
  if (result.status == net::Io::failed) {
    lose("upstream reset the connection");
    return false;
  }
  read_left_ -= result.octets;
  if (result.octets > 0) {
    note_sign();
    const Slice octets(Ref<Owner>(block.get()), block->data(), result.octets);
    if (!codec_->feed(octets, resources_.loop.now())) {
      fail(codec_->error());
      return false;
    }
  }
  if (result.status == net::Io::end || result.status == net::Io::truncated) {
    lose("upstream closed the connection");
    return false;
  }
  return result.octets > 0;
}

void H2ClientConnection::on_stream_closed(h2::StreamId, CodecSink& sink, h2::ErrorCode code,
                                          bool by_peer) {
  auto& stream = static_cast<H2ClientStream&>(sink);
  left_out_ = left_out_ || code == h2::ErrorCode::refused_stream;
  stream.on_closed(code, by_peer);
  close_stream(stream);
}

void H2ClientConnection::on_request_framed(h2::StreamId, CodecSink& sink) {
  static_cast<H2ClientStream&>(sink).on_head_framed(sent_ + out_.size());
}

void H2ClientConnection::on_goaway(h2::StreamId, h2::ErrorCode) {
  going_ = true;
  closed_while_idle_ = idle() && requests_ > 0 && !left_out_;
}

// --- Phase two: what streams want, framed and flushed --------------------------------------------

// Each that has something to do, once. Returns whether there was any.
bool H2ClientConnection::let_streams_work() {
  if (owed_ > 0) codec_->consume_connection(std::exchange(owed_, 0));
  size_t left = working_.size();
  const bool any = left > 0;
  while (left-- > 0 && !working_.empty()) {
    H2ClientStream& stream = *working_.front();
    stream.wait_on(nullptr);
    stream.work();
  }
  return any;
}

// Frames what there is room for ahead of the socket, and no more however often it is woken: what
// the socket does not take must not grow. False when that was the end of the connection.
bool H2ClientConnection::frame(uint64_t until) {
  if (state_ == State::retired) return false;
  if (!codec_->produce(out_, until, resources_.loop.now())) {
    lose("no memory for HTTP/2");
  } else if (codec_->error().status != 0) {
    fail(codec_->error());
  }
  return state_ == State::open;
}

void H2ClientConnection::write() {
  uint64_t budget = resources_.limits.turn_write;
  while (true) {
    if (!frame(resources_.limits.http2_frame_ahead) || !sending()) return;
    const net::FlushResult result = transport_->flush(out_, budget);
    sent_ += result.octets;
    if (result.status == net::Io::failed) return on_write_failed();
    if (result.status == net::Io::blocked) {
      out_.unpin_small(kSmall);
      break;
    }
    if (!out_.empty()) break;
    budget -= std::min(budget, result.octets);
    if (budget == 0 || !codec_->wants_to_produce()) break;
  }
  const bool more = sending() || codec_->wants_to_produce();
  if (more && transport_->writable()) resources_.loop.wake(*this);
}

// What it has said before still counts: a whole response may lie in the socket.
void H2ClientConnection::on_write_failed() {
  out_.clear();
  read_left_ = limits_.connection_window;
  read();
  lose("upstream reset the connection");
}

// Streams that are over: nobody knows them any more.
void H2ClientConnection::reap() {
  while (!closed_.empty()) {
    H2ClientStream& stream = *closed_.front();
    closed_.remove(stream);
    stream.close();
    std::unique_ptr<H2ClientStream> owned(&stream);
    if (free_.size() < limits_.streams) free_.push_back(std::move(owned));
  }
}

// What the turn has come to.
void H2ClientConnection::settle() {
  if (state_ == State::retired) return;
  reap();
  going_ = going_ || !codec_->may_request();
  if (going_ || closing_) {
    tell_ended();
    if (state_ == State::open && idle()) return say_goodbye();
  }
  available_ = available_ || most_streams() > most_streams_;
  most_streams_ = most_streams();
  const bool more_to_read = wants_input() && transport_->readable();
  if (more_to_read || !working_.empty() || owed_ > 0) resources_.loop.wake(*this);
  update_timer();
  if (std::exchange(available_, false) && owner_ != nullptr && lasts() && has_room())
    owner_->on_available(*this);
}

// --- For streams and the owner -------------------------------------------------------------------

void H2ClientConnection::has_work(H2ClientStream& stream) {
  if (!stream.waits() && !stream.closed() && state_ == State::open) stream.wait_on(&working_);
  wake_up();
}

void H2ClientConnection::wake_up() {
  if (!in_turn_ && state_ == State::open) resources_.loop.wake(*this);
}

void H2ClientConnection::close_stream(H2ClientStream& stream) {
  stream.wait_on(nullptr);
  count_waiting(stream.waiting(), 0);
  open_.remove(stream);
  closed_.push_back(stream);
  available_ = true;
  // Given up before a word was heard: the next request would fare no better.
  going_ = going_ || !settled_;
  if (idle()) idle_since_ = resources_.loop.now();
  wake_up();
}

bool H2ClientConnection::lasts() const noexcept {
  return state_ == State::open && !going_ && !closing_ && !transport_->broken() &&
         !transport_->peer_closed() && codec_->may_request();
}

bool H2ClientConnection::has_room() const noexcept { return open_.size() < most_streams(); }

// Ours bounds what responses may wait on one connection.
uint64_t H2ClientConnection::most_streams() const noexcept {
  return std::min(codec_->peer_streams(), limits_.streams);
}

bool H2ClientConnection::takes_request() {
  if (!lasts() || !has_room()) return false;
  return !idle() || !transport_->readable() || still_open();
}

ClientStream& H2ClientConnection::send(const UpstreamRequest& request, ResponseReceiver& receiver) {
  assert(lasts() && has_room());
  if (idle()) note_sign();
  H2ClientStream& stream = *acquire_stream().release();
  stream.open(*this, request, receiver, responses_ > 0);
  open_.push_back(stream);
  ++requests_;
  has_work(stream);
  return stream;
}

std::unique_ptr<H2ClientStream> H2ClientConnection::acquire_stream() {
  if (free_.empty()) return std::make_unique<H2ClientStream>();
  std::unique_ptr<H2ClientStream> stream = std::move(free_.back());
  free_.pop_back();
  return stream;
}

// Who is idle has no receivers, so that what comes may be parsed here. What it asks for is answered
// in a turn.
bool H2ClientConnection::still_open() {
  if (!lasts() || !idle() || in_turn_) return lasts();
  in_turn_ = true;
  read_left_ = BlockPool::kBlockSize;
  read_some();
  in_turn_ = false;
  wake_up();
  return lasts();
}

uint64_t H2ClientConnection::held() const noexcept {
  return out_.held() + transport_->held() + codec_->held() + waiting_;
}

// --- The sign of life ----------------------------------------------------------------------------

void H2ClientConnection::note_sign() noexcept {
  sign_at_ = resources_.loop.now();
  asked_ = false;
}

void H2ClientConnection::update_timer() {
  if (idle()) return resources_.loop.timers().cancel(*this);
  resources_.loop.timers().set(
      *this, asked_ ? asked_at_ + patience_.answer : sign_at_ + patience_.silence);
}

// Content that it takes, bit by bit, is a sign too: PING waits behind it.
void H2ClientConnection::on_timer() {
  if (state_ == State::retired) return;
  const net::Time now = resources_.loop.now();
  const uint64_t unsent = transport_->unsent();
  const uint64_t taken = sent_ - std::min(sent_, unsent);
  const bool takes = taken != std::exchange(taken_mark_, taken);
  if (takes && (unsent > 0 || !out_.empty())) note_sign();
  if (asked_ && now >= asked_at_ + patience_.answer) return lose("upstream does not answer PING");
  if (!asked_ && now >= sign_at_ + patience_.silence) {
    asked_ = true;
    asked_at_ = now;
    codec_->ping();
    wake_up();
  }
  update_timer();
}

// --- Ends ----------------------------------------------------------------------------------------

void H2ClientConnection::tell_ended() {
  if (ClientConnectionOwner* const owner = std::exchange(owner_, nullptr)) owner->on_ended(*this);
}

void H2ClientConnection::close() {
  owner_ = nullptr;
  closing_ = true;
  if (state_ == State::open && idle() && !in_turn_) return say_goodbye();
  wake_up();
}

// The upstream broke the protocol, or asks too much of us: GOAWAY says so, as far as it is taken.
void H2ClientConnection::fail(const ProtocolError& error) {
  UpstreamFailure failure{
      .error = "http_protocol_error", .cause = error.cause, .limit = error.limit};
  const auto failure_of = [&](const H2ClientStream& stream) {
    failure.unread = stream.lost(failure.cause, sent_, true).unread;
    return failure;
  };
  end_streams(failure_of);
  if (codec_->produce(out_, UINT64_MAX, resources_.loop.now())) {
    transport_->finish();
    transport_->flush(out_, resources_.limits.turn_write);
  }
  retire();
}

void H2ClientConnection::lose(std::string_view cause) {
  if (state_ == State::retired) return;
  if (idle()) closed_while_idle_ = closed_while_idle_ || (requests_ > 0 && !going_);
  const bool head_begun = codec_->head_started();
  end_streams([&](const H2ClientStream& stream) { return stream.lost(cause, sent_, head_begun); });
  retire();
}

// The owner first: a receiver may ask for another connection at once.
template <typename FailureOf>
void H2ClientConnection::end_streams(FailureOf failure_of) {
  in_turn_ = true;
  state_ = State::retired;
  tell_ended();
  open_.for_each([&](H2ClientStream& stream) {
    if (stream.id() != 0) codec_->release(stream.id());
    stream.fail(failure_of(stream));
    close_stream(stream);
  });
}

// In good order, which tells the upstream that no stream of its was lost.
void H2ClientConnection::say_goodbye() {
  state_ = State::retired;
  codec_->submit_goaway(h2::ErrorCode::no_error);
  if (codec_->produce(out_, UINT64_MAX, resources_.loop.now())) {
    transport_->finish();
    transport_->flush(out_, resources_.limits.turn_write);
  }
  retire();
}

void H2ClientConnection::retire() {
  state_ = State::retired;
  reap();
  out_.clear();
  resources_.loop.timers().cancel(*this);
  resources_.loop.forget(*this);
  resources_.loop.retire(std::unique_ptr<net::Retired>(this));
}

}  // namespace sluice::http
