// Content of a known length on its way through a pipe, on either side of a proxy: from the octet
// where it is known to be long until its message ends, or nobody wants it any more.
#pragma once

#include <cstdint>
#include <utility>

#include "protocol/owner.h"
#include "server/net/loop.h"
#include "server/net/pipe.h"
#include "server/net/transport.h"

namespace sluice::http {

// Thread: the connection's.
class PipedInput {
 public:
  // Octets still to come from which on a pipe is worth its system calls.
  static constexpr uint64_t kLeast = uint64_t{256} * 1024;

  explicit operator bool() const noexcept { return static_cast<bool>(pipe_); }
  // Begins with what `acquire()` gives, if `content_left` octets that come over `transport` are
  // worth a pipe. Returns whether it has begun, now or before; else they are read as ever.
  template <typename Acquire>
  bool begin(uint64_t content_left, const net::Transport& transport, const Acquire& acquire) {
    if (!pipe_ && content_left >= kLeast && transport.splices()) pipe_ = acquire();
    return static_cast<bool>(pipe_);
  }
  // Requires: begun.
  net::Pipe& pipe() const noexcept { return *pipe_; }
  // The pipe was full when it was last tried: it is not its sender that is waited for.
  bool full() const noexcept { return full_; }

  // Moves at most `most` octets. `task`, the connection's, is woken when a full pipe has room
  // again. Requires: begun.
  net::ReadResult read_from(net::Transport& transport, uint64_t most, net::Loop& loop,
                            net::Task& task) {
    const net::ReadResult result = transport.read_into(*pipe_, static_cast<size_t>(most));
    full_ = result.octets == 0 && result.status == net::Io::blocked && !pipe_->empty();
    if (full_) pipe_->await_room(loop, task);
    return result;
  }
  void end(const net::Task& task) noexcept {
    if (!pipe_) return;
    pipe_->forget(task);
    pipe_.reset();
    full_ = false;
  }

 private:
  Ref<net::Pipe> pipe_;
  bool full_ = false;
};

}  // namespace sluice::http
