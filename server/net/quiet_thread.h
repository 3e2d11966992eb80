// A thread that takes no signals, and that may be refused: a process has no more threads than
// pids.max and RLIMIT_NPROC let it have, and one that is begun while others serve must not end
// them. std::thread throws then.
#pragma once

#include <pthread.h>

#include <functional>

namespace sluice::net {

// Thread: its owner's.
class QuietThread {
 public:
  QuietThread() = default;
  ~QuietThread() { join(); }
  QuietThread(const QuietThread&) = delete;
  QuietThread& operator=(const QuietThread&) = delete;

  // Begins `run`, which throws nothing, under a name of at most 15 octets. False when there is no
  // thread to be had. Requires: not started.
  [[nodiscard]] bool start(const char* name, std::function<void()> run);
  bool started() const noexcept { return started_; }
  // Waits for its end, if it was started.
  void join() noexcept;

 private:
  static void* begin(void* self);

  std::function<void()> run_;
  pthread_t thread_{};
  bool started_ = false;
};

}  // namespace sluice::net
