// Memory for nghttp2, which asks for a few blocks for each stream and gives them back when it is
// over: free lists by size class, so that a worker that serves the same load takes nothing from the
// heap.
//
// Invariants:
//   1. A free list keeps a bounded number of octets; what is beyond goes back to the heap, so that
//   a burst is not paid for ever.
//   2. Blocks over the largest class come from the heap and go back to it.
//   3. Under AddressSanitizer free blocks, and what a class gives beyond the size asked for, are
//   poisoned.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace sluice::h2 {

// With the meaning of malloc, free, calloc and realloc (C17 section 7.22.3): what is given is
// aligned for every type, null when there is no memory, and for a size of zero a block like others.
//
// Thread: the worker's, blocks too. Outlives its blocks.
class Memory {
 public:
  // Octets that one free list keeps at most.
  static constexpr size_t kKept = size_t{128} * 1024;
  // The largest size that comes from a free list: nghttp2's buffers of one frame fit.
  static constexpr size_t kLargest = size_t{32} * 1024 - 16;

  Memory() = default;
  ~Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  void* allocate(size_t size) noexcept;
  void* allocate_zeroed(size_t count, size_t size) noexcept;
  // The block stays as it was when there is no memory.
  void* reallocate(void* block, size_t size) noexcept;
  void release(void* block) noexcept;

  // How often the heap was asked: constant while free lists serve everything.
  uint64_t taken_from_heap() const noexcept { return taken_from_heap_; }
  // Octets that free lists keep.
  size_t kept() const noexcept { return kept_; }
  size_t blocks_in_use() const noexcept { return in_use_; }

 private:
  // Four classes for each doubling from 128 octets on: at most a fifth is given too much.
  static constexpr size_t kClasses = 40;
  struct Block;

  static size_t class_of(size_t octets) noexcept;
  static size_t octets_of(size_t size_class) noexcept;
  Block* take(size_t size_class, size_t octets) noexcept;
  Block* from_heap(size_t size_class, size_t octets) noexcept;
  void* reallocate_large(Block* block, size_t size) noexcept;

  std::array<Block*, kClasses> free_{};
  std::array<size_t, kClasses> kept_of_{};  // octets
  size_t kept_ = 0;
  size_t in_use_ = 0;
  uint64_t taken_from_heap_ = 0;
};

}  // namespace sluice::h2
