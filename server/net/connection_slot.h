// How many connections each worker has, for whoever hands the next one over and for the cap on all
// of them; and how many each client address has.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

#include "server/net/address_counts.h"

namespace sluice::net {

// One worker's count. Written when connections come and go, read by all workers: a cache line of
// its own.
struct alignas(64) WorkerLoad {
  std::atomic<uint32_t> connections{0};
};

// Counts one connection as a worker's, and as its client address's, from the moment it is meant for
// it (before the hand-over is delivered) until it is destroyed. Any thread.
class ConnectionSlot {
 public:
  ConnectionSlot() noexcept = default;
  explicit ConnectionSlot(WorkerLoad& load, AddressSlot&& address = {}) noexcept
      : load_(&load), address_(std::move(address)) {
    load_->connections.fetch_add(1, std::memory_order_relaxed);
  }
  ConnectionSlot(ConnectionSlot&& other) noexcept
      : load_(std::exchange(other.load_, nullptr)), address_(std::move(other.address_)) {}
  ConnectionSlot& operator=(ConnectionSlot&& other) noexcept {
    std::swap(load_, other.load_);
    address_ = std::move(other.address_);
    return *this;
  }
  ~ConnectionSlot() {
    if (load_ != nullptr) load_->connections.fetch_sub(1, std::memory_order_relaxed);
  }

  // See AddressSlot.
  uint64_t number_of_address() const noexcept { return address_.number(); }
  void count_as(AddressBlock block) { address_.count_as(block); }

 private:
  WorkerLoad* load_ = nullptr;
  AddressSlot address_;
};

}  // namespace sluice::net
