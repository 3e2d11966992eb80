// The problem: what was read waits in the right block: one of the worker's mostly, one of its own
// when something is read on in it, a large one for a large head, and none when it is empty.
#include "server/http/input_buffer.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "unit/server/http/scripted_transport.h"

namespace sluice::http {
namespace {

class InputBufferTest : public ::testing::Test {
 protected:
  net::ReadResult read(std::string octets, uint64_t most = UINT64_MAX) {
    wire.input.push_back({Wire::Step::Kind::octets, std::move(octets)});
    EXPECT_TRUE(buffer.make_room());
    return buffer.read_from(transport, most);
  }
  // Reads until it holds this many.
  void fill(size_t octets) {
    while (buffer.view().size() < octets) {
      ASSERT_TRUE(buffer.make_room());
      if (wire.input.empty())
        wire.input.push_back(
            {Wire::Step::Kind::octets, std::string(octets - buffer.view().size(), 'x')});
      (void)buffer.read_from(transport, UINT64_MAX);
    }
  }

  net::Loop loop;
  conf::Limits limits = [] {
    conf::Limits few;
    few.large_heads = 1;
    return few;
  }();
  WorkerResources resources{loop, limits};
  Wire wire;
  ScriptedTransport transport{wire};
  InputBuffer buffer{resources, InputBuffer::Of::requests};
};

TEST_F(InputBufferTest, HoldsNothingAtFirst) {
  EXPECT_TRUE(buffer.empty());
  EXPECT_FALSE(buffer.has_block() || buffer.fresh());
  EXPECT_EQ(buffer.held(), 0U);
  EXPECT_EQ(buffer.view(), "");
}

TEST_F(InputBufferTest, GivesWhatWasReadUntilItIsConsumed) {
  EXPECT_EQ(read("abcdef").octets, 6U);
  EXPECT_TRUE(buffer.fresh());
  {
    const Slice all = buffer.take_look();
    EXPECT_EQ(all.view(), "abcdef");
    EXPECT_FALSE(buffer.fresh());
    buffer.consume(4);
    EXPECT_EQ(buffer.view(), "ef");
    buffer.refresh();
    EXPECT_TRUE(buffer.fresh());
    (void)read("gh");
    EXPECT_EQ(buffer.take_look().view(), "efgh");
    EXPECT_EQ(all.view(), "abcdef");
  }
  buffer.consume(4);
  buffer.refresh();
  EXPECT_FALSE(buffer.fresh());
  buffer.release_if_empty();
  EXPECT_FALSE(buffer.has_block());
}

TEST_F(InputBufferTest, ReadsNoMoreThanItIsTold) {
  EXPECT_EQ(read("abcdef", 2).octets, 2U);
  EXPECT_EQ(buffer.view(), "ab");
}

TEST_F(InputBufferTest, IsNotFreshByWhatGaveNothing) {
  for (const auto kind : {Wire::Step::Kind::end, Wire::Step::Kind::truncated}) {
    wire.input.assign(1, {kind, ""});
    ASSERT_TRUE(buffer.make_room());
    (void)buffer.read_from(transport, 100);
    EXPECT_FALSE(buffer.fresh());
  }
  wire.input.clear();
  EXPECT_EQ(buffer.read_from(transport, 100).status, net::Io::blocked);
  EXPECT_FALSE(buffer.fresh());
}

TEST_F(InputBufferTest, LeavesTheWorkersBlockToOthersWhenItKeepsNothing) {
  (void)read("abc");
  (void)buffer.take_look();
  buffer.consume(3);
  buffer.release_if_empty();
  const size_t blocks = resources.pool.blocks_in_use();
  (void)read("def");
  EXPECT_EQ(resources.pool.blocks_in_use(), blocks);
}

TEST_F(InputBufferTest, BeginsAtTheFrontAgainWhenNobodyHoldsWhatWasRead) {
  (void)read("abc");
  buffer.consume(3);
  buffer.release_if_empty();
  const size_t blocks = resources.pool.blocks_in_use();
  EXPECT_EQ(read(std::string(BlockPool::kBlockSize, 'x')).octets, BlockPool::kBlockSize);
  EXPECT_EQ(resources.pool.blocks_in_use(), blocks);
}

TEST_F(InputBufferTest, SharesNothingOfResponses) {
  InputBuffer responses(resources, InputBuffer::Of::responses);
  std::vector<Slice> waiting;
  for (int i = 0; i < 2; ++i) {
    wire.input.push_back({Wire::Step::Kind::octets, "HTTP/1.1 200 OK"});
    ASSERT_TRUE(responses.make_room());
    (void)responses.read_from(transport, UINT64_MAX);
    waiting.push_back(responses.take_look());
    responses.consume(15);
    responses.release_if_empty();
  }
  wire.input.push_back({Wire::Step::Kind::octets, std::string(BlockPool::kBlockSize, 'x')});
  ASSERT_TRUE(responses.make_room());
  EXPECT_EQ(responses.read_from(transport, UINT64_MAX).octets, BlockPool::kBlockSize);
  for (const Slice& one : waiting) EXPECT_EQ(one.view(), "HTTP/1.1 200 OK");
}

// As an upstream's connection is looked at while a request is in its turn.
TEST_F(InputBufferTest, FillsWhatIsHeldBeforeWhatIsFree) {
  const size_t blocks = resources.pool.blocks_in_use();
  std::vector<Slice> waiting;
  for (int i = 0; i < 5; ++i) {
    (void)read("GET /");
    InputBuffer other(resources, InputBuffer::Of::requests);
    ASSERT_TRUE(other.make_room());
    other.release_if_empty();
    waiting.push_back(buffer.take_look());
    buffer.consume(5);
    buffer.release_if_empty();
  }
  EXPECT_EQ(resources.pool.blocks_in_use(), blocks + 1);
}

// Heads of requests that wait for an upstream, of many connections.
TEST_F(InputBufferTest, PutsWhatWaitsOfManyIntoFewBlocks) {
  const size_t blocks = resources.pool.blocks_in_use();
  std::vector<std::pair<std::string, Slice>> waiting;
  for (int i = 0; i < 100; ++i) {
    InputBuffer one(resources, InputBuffer::Of::requests);
    const std::string head = "head " + std::to_string(i) + std::string(400, '.');
    wire.input.push_back({Wire::Step::Kind::octets, head});
    ASSERT_TRUE(one.make_room());
    (void)one.read_from(transport, UINT64_MAX);
    waiting.emplace_back(head, one.take_look());
    one.consume(head.size());
    one.release_if_empty();
  }
  for (const auto& [head, slice] : waiting) EXPECT_EQ(slice.view(), head);
  // Half of a block at least is filled.
  EXPECT_LE(resources.pool.blocks_in_use() - blocks,
            1 + 100 * waiting[0].first.size() / (BlockPool::kBlockSize / 2));
}

TEST_F(InputBufferTest, SharesNoRoomBehindWhatIsReadOn) {
  InputBuffer other(resources, InputBuffer::Of::requests);
  (void)read("GET ");
  wire.input.push_back({Wire::Step::Kind::octets, "PUT "});
  ASSERT_TRUE(other.make_room());
  (void)other.read_from(transport, UINT64_MAX);
  (void)read("/a");
  wire.input.push_back({Wire::Step::Kind::octets, "/b"});
  (void)other.read_from(transport, UINT64_MAX);
  EXPECT_EQ(buffer.view(), "GET /a");
  EXPECT_EQ(other.view(), "PUT /b");
  // Both are given back; the next two get room that is nobody's.
  const Slice first = buffer.take_look();
  const Slice second = other.take_look();
  for (InputBuffer* const one : {&buffer, &other}) {
    one->consume(6);
    one->release_if_empty();
  }
  (void)read("HEAD /c");
  EXPECT_EQ(first.view(), "GET /a");
  EXPECT_EQ(second.view(), "PUT /b");
}

// A block that is shared holds less of it than one of its own.
TEST_F(InputBufferTest, ReadsOnInAnotherBlockWhenASharedOneIsFull) {
  (void)read(std::string(1000, 'w'));
  const Slice waiting = buffer.take_look();
  buffer.consume(1000);
  buffer.release_if_empty();
  fill(BlockPool::kBlockSize - 1000);
  EXPECT_EQ(buffer.held(), BlockPool::kBlockSize);
  fill(BlockPool::kBlockSize);
  EXPECT_EQ(buffer.held(), BlockPool::kBlockSize);
  EXPECT_EQ(buffer.view(), std::string(BlockPool::kBlockSize, 'x'));
  fill(BlockPool::kBlockSize + 1);
  EXPECT_EQ(buffer.held(), BlockPool::kLargeBlockSize);
  EXPECT_EQ(waiting.view(), std::string(1000, 'w'));
}

TEST_F(InputBufferTest, MovesWhatIsLeftToTheFrontOfAnotherBlock) {
  fill(BlockPool::kBlockSize - 2);
  buffer.consume(BlockPool::kBlockSize - 4);
  (void)read("ab");  // the block is full now
  EXPECT_EQ(buffer.view(), "xxab");
  (void)read("cd");
  EXPECT_EQ(buffer.view(), "xxabcd");
}

// Whoever fills a block has more to say: the next reads are longer, until one comes short.
TEST_F(InputBufferTest, ReadsInLongPiecesWhatComesFast) {
  fill(BlockPool::kBlockSize);
  buffer.consume(BlockPool::kBlockSize);
  buffer.release_if_empty();
  (void)read("a");
  EXPECT_GT(buffer.held(), BlockPool::kBlockSize);
  buffer.consume(1);
  buffer.release_if_empty();
  (void)read("b");
  EXPECT_EQ(buffer.held(), BlockPool::kBlockSize);
  EXPECT_EQ(buffer.view(), "b");
}

TEST_F(InputBufferTest, TakesALargeBlockForALargeHeadAndLeavesItBehindIt) {
  fill(BlockPool::kBlockSize + 1000);
  EXPECT_EQ(buffer.held(), BlockPool::kLargeBlockSize);
  buffer.leave_large_block();  // there is too much in it
  EXPECT_EQ(buffer.held(), BlockPool::kLargeBlockSize);
  buffer.consume(BlockPool::kBlockSize);
  buffer.leave_large_block();
  EXPECT_EQ(buffer.held(), BlockPool::kBlockSize);
  EXPECT_EQ(buffer.view(), std::string(1000, 'x'));
}

TEST_F(InputBufferTest, HasNoRoomForMoreThanALargeBlock) {
  fill(BlockPool::kLargeBlockSize);
  EXPECT_FALSE(buffer.make_room());
}

TEST_F(InputBufferTest, HasNoRoomWhenLargeBlocksAreOut) {
  InputBuffer other(resources, InputBuffer::Of::requests);
  fill(BlockPool::kBlockSize + 1);
  wire.input.push_back({Wire::Step::Kind::octets, std::string(BlockPool::kBlockSize, 'y')});
  ASSERT_TRUE(other.make_room());
  while (!wire.input.empty()) {
    ASSERT_TRUE(other.make_room());
    (void)other.read_from(transport, UINT64_MAX);
  }
  EXPECT_FALSE(other.make_room());
  buffer.clear();
  EXPECT_TRUE(other.make_room());
  EXPECT_EQ(other.view(), std::string(BlockPool::kBlockSize, 'y'));
}

TEST_F(InputBufferTest, IsEmptyWhenItIsCleared) {
  (void)read("abc");
  buffer.clear();
  EXPECT_TRUE(buffer.empty());
  EXPECT_FALSE(buffer.has_block() || buffer.fresh());
}

}  // namespace
}  // namespace sluice::http
