// Which windows of a large file were sent lately, and so lie in the page cache: those go out at
// once, others are first touched by a helper thread (DESIGN section 4: disk is not assumed to be
// fast).
//
// A guess that costs one relaxed load: asking the kernel (mincore) would need a mapping, and served
// content is never mapped. Notes of far windows share a slot, the later one wins; at worst a window
// is touched once more. Any thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace sluice::handler {

class WindowNotes {
 public:
  // How long a window that was sent is taken to stay in the page cache.
  static constexpr uint32_t kLatelySeconds = 60;

  // `windows`: how many the file has; at least one.
  explicit WindowNotes(uint64_t windows)
      : slots_(static_cast<size_t>(std::min<uint64_t>(windows, kMaxSlots))),
        notes_(std::make_unique<std::atomic<uint64_t>[]>(slots_)) {}

  // Whether the window was sent or touched lately; notes that it is sent now. `second`: of any
  // steady clock.
  bool use(uint64_t window, uint32_t second) noexcept {
    const uint64_t note = slot(window).load(std::memory_order_relaxed);
    const uint32_t age = second - static_cast<uint32_t>(note);
    if (note >> 32 != tag(window) || age >= kLatelySeconds) return false;
    if (age != 0) this->note(window, second);
    return true;
  }
  void note(uint64_t window, uint32_t second) noexcept {
    slot(window).store(tag(window) << 32 | second, std::memory_order_relaxed);
  }
  size_t footprint() const noexcept { return slots_ * sizeof(uint64_t); }

 private:
  static constexpr uint64_t kMaxSlots = 1024;  // 8 KiB for a file of 512 MiB and more

  // Never zero, so that an empty slot is nobody's.
  static uint64_t tag(uint64_t window) noexcept { return (window + 1) & 0xFFFFFFFF; }
  std::atomic<uint64_t>& slot(uint64_t window) noexcept {
    return notes_[static_cast<size_t>(window % slots_)];
  }

  size_t slots_;
  std::unique_ptr<std::atomic<uint64_t>[]> notes_;
};

}  // namespace sluice::handler
