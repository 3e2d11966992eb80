// The one thread that writes the access log: gathers from every worker's ring, says what was
// dropped, waits out a destination that takes nothing, and ends within a bound whatever its
// destination does.
//
// 1. Each ring is written from its read end, and what was written is released: a line that went out
// by half is
//    continued before any other ring's turn. Where the other half can never follow (the reader is
//    gone), the rest of that line is thrown away and counted.
//    A line that begins with a space belongs to the one before it.
// 2. While the destination is stuck the rings fill and their workers drop. Nothing is kept
// elsewhere.
// 3. Every line produced is counted once, as written or as dropped.
#pragma once

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "server/ops/bell.h"
#include "server/ops/log_destination.h"
#include "server/ops/worker_log.h"

namespace sluice::ops {

// Owned together by the AccessLog and its thread: a thread stuck in the kernel for ever (a dead
// network file system) is left behind at close, with all that it touches.
class LogWriter : public std::enable_shared_from_this<LogWriter> {
 public:
  struct Pace {
    std::chrono::milliseconds gather{100};    // between two writes, unless a ring is half full
    std::chrono::milliseconds retry{1'000};   // after an error: a full disk, a reader that is gone
    std::chrono::milliseconds flush{1'000};   // at close, for a destination that takes nothing now
    std::chrono::milliseconds report{1'000};  // between two lines that tell of dropped ones
  };

  LogWriter(std::unique_ptr<LogDestination> destination, LineForm form, Pace pace);

  // Starts the thread. Returns an error text or nothing.
  [[nodiscard]] std::string start();
  // Any thread. The log lives as long as this.
  WorkerLog& add(size_t ring_octets);
  // Writes what is in the rings and ends the thread, within Pace::flush and a little. The workers
  // have ended.
  void close();

  // Lines dropped so far. After close() it is exact, the lines left in the rings included.
  uint64_t dropped() const noexcept;

 private:
  enum class Outcome : uint8_t { nothing, wrote, stuck, failed };
  using Clock = std::chrono::steady_clock;

  static void* thread_main(void* argument);
  void run();
  void flush_and_end();

  // Sleeping.
  void sleep_after(Outcome outcome);
  void sleep_until_a_line();
  void wait_to_retry();
  void wait(std::chrono::milliseconds time,
            bool for_room);  // a negative time: until the bell or room
  bool lines_wait();

  // Writing: one look at every ring, and at what is to be said of dropped lines.
  Outcome pass(bool at_end);
  Outcome write_rings();
  Outcome write_ring(LogRing& ring);
  Outcome refused(ssize_t error);
  void throw_half_line_away();
  bool owes_note() const;
  void make_note();
  size_t count_left_lines();

  Bell bell_;
  const std::unique_ptr<LogDestination> destination_;
  const LineForm form_;
  const Pace pace_;
  std::atomic<bool> closing_{false};
  pthread_t thread_{};
  bool started_ = false;

  mutable std::mutex logs_mutex_;  // guards logs_ itself; a WorkerLog in it never moves
  std::vector<std::unique_ptr<WorkerLog>> logs_;
  std::atomic<uint64_t> thrown_away_{0};  // lines dropped on this side of the rings

  // The writer's thread only.
  LogRing notes_;                 // lines of our own, written like a worker's
  LogRing* half_line_ = nullptr;  // the ring whose last line went out by half
  bool progress_ = false;         // this pass wrote something
  uint64_t noted_ = 0;            // dropped lines that a note told of
  Clock::time_point next_note_{};
};

}  // namespace sluice::ops
