// The block pool: what is pinned stays, what is not is used again, and large blocks are counted.
#include "protocol/block.h"

#include <gtest/gtest.h>

#include <cstring>

#include "protocol/chain.h"

namespace sluice {
namespace {

Slice render(BlockPool& pool, std::string_view text) {
  const std::span<char> room = pool.reserve(text.size());
  std::memcpy(room.data(), text.data(), text.size());
  return pool.commit(text.size());
}

TEST(BlockPool, GivesBlocksOfTheirSizeAndCountsThem) {
  BlockPool pool;
  Ref<Block> one = pool.acquire();
  Ref<Block> two = pool.acquire();
  EXPECT_EQ(one->capacity(), BlockPool::kBlockSize);
  EXPECT_NE(one.get(), two.get());
  std::memset(one->data(), 1, one->capacity());
  std::memset(two->data(), 2, two->capacity());
  EXPECT_EQ(one->data()[one->capacity() - 1], 1);
  EXPECT_EQ(pool.blocks_in_use(), 2u);
  one.reset();
  EXPECT_EQ(pool.blocks_in_use(), 1u);
  two.reset();
  EXPECT_EQ(pool.blocks_in_use(), 0u);
}

TEST(BlockPool, LargeBlocksAreBoundedInNumber) {
  BlockPool pool(2);
  Ref<Block> one = pool.acquire_large();
  const Ref<Block> two = pool.acquire_large();
  ASSERT_TRUE(one && two);
  EXPECT_EQ(one->capacity(), BlockPool::kLargeBlockSize);
  EXPECT_FALSE(pool.acquire_large());
  EXPECT_TRUE(pool.acquire()) << "ordinary blocks are not concerned";
  one.reset();
  EXPECT_TRUE(pool.acquire_large()) << "the place is free again";
}

TEST(BlockPool, CommitsLieSideBySide) {
  BlockPool pool;
  Chain chain;
  chain.append(render(pool, "one "));
  chain.append(render(pool, "two "));
  chain.append(render(pool, "three"));
  EXPECT_EQ(chain.nodes(), 1u);
  EXPECT_EQ(chain.to_string(), "one two three");
}

TEST(BlockPool, CommittingLessThanReservedWastesNothing) {
  BlockPool pool;
  std::span<char> room = pool.reserve(1000);
  EXPECT_EQ(room.size(), 1000u);
  room[0] = 'a';
  const Slice first = pool.commit(1);
  room = pool.reserve(1000);
  EXPECT_EQ(room.data(), first.data() + 1);
  EXPECT_TRUE(pool.commit(0).empty());
}

TEST(BlockPool, AFullBlockIsFollowedByAnother) {
  BlockPool pool;
  const Slice first = render(pool, std::string(BlockPool::kBlockSize - 10, 'a'));
  const Slice second = render(pool, std::string(10, 'b'));
  EXPECT_EQ(pool.blocks_in_use(), 1u);
  const Slice third = render(pool, std::string(BlockPool::kBlockSize, 'c'));
  EXPECT_EQ(pool.blocks_in_use(), 2u);
  EXPECT_EQ(first.view().find_first_not_of('a'), std::string_view::npos);
  EXPECT_EQ(second.view(), std::string(10, 'b'));
  EXPECT_EQ(third.view().find_first_not_of('c'), std::string_view::npos);
}

TEST(BlockPool, PinnedOctetsAreNotOverwritten) {
  BlockPool pool;
  const Slice kept = render(pool, "kept");
  for (int i = 0; i < 5000; ++i) render(pool, "scribble");
  EXPECT_EQ(kept.view(), "kept");
}

TEST(BlockPool, TheOutputBlockCountsOnlyWhilePinned) {
  BlockPool pool;
  Slice slice = render(pool, "text");
  EXPECT_EQ(pool.blocks_in_use(), 1u);
  slice = Slice();
  EXPECT_EQ(pool.blocks_in_use(), 0u);
}

#ifndef SLUICE_SANITIZED
TEST(BlockPool, AnUnpinnedOutputBlockStartsAgain) {
  BlockPool pool;
  const char* first = nullptr;
  for (int i = 0; i < 10'000; ++i) {
    const Slice slice = render(pool, "a response's head");
    if (first == nullptr) first = slice.data();
    ASSERT_EQ(slice.data(), first) << "the hot path keeps to one place";
  }
}

TEST(BlockPool, TheBlockUsedLastIsUsedNext) {
  BlockPool pool;
  Ref<Block> one = pool.acquire();
  Ref<Block> two = pool.acquire();
  const Block* last = two.get();
  one.reset();
  two.reset();
  EXPECT_EQ(pool.acquire().get(), last);
}
#endif

TEST(Slice, CopiesAreOfTheirOwn) {
  std::string text = "text";
  const Slice copy = copy_of(text);
  text = "gone";
  EXPECT_EQ(copy.view(), "text");
  EXPECT_EQ(copy.owner()->use_count(), 1u);
  const Slice part = copy.sub(1, 2);
  EXPECT_EQ(part.view(), "ex");
  EXPECT_EQ(copy.owner()->use_count(), 2u);
  EXPECT_TRUE(copy_of("").empty());
}

}  // namespace
}  // namespace sluice
