// The thread that measures.
#include "server/ops/memory_watch.h"

#include <malloc.h>
#include <pthread.h>

#include <string_view>
#include <utility>

namespace sluice::ops {
namespace {

std::string mebibytes(uint64_t octets) { return std::to_string(octets >> 20) + " MiB"; }

std::string_view what_follows(net::MemoryPressure pressure) noexcept {
  switch (pressure) {
    case net::MemoryPressure::none:
      return "connections are accepted again";
    case net::MemoryPressure::high:
      return "newcomers get 503 and idle connections close (limit memory_high)";
    case net::MemoryPressure::critical:
      return "the connections that hold most close (limit memory_critical)";
  }
  return {};
}

}  // namespace

net::MemoryPressure pressure_of(const MemoryReading& reading, uint64_t high,
                                uint64_t critical) noexcept {
  if (reading.limit == 0) return net::MemoryPressure::none;
  const uint64_t taken = reading.per_cent();
  if (taken >= critical) return net::MemoryPressure::critical;
  return taken >= high ? net::MemoryPressure::high : net::MemoryPressure::none;
}

std::string describe(const MemoryReading& reading, net::MemoryPressure pressure) {
  std::string text = "memory: " + mebibytes(reading.used) + " in use of " +
                     mebibytes(reading.limit) +
                     (reading.of_cgroup ? " that the cgroup may have" : " that the machine has");
  return text.append("; ").append(what_follows(pressure));
}

MemoryWatch::MemoryWatch(Options options, Tell tell)
    : options_(std::move(options)), tell_(std::move(tell)), thread_([this] { run(); }) {
  pthread_setname_np(thread_.native_handle(), "memory-watch");
}

MemoryWatch::~MemoryWatch() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void MemoryWatch::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    measure();
    lock.lock();
    changed_.wait_for(lock, options_.period, [this] { return stopping_; });
  }
}

void MemoryWatch::measure() {
  MemoryReading reading = read_memory(options_.root);
  net::MemoryPressure now = pressure_of(reading, options_.high, options_.critical);
  if (now != net::MemoryPressure::none) {
    // What was freed may still be malloc's: without this a process that was once large would stay
    // so, and refuse for ever.
    malloc_trim(0);
    reading = read_memory(options_.root);
    now = pressure_of(reading, options_.high, options_.critical);
  }
  const bool changed = std::exchange(last_, now) != now;
  if (changed || now != net::MemoryPressure::none) tell_(now, reading, changed);
}

}  // namespace sluice::ops
