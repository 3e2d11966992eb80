// nghttp2's memory: malloc, free, calloc and realloc as C defines them, from the heap only until
// the free lists hold what the load needs.
#include "protocol/h2/memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace sluice::h2 {
namespace {

// Every size around the classes' edges, and beyond the largest class.
std::vector<size_t> sizes() {
  std::vector<size_t> result;
  for (size_t size = 0; size <= 2048; ++size) result.push_back(size);
  for (size_t size = 2048; size <= 64 * 1024; size += 509) result.push_back(size);
  for (size_t edge = 4096; edge <= 64 * 1024; edge += 1024) {
    for (size_t size = edge - 18; size <= edge + 1; ++size) result.push_back(size);
  }
  return result;
}

bool holds(const void* block, uint8_t value, size_t size) {
  const auto* octets = static_cast<const uint8_t*>(block);
  for (size_t i = 0; i < size; ++i) {
    if (octets[i] != value) return false;
  }
  return true;
}

TEST(Memory, BlocksOfEverySizeAreAlignedAndApart) {
  Memory memory;
  std::vector<std::pair<void*, size_t>> blocks;
  for (const size_t size : sizes()) {
    void* block = memory.allocate(size);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(block) % alignof(std::max_align_t), 0U);
    std::memset(block, static_cast<int>(size % 251), size);
    blocks.emplace_back(block, size);
  }
  EXPECT_EQ(memory.blocks_in_use(), blocks.size());
  for (const auto& [block, size] : blocks) {
    EXPECT_TRUE(holds(block, static_cast<uint8_t>(size % 251), size)) << size;
    memory.release(block);
  }
  EXPECT_EQ(memory.blocks_in_use(), 0U);
}

TEST(Memory, ABlockThatWasReleasedServesAnyOfItsClass) {
  Memory memory;
  void* first = memory.allocate(400);
  memory.release(first);
  EXPECT_GT(memory.kept(), 400U);
  void* second = memory.allocate(390);
  EXPECT_EQ(second, first);
  EXPECT_EQ(memory.kept(), 0U);
  EXPECT_EQ(memory.taken_from_heap(), 1U);
  memory.release(second);
}

TEST(Memory, TheSameLoadAgainTakesNothingFromTheHeap) {
  Memory memory;
  const auto load = [&] {
    std::vector<void*> blocks;
    for (const size_t size : {16U, 56U, 300U, 300U, 300U, 1000U, 4096U, 16'394U, 32'752U}) {
      blocks.push_back(memory.allocate(size));
      blocks.push_back(memory.reallocate(memory.allocate_zeroed(1, size), size + size / 2));
    }
    for (void* block : blocks) memory.release(block);
  };
  load();
  const uint64_t before = memory.taken_from_heap();
  load();
  EXPECT_EQ(memory.taken_from_heap(), before + 1) << "only the one over the largest class";
}

TEST(Memory, AfterABurstOnlyABoundedPartIsKept) {
  Memory memory;
  for (const size_t size : {size_t{1}, size_t{300}, size_t{16'394}, Memory::kLargest}) {
    const size_t before = memory.kept();
    std::vector<void*> blocks;
    for (size_t octets = 0; octets < 4 * Memory::kKept; octets += size + 16)
      blocks.push_back(memory.allocate(size));
    for (void* block : blocks) memory.release(block);
    EXPECT_GT(memory.kept() - before, Memory::kKept / 2) << size;
    EXPECT_LE(memory.kept() - before, Memory::kKept) << size;
  }
}

TEST(Memory, LargeBlocksGoBackToTheHeap) {
  Memory memory;
  void* large = memory.allocate(Memory::kLargest + 1);
  ASSERT_NE(large, nullptr);
  memory.release(large);
  EXPECT_EQ(memory.kept(), 0U);
  EXPECT_EQ(memory.taken_from_heap(), 1U);
}

TEST(Memory, NotMoreThanAFifthIsGivenTooMuch) {
  for (size_t size = 113; size <= Memory::kLargest; ++size) {
    Memory memory;
    memory.release(memory.allocate(size));
    ASSERT_GE(memory.kept(), size + 16) << size;
    ASSERT_LE(memory.kept() * 4, (size + 16) * 5) << size;
  }
}

TEST(Memory, ZeroedBlocksAreZeroThoughTheyWereUsed) {
  Memory memory;
  void* used = memory.allocate(160);
  std::memset(used, 0xff, 160);
  memory.release(used);
  void* zeroed = memory.allocate_zeroed(10, 16);
  ASSERT_EQ(zeroed, used);
  EXPECT_TRUE(holds(zeroed, 0, 160));
  memory.release(zeroed);
}

TEST(Memory, SizesThatOverflowGiveNull) {
  constexpr size_t kMost = std::numeric_limits<size_t>::max();
  Memory memory;
  EXPECT_EQ(memory.allocate_zeroed(kMost / 2, 3), nullptr);
  EXPECT_EQ(memory.allocate(kMost), nullptr);
  EXPECT_EQ(memory.allocate(kMost - 15), nullptr);
  EXPECT_EQ(memory.blocks_in_use(), 0U);
}

TEST(Memory, ReallocationKeepsWhatBothSizesHold) {
  Memory memory;
  for (const size_t from : {size_t{1}, size_t{100}, size_t{3000}, size_t{40'000}}) {
    for (const size_t to : {1U, 90U, 101U, 5000U, 32'753U, 100'000U}) {
      void* block = memory.allocate(from);
      std::memset(block, 7, from);
      block = memory.reallocate(block, to);
      ASSERT_NE(block, nullptr);
      EXPECT_TRUE(holds(block, 7, std::min(from, to))) << from << " to " << to;
      std::memset(block, 8, to);
      memory.release(block);
    }
  }
  EXPECT_EQ(memory.blocks_in_use(), 0U);
}

TEST(Memory, ReallocationWithinTheClassStaysInPlace) {
  Memory memory;
  void* block = memory.allocate(1100);
  EXPECT_EQ(memory.reallocate(block, 1150), block);
  EXPECT_EQ(memory.reallocate(block, 10), block);
  memory.release(block);
  EXPECT_EQ(memory.taken_from_heap(), 1U);
}

TEST(Memory, ReallocationThatFailsLeavesTheBlock) {
  constexpr size_t kMost = std::numeric_limits<size_t>::max();
  Memory memory;
  for (const size_t size : {100U, 100'000U}) {
    void* block = memory.allocate(size);
    std::memset(block, 7, size);
    EXPECT_EQ(memory.reallocate(block, kMost - 8), nullptr);
    EXPECT_TRUE(holds(block, 7, size));
    memory.release(block);
  }
}

TEST(Memory, NullIsAllocatedAndReleasedToo) {
  Memory memory;
  void* block = memory.reallocate(nullptr, 10);
  EXPECT_NE(block, nullptr);
  memory.release(nullptr);
  EXPECT_EQ(memory.blocks_in_use(), 1U);
  memory.release(block);
  EXPECT_EQ(memory.blocks_in_use(), 0U);
}

#if defined(__SANITIZE_ADDRESS__)
TEST(Memory, SanitizersSeeUseAfterReleaseAndBeyondTheSize) {
  Memory memory;
  auto* block = static_cast<char*>(memory.allocate(100));
  EXPECT_FALSE(__asan_address_is_poisoned(block + 99));
  EXPECT_TRUE(__asan_address_is_poisoned(block + 104)) << "of the class, not asked for";
  ASSERT_EQ(memory.reallocate(block, 110), block);
  EXPECT_FALSE(__asan_address_is_poisoned(block + 109));
  memory.release(block);
  EXPECT_TRUE(__asan_address_is_poisoned(block));
  EXPECT_TRUE(__asan_address_is_poisoned(block + 99));
}
#endif

}  // namespace
}  // namespace sluice::h2
