// Watches how much of its memory the process has taken, so that it gives something up before the
// kernel kills it: at memory_high newcomers are turned away and idle connections close, at
// memory_critical the connection that holds most closes, one after the other (SECURITY section 6).
//
// Measured four times a second by a thread of its own, because reading a memory.stat can take
// milliseconds and no worker waits for that. Workers only read the verdict.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "server/net/memory_pressure.h"
#include "server/ops/memory_reading.h"

namespace sluice::ops {

// What a reading means for these limits (per cent). An unknown limit never presses.
net::MemoryPressure pressure_of(const MemoryReading& reading, uint64_t high,
                                uint64_t critical) noexcept;

// For people, in one line: what was measured, the limit that decided and what follows.
std::string describe(const MemoryReading& reading, net::MemoryPressure pressure);

class MemoryWatch {
 public:
  struct Options {
    uint64_t high = 90;  // conf/limits.h: memory_high, memory_critical
    uint64_t critical = 95;
    std::chrono::milliseconds period{250};
    std::string root;  // see read_memory
  };
  // Called on the watch's thread: at each change, and each period while it is not `none`; `changed`
  // is true for the first of a kind.
  using Tell = std::function<void(net::MemoryPressure, const MemoryReading&, bool changed)>;

  // Begins to measure at once. What `tell` refers to outlives the watch.
  MemoryWatch(Options options, Tell tell);
  // Returns when `tell` is not called any more.
  ~MemoryWatch();
  MemoryWatch(const MemoryWatch&) = delete;
  MemoryWatch& operator=(const MemoryWatch&) = delete;

 private:
  void run();
  void measure();

  const Options options_;
  const Tell tell_;
  net::MemoryPressure last_ = net::MemoryPressure::none;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;  // guarded by mutex
  std::thread thread_;
};

}  // namespace sluice::ops
