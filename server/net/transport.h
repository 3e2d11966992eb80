// A connected byte stream as its connection sees it: read some, flush a chain, close.
//
// The process must ignore SIGPIPE: send() is told not to raise it, sendfile() cannot be told.
//
// Readiness is bits kept here (edge-triggered epoll tells each change once), so pausing costs no
// system call. Invariants:
//   1. Only a transport resolves a chain node: sendmsg for memory, sendfile for a file range,
//   splice for what lies in a pipe. A range that is a pipe's is pinned by a Pipe.
//   2. A turn reads and writes within a budget; what is left over goes to the run queue, not to
//   epoll.
//   3. A short read means drained only when the event carried no RDHUP, HUP or ERR.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "protocol/chain.h"
#include "server/net/loop.h"
#include "server/net/pipe.h"

namespace sluice::tls {
class Session;
}

namespace sluice::net {

enum class Io : uint8_t {
  progress,   // octets moved, and more may be possible now
  blocked,    // nothing more now (octets may have moved); an event will come
  end,        // read only: the peer closed its side in good order
  truncated,  // read only: the peer closed its side without saying so in TLS: octets may be missing
  failed,     // the connection is gone (reset, EPIPE, or a file that ended early: see
              // FlushResult::file_cut)
};

struct ReadResult {
  Io status;
  size_t octets;  // may be > 0 with any status but failed
};

// How far a connection is that has to agree on keys before anything else.
enum class Handshake : uint8_t {
  done,
  pending,
  clear_text,  // the peer speaks without TLS: from here on, so does the transport
  failed,      // what is to be said of it (an alert) leaves with the next flush
};

struct FlushResult {
  Io status;  // progress: the chain is empty or the budget is spent; blocked: the peer does not
              // take more
  uint64_t octets;        // taken by the kernel, of whatever form they have there
  bool file_cut = false;  // a file range ended before its size: the message must end visibly
};

class Transport {
 public:
  virtual ~Transport() = default;

  // Events wake `task` from here on, in place of whom they woke until now.
  virtual void wake_instead(Task& task) noexcept = 0;
  // Goes on with what comes before content. Nothing is read until it is done.
  virtual Handshake handshake() { return Handshake::done; }
  // Null in clear text.
  virtual tls::Session* session() noexcept { return nullptr; }

  // Reads once into `room`. Requires: `room` is not empty.
  virtual ReadResult read(std::span<char> room) = 0;
  // Content may go through a pipe, in and out: nobody has to look at it here.
  virtual bool splices() const noexcept { return false; }
  // Moves octets (at most `most`, which is not 0) into `pipe` without copying them. `blocked` may
  // mean that the pipe is full, when it is not empty: then no event tells of room. Requires:
  // splices().
  virtual ReadResult read_into(Pipe& pipe, size_t most);
  // Sends from the chain's front and drains what was taken, at most `budget` octets.
  virtual FlushResult flush(Chain& chain, uint64_t budget) = 0;
  // The next flush, if it takes all of its chain, is the last before shutdown_write(): the stream's
  // end may go with it.
  virtual void finish() noexcept {}
  // Octets that were taken from a chain, or are the transport's own, wait for the next flush: it is
  // due even with an empty chain.
  virtual bool holds_output() const noexcept { return false; }
  // Octets of memory that the transport keeps for the connection.
  virtual uint64_t held() const noexcept { return 0; }
  // True when a read may give something (data, end or an error) without waiting for an event.
  virtual bool readable() const noexcept = 0;
  virtual bool writable() const noexcept = 0;
  // The peer reset the connection or an error is pending: no more octets will go out.
  virtual bool broken() const noexcept = 0;
  // The peer sent FIN (what it sent before may still be unread).
  virtual bool peer_closed() const noexcept = 0;
  // The address of ours that the peer is connected to; AF_UNSPEC when that is not known. Costs a
  // system call.
  virtual sockaddr_storage local_address() const noexcept { return {}; }
  // Octets handed to the kernel that the peer's kernel has not acknowledged, for the progress
  // timers.
  virtual uint64_t unsent() const noexcept = 0;
  // The kernel takes no more while it holds so many octets that it has not sent yet
  // (TCP_NOTSENT_LOWAT), so that what is decided later need not wait behind them. Costs a system
  // call.
  virtual void limit_unsent(int octets) noexcept { (void)octets; }
  // Sends FIN; the receiving side stays open (lingering close).
  virtual void shutdown_write() noexcept = 0;
  // Makes the destructor's close send RST instead of FIN, so that a cut response is seen as one.
  virtual void reset_on_close() noexcept = 0;
};

// A TCP or Unix stream socket on a loop. Owns the descriptor and closes it in its destructor.
// Events set readiness bits and wake `task`, unless they tell nothing new. Thread: the loop's.
// A transport that is not wanted any more is destroyed through Loop::retire (with its connection).
class SocketTransport final : public Transport, public EventTarget {
 public:
  // Requires: `descriptor` is non-blocking and connected. TCP options are set by whoever accepted
  // it.
  SocketTransport(Loop& loop, int descriptor, Task& task);
  ~SocketTransport();
  // Registers with the loop. Returns 0 or errno.
  [[nodiscard]] int open();

  void wake_instead(Task& task) noexcept override { task_ = &task; }
  ReadResult read(std::span<char> room) override;
  bool splices() const noexcept override { return true; }
  ReadResult read_into(Pipe& pipe, size_t most) override;
  FlushResult flush(Chain& chain, uint64_t budget) override;
  // Sends what `vectors` (at least one) describe, in one system call. `more_follows`: within this
  // flush.
  FlushResult send(std::span<iovec> vectors, bool more_follows);
  bool readable() const noexcept override { return readable_; }
  bool writable() const noexcept override { return writable_; }
  bool broken() const noexcept override { return broken_; }
  bool peer_closed() const noexcept override { return peer_closed_; }
  sockaddr_storage local_address() const noexcept override;
  uint64_t unsent() const noexcept override;
  void limit_unsent(int octets) noexcept override;
  void shutdown_write() noexcept override;
  void reset_on_close() noexcept override;

  void on_event(uint32_t epoll_events) override;

 private:
  FlushResult send_memory(Chain& chain, uint64_t budget);
  FlushResult send_file(Chain& chain, uint64_t budget);
  FlushResult send_piped(Chain& chain, uint64_t budget);
  FlushResult sending_failed(int error);

  Loop& loop_;
  Task* task_;
  int descriptor_;
  bool readable_ = false;
  bool writable_ = true;
  bool broken_ = false;
  bool peer_closed_ = false;
  bool write_shut_ = false;  // we sent FIN
};

}  // namespace sluice::net
