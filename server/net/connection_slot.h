// How many connections each worker has, for whoever hands the next one over and for the cap on all
// of them.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace sluice::net {

// One worker's count. Written when connections come and go, read by all workers: a cache line of
// its own.
struct alignas(64) WorkerLoad {
  std::atomic<uint32_t> connections{0};
};

// Counts one connection as a worker's from the moment it is meant for it (before the hand-over is
// delivered) until it is destroyed. Any thread.
class ConnectionSlot {
 public:
  ConnectionSlot() noexcept = default;
  explicit ConnectionSlot(WorkerLoad& load) noexcept : load_(&load) {
    load_->connections.fetch_add(1, std::memory_order_relaxed);
  }
  ConnectionSlot(ConnectionSlot&& other) noexcept : load_(std::exchange(other.load_, nullptr)) {}
  ConnectionSlot& operator=(ConnectionSlot&& other) noexcept {
    std::swap(load_, other.load_);
    return *this;
  }
  ~ConnectionSlot() {
    if (load_ != nullptr) load_->connections.fetch_sub(1, std::memory_order_relaxed);
  }

 private:
  WorkerLoad* load_ = nullptr;
};

}  // namespace sluice::net
