// Signals as events of the main thread's loop.
//
// They are blocked in every thread and read from a descriptor, so that no handler runs between two
// instructions of anybody.
#pragma once

#include <signal.h>

#include "server/net/descriptor.h"
#include "server/net/loop.h"

namespace sluice::ops {

// What to do when the process is told something. On the loop's thread.
class SignalReceiver {
 public:
  virtual void on_signal(int number) = 0;

 protected:
  ~SignalReceiver() = default;
};

// Blocks SIGTERM, SIGINT and SIGHUP in this thread and in those that it starts, and ignores
// SIGPIPE: a peer that went away is a return value of send and sendfile. Call before any thread is
// started.
sigset_t block_signals() noexcept;

// Thread: the loop's. The loop and the receiver outlive it.
class SignalSource final : public net::EventTarget {
 public:
  SignalSource(net::Loop& loop, SignalReceiver& receiver) : loop_(loop), receiver_(receiver) {}
  // Requires: block_signals() gave `signals`. Returns 0 or errno.
  [[nodiscard]] int open(const sigset_t& signals);
  void on_event(uint32_t epoll_events) override;

 private:
  net::Loop& loop_;
  SignalReceiver& receiver_;
  net::Descriptor descriptor_;
};

}  // namespace sluice::ops
