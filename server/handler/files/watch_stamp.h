// A directory's count of changes seen by the watcher. Entries remember the count they were checked
// at.
#pragma once

#include <atomic>
#include <cstdint>

#include "protocol/owner.h"

namespace sluice::handler {

// Any thread.
class WatchStamp final : public SharedOwner {
 public:
  uint32_t changes() const noexcept { return changes_.load(std::memory_order_acquire); }
  void mark() noexcept { changes_.fetch_add(1, std::memory_order_release); }

 private:
  ~WatchStamp() override = default;
  std::atomic<uint32_t> changes_{0};
};

}  // namespace sluice::handler
