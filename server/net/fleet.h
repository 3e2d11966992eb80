// What the workers of a process share with each other.
//
// Counts and the pressure are atomics or have locks of their own; everything else is written before
// the threads start or under the mutex. Mail may refer to it: it outlives the workers' loops.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "server/net/address_counts.h"
#include "server/net/connection_slot.h"
#include "server/net/loop.h"
#include "server/net/memory_pressure.h"

namespace sluice::net {

class Service;

// A function delivered on a loop's thread: how other threads tell a worker something.
class Call final : public Mail {
 public:
  explicit Call(std::function<void()> call) : call_(std::move(call)) {}
  void deliver() override { call_(); }

 private:
  std::function<void()> call_;
};

struct Fleet {
  explicit Fleet(size_t count)
      : loads(count), loops(count, nullptr), services(count, nullptr), running(count, false) {}

  // Of all workers, those on their way to one included.
  uint64_t connections() const noexcept {
    uint64_t sum = 0;
    for (const WorkerLoad& load : loads) sum += load.connections.load(std::memory_order_relaxed);
    return sum;
  }

  std::vector<WorkerLoad> loads;
  AddressCounts addresses;
  std::vector<Loop*> loops;
  std::vector<Service*> services;  // each touched on its own thread only; null once it has ended
  std::atomic<MemoryPressure> pressure{MemoryPressure::none};
  std::atomic<uint32_t> searches{0};  // RoomSearches under way
  std::mutex mutex;
  std::condition_variable changed;
  size_t started = 0;         // guarded by mutex
  std::vector<bool> running;  // guarded by mutex; those whose thread may still read its mail
  std::string error;          // guarded by mutex
};

}  // namespace sluice::net
