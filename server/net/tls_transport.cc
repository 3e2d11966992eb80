// Between socket and session: who lends whom which memory, and what waits where.
//
// A file range is read into the worker's memory and sealed from there: what sendfile would save is
// the copy that encrypting makes anyway.
#include "server/net/tls_transport.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

namespace sluice::net {

namespace {

// A record is opened when all of it is there. The first ones of a connection fit into a segment
// each, whatever the path's overhead, so that the first octets show while the congestion window
// still lets only some segments through (RFC 6928: ten).
constexpr size_t kSmallRecord = 1369;
constexpr uint32_t kYoung = 16 * 1024;
// What one call may take off a socket before others have their turn.
constexpr int kReceivesACall = 4;

ssize_t read_file(const FileRange& range, std::span<char> room) noexcept {
  const size_t size = std::min<uint64_t>(range.size, room.size());
  ssize_t count = 0;
  do {
    count = ::pread(range.descriptor, room.data(), size, static_cast<off_t>(range.offset));
  } while (count < 0 && errno == EINTR);
  return count;
}

}  // namespace

bool TlsWork::take_turn() noexcept {
  if (iteration_ != loop_.now()) {
    iteration_ = loop_.now();
    left_ = handshakes_;
  }
  if (left_ == 0) return false;
  --left_;
  return true;
}

TlsTransport::TlsTransport(Loop& loop, int descriptor, Task& task, TlsWork& work,
                           const tls::ListenerContext& context)
    : loop_(loop),
      task_(&task),
      work_(work),
      socket_(loop, descriptor, task),
      session_(work.workspace(), context),
      opened_at_(loop.now()),
      young_left_(kYoung) {}

TlsTransport::TlsTransport(Loop& loop, int descriptor, Task& task, TlsWork& work,
                           const tls::UpstreamContext& context)
    : loop_(loop),
      task_(&task),
      work_(work),
      socket_(loop, descriptor, task),
      session_(work.workspace(), context),
      opened_at_(loop.now()),
      young_left_(kYoung),
      hello_due_(true) {}

// --- Reading -------------------------------------------------------------------------------------

// Takes records off the socket. False when there are none.
bool TlsTransport::receive() {
  if (ended_ != Io::progress || !socket_.readable()) return false;
  const std::span<char> room = work_.workspace().records();
  const ReadResult result = socket_.read(room);
  if (result.status == Io::end || result.status == Io::failed) ended_ = result.status;
  arrived_ = {room.data(), result.octets};
  return result.octets > 0;
}

// What is to be opened next: what was kept, else what the socket has. False when there is nothing.
bool TlsTransport::next_records() {
  from_socket_ = unread_.empty() && !session_.pending();
  if (!from_socket_) {
    arrived_ = unread_.view();
    return true;
  }
  return receive();
}

// `rest` is what is left of the records that next_records() gave.
void TlsTransport::keep_rest(std::string_view rest) {
  if (from_socket_) {
    unread_.append(rest);
  } else {
    unread_.drain(unread_.view().size() - rest.size());
  }
  unsent_.append(work_.workspace().output());
  work_.workspace().clear_output();
}

Handshake TlsTransport::handshake() {
  if (bare_ || session_.established()) return Handshake::done;
  const bool has_records = !unread_.empty() || (ended_ == Io::progress && socket_.readable());
  // Who sent nothing takes nobody's turn.
  if (!has_records && !hello_due_)
    return ended_ == Io::progress ? Handshake::pending : Handshake::failed;
  if (!work_.take_turn()) {
    loop_.wake(*task_);
    return Handshake::pending;
  }
  if (std::exchange(hello_due_, false)) {
    from_socket_ = true;
    arrived_ = {};
    if (step_handshake() == Handshake::failed) return Handshake::failed;
  }
  for (int i = 0; i < kReceivesACall; ++i) {
    if (!next_records()) return ended_ == Io::progress ? Handshake::pending : Handshake::failed;
    if (const Handshake state = step_handshake(); state != Handshake::pending) return state;
  }
  loop_.wake(*task_);
  return Handshake::pending;
}

// Gives the session what arrived.
Handshake TlsTransport::step_handshake() {
  using std::chrono::microseconds;
  const auto at = std::chrono::duration_cast<microseconds>(Clock::now() - opened_at_);
  std::string_view records = arrived_;
  const tls::Session::Status status = session_.handshake(records, at);
  keep_rest(records);
  if (status == tls::Session::Status::done) return Handshake::done;
  if (status == tls::Session::Status::wants_records) return Handshake::pending;
  if (status == tls::Session::Status::clear_text) {
    bare_ = true;
    return Handshake::clear_text;
  }
  unread_.clear();
  return Handshake::failed;
}

bool TlsTransport::readable() const noexcept {
  if (bare_) return !unread_.empty() || socket_.readable();
  const bool end_due = (closed_ || ended_ != Io::progress) && !end_told_;
  return socket_.readable() || !unread_.empty() || end_due || session_.pending();
}

ReadResult TlsTransport::read(std::span<char> room) {
  if (bare_) return read_bare(room);
  if (!session_.established()) return read_unopened(room);
  for (int i = 0; i < kReceivesACall; ++i) {
    if (closed_ || !next_records()) return read_nothing();
    std::string_view records = arrived_;
    const tls::Session::Plain plain = session_.read(records, room);
    keep_rest(records);
    if (plain.status == tls::Session::Status::closed) closed_ = true;
    if (plain.status == tls::Session::Status::failed) {
      // Whoever reads gives up now; this is the moment to say why.
      ended_ = Io::failed;
      send_sealed(false);
    }
    if (closed_ || ended_ == Io::failed) unread_.clear();
    if (plain.octets > 0) return {readable() ? Io::progress : Io::blocked, plain.octets};
    if (ended_ == Io::failed) return {Io::failed, 0};
  }
  loop_.wake(*task_);
  return {Io::blocked, 0};
}

// There is nothing to read: for now, or for good.
ReadResult TlsTransport::read_nothing() {
  if (ended_ == Io::failed) return {Io::failed, 0};
  if (!closed_ && ended_ == Io::progress) return {Io::blocked, 0};
  end_told_ = true;
  return {closed_ ? Io::end : Io::truncated, 0};
}

// After a handshake that failed, whoever lingers reads only to drop it: nothing can be opened.
ReadResult TlsTransport::read_unopened(std::span<char> room) {
  unread_.clear();
  if (ended_ != Io::progress) return read_nothing();
  const ReadResult result = socket_.read(room);
  if (result.status == Io::end || result.status == Io::failed) ended_ = result.status;
  return result;
}

ReadResult TlsTransport::read_bare(std::span<char> room) {
  if (unread_.empty()) return socket_.read(room);
  const std::string_view waiting = unread_.view();
  const size_t octets = std::min(waiting.size(), room.size());
  std::memcpy(room.data(), waiting.data(), octets);
  unread_.drain(octets);
  return {readable() ? Io::progress : Io::blocked, octets};
}

// --- Writing -------------------------------------------------------------------------------------

FlushResult TlsTransport::flush(Chain& chain, uint64_t budget) {
  if (bare_) return socket_.flush(chain, budget);
  FlushResult total{Io::progress, 0};
  do {
    if (!socket_.writable()) {
      total.status = Io::blocked;
      return total;
    }
    const uint64_t before = chain.size();
    // What the peer did not take goes first, so that no more than one round's records wait here.
    if (unsent_.view().size() <= tls::Workspace::kSealedRecord && session_.established())
      total.file_cut = !seal(chain, budget);
    budget -= before - chain.size();
    if (finishing_ && chain.empty()) session_.close();
    // What ends the stream waits for the FIN that follows in this turn, and shares its segment.
    const FlushResult sent = send_sealed(finishing_ || (!chain.empty() && budget > 0));
    total.octets += sent.octets;
    total.status = sent.status;
    if (total.file_cut || (session_.established() && session_.failed())) total.status = Io::failed;
  } while (total.status == Io::progress && session_.established() && !chain.empty() && budget > 0);
  return total;
}

size_t TlsTransport::record_size() const noexcept {
  return young_left_ > 0 ? kSmallRecord : tls::Workspace::kRecord;
}

// Makes records of the chain's front, as many as one round takes. False when a file ended early.
bool TlsTransport::seal(Chain& chain, uint64_t budget) {
  while (!chain.empty() && budget > 0 && work_.workspace().takes_record()) {
    const uint64_t most = std::min<uint64_t>(budget, record_size());
    const std::string_view front = chain.front_memory();
    std::string_view octets = front.substr(0, most);
    const bool direct = front.size() >= most;
    bool cut = false;
    if (!direct) octets = gather(chain, budget, cut);
    if (!seal_octets(octets)) return true;
    if (direct) chain.drain(octets.size());
    if (cut) return false;
    budget -= octets.size();
  }
  return true;
}

// Small nodes share a record, and files have to be in memory: both are copied together, off the
// chain. Gives no more than the records that there is room for.
std::string_view TlsTransport::gather(Chain& chain, uint64_t budget, bool& cut) {
  const std::span<char> room = work_.workspace().plain();
  const uint64_t fits = young_left_ > 0
                            ? young_left_
                            : work_.workspace().room_for_records() * tls::Workspace::kRecord;
  const size_t most = std::min({budget, fits, uint64_t{room.size()}});
  size_t size = 0;
  while (size < most && !chain.empty()) {
    size_t octets = 0;
    if (const FileRange* const range = chain.front_file()) {
      const ssize_t count = read_file(*range, room.subspan(size, most - size));
      if (count <= 0) {
        cut = true;
        break;
      }
      octets = static_cast<size_t>(count);
    } else {
      octets = chain.front_memory().copy(room.data() + size, most - size);
    }
    chain.drain(octets);
    size += octets;
  }
  return {room.data(), size};
}

bool TlsTransport::seal_octets(std::string_view octets) {
  while (!octets.empty()) {
    const std::string_view record = octets.substr(0, record_size());
    if (!session_.write(record)) return false;
    octets.remove_prefix(record.size());
    young_left_ -= std::min<uint32_t>(young_left_, static_cast<uint32_t>(record.size()));
  }
  return true;
}

// Sends what waits and what was just sealed; keeps what the socket does not take.
FlushResult TlsTransport::send_sealed(bool more_follows) {
  const std::string_view waiting = unsent_.view();
  const std::string_view fresh = work_.workspace().output();
  std::array<iovec, 2> vectors;
  size_t count = 0;
  for (const std::string_view part : {waiting, fresh}) {
    if (!part.empty()) vectors[count++] = {const_cast<char*>(part.data()), part.size()};
  }
  if (count == 0) return {Io::progress, 0};
  const FlushResult result = socket_.send(std::span(vectors).first(count), more_follows);
  const size_t of_waiting = std::min<size_t>(waiting.size(), result.octets);
  const size_t of_fresh = result.octets - of_waiting;
  unsent_.drain(of_waiting);
  if (result.status != Io::failed) unsent_.append(fresh.substr(of_fresh));
  work_.workspace().clear_output();
  return result;
}

void TlsTransport::shutdown_write() noexcept {
  if (!bare_) {
    session_.close();
    send_sealed(true);
    unsent_.clear();  // nothing leaves behind a FIN, and nobody is to wait for it
  }
  socket_.shutdown_write();
}

}  // namespace sluice::net
