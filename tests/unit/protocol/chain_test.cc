// The chain against a model that is nothing but a string: every operation in random order, and the
// edges by hand.
#include "protocol/chain.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <vector>

#include "protocol/block.h"

namespace sluice {
namespace {

// Counts its pins for the test; dies with the test.
class CountedOwner final : public Owner {
 public:
  bool free() const { return use_count() == 0; }

 private:
  void on_unreferenced() noexcept override {}
};

std::string joined(std::span<const iovec> vectors) {
  std::string text;
  for (const iovec& vector : vectors) {
    text.append(static_cast<const char*>(vector.iov_base), vector.iov_len);
  }
  return text;
}

std::string vectors_of(const Chain& chain, size_t entries, uint64_t max) {
  std::vector<iovec> room(entries);
  const size_t count = chain.to_iovec(room, max);
  return joined(std::span(room).first(count));
}

TEST(Chain, StartsEmpty) {
  Chain chain;
  EXPECT_TRUE(chain.empty());
  EXPECT_EQ(chain.size(), 0u);
  EXPECT_EQ(chain.nodes(), 0u);
  EXPECT_EQ(chain.front_file(), nullptr);
  EXPECT_TRUE(chain.front_memory().empty());
  EXPECT_EQ(vectors_of(chain, 4, 100), "");
}

TEST(Chain, IgnoresEmptySlicesAndRanges) {
  Chain chain;
  chain.append(Slice());
  chain.append_static("");
  chain.append_file(Ref<Owner>(), {.descriptor = 3, .offset = 10, .size = 0});
  EXPECT_TRUE(chain.empty());
}

TEST(Chain, MergesOctetsThatLieSideBySideUnderOneOwner) {
  CountedOwner owner;
  const std::string text = "abcdef";
  Chain chain;
  chain.append(Slice(Ref<Owner>(&owner), text.data(), 2));
  chain.append(Slice(Ref<Owner>(&owner), text.data() + 2, 3));
  EXPECT_EQ(chain.nodes(), 1u);
  EXPECT_EQ(chain.front_memory(), "abcde");
  EXPECT_EQ(owner.use_count(), 1u) << "a merged slice must not pin twice";
  chain.append(Slice(Ref<Owner>(&owner), text.data(), 1));
  EXPECT_EQ(chain.nodes(), 2u) << "not side by side";
  CountedOwner other;
  chain.append(Slice(Ref<Owner>(&other), text.data() + 1, 1));
  EXPECT_EQ(chain.nodes(), 3u) << "another owner";
  EXPECT_EQ(chain.to_string(), "abcdeab");
  chain.clear();
  EXPECT_TRUE(owner.free());
  EXPECT_TRUE(other.free());
}

TEST(Chain, FileRangesStandBetweenMemory) {
  CountedOwner file;
  Chain chain;
  chain.append_static("head");
  chain.append_file(Ref<Owner>(&file), {.descriptor = 7, .offset = 100, .size = 50});
  chain.append_static("tail");
  EXPECT_EQ(chain.size(), 58u);
  EXPECT_EQ(vectors_of(chain, 8, 1000), "head") << "a writev stops before the range";
  EXPECT_EQ(chain.front_file(), nullptr);
  chain.drain(14);
  ASSERT_NE(chain.front_file(), nullptr);
  EXPECT_EQ(chain.front_file()->offset, 110u);
  EXPECT_EQ(chain.front_file()->size, 40u);
  EXPECT_EQ(vectors_of(chain, 8, 1000), "");
  EXPECT_TRUE(chain.front_memory().empty());
  chain.drain(40);
  EXPECT_TRUE(file.free()) << "a drained range is unpinned";
  EXPECT_EQ(chain.to_string(), "tail");
}

TEST(Chain, SplitInARangeSharesItsOwner) {
  CountedOwner file;
  Chain chain;
  chain.append_file(Ref<Owner>(&file), {.descriptor = 7, .offset = 1000, .size = 100});
  Chain front;
  chain.split(30, front);
  EXPECT_EQ(file.use_count(), 2u);
  EXPECT_EQ(front.front_file()->offset, 1000u);
  EXPECT_EQ(front.front_file()->size, 30u);
  EXPECT_EQ(chain.front_file()->offset, 1030u);
  EXPECT_EQ(chain.front_file()->size, 70u);
  EXPECT_EQ(chain.front_file()->descriptor, 7);
  front.clear();
  chain.clear();
  EXPECT_TRUE(file.free());
}

TEST(Chain, IovecsObeyBothBounds) {
  Chain chain;
  for (const char* text : {"one", "two", "three", "four"}) chain.append(copy_of(text));
  EXPECT_EQ(vectors_of(chain, 8, 1000), "onetwothreefour");
  EXPECT_EQ(vectors_of(chain, 2, 1000), "onetwo");
  EXPECT_EQ(vectors_of(chain, 8, 7), "onetwot");
  EXPECT_EQ(vectors_of(chain, 8, 6), "onetwo");
  EXPECT_EQ(vectors_of(chain, 8, 0), "");
  EXPECT_EQ(vectors_of(chain, 0, 8), "");
}

TEST(Chain, MovesLeaveNothingBehind) {
  CountedOwner owner;
  const std::string text = "moved";
  Chain from;
  from.append(Slice(Ref<Owner>(&owner), text.data(), text.size()));
  Chain to(std::move(from));
  EXPECT_EQ(to.to_string(), "moved");
  Chain assigned;
  assigned.append_static("old");
  assigned = std::move(to);
  EXPECT_EQ(assigned.to_string(), "moved");
  EXPECT_EQ(assigned.nodes(), 1u);
  EXPECT_EQ(owner.use_count(), 1u);
  // NOLINTNEXTLINE(bugprone-use-after-move): that both are empty is what is tested.
  EXPECT_TRUE(from.empty() && to.empty());
  EXPECT_EQ(from.size() + to.size() + from.nodes() + to.nodes(), 0u);
}

TEST(Chain, UnpinSmallFreesBlocksAndOnlyThose) {
  BlockPool pool;
  Chain chain;
  std::ranges::copy(std::string_view("small"), pool.reserve(5).begin());
  chain.append(pool.commit(5));
  chain.append_static("static");
  Slice copied = copy_of("copied");
  const char* copied_data = copied.data();
  chain.append(std::move(copied));
  EXPECT_EQ(pool.blocks_in_use(), 1u);
  chain.unpin_small(5);
  EXPECT_EQ(pool.blocks_in_use(), 1u) << "5 octets are not under 5";
  chain.unpin_small(6);
  EXPECT_EQ(pool.blocks_in_use(), 0u);
  EXPECT_EQ(chain.to_string(), "smallstaticcopied");
  chain.drain(11);
  EXPECT_EQ(chain.front_memory().data(), copied_data)
      << "what has memory of its own is not copied again";
}

// What a node costs whatever it shows.
uint64_t cost_of_a_node() {
  Chain chain;
  chain.append_static("x");
  return chain.held();
}

TEST(Chain, HoldsItsNodesAndTheBlocksThatTheyMayPin) {
  const uint64_t node = cost_of_a_node();
  EXPECT_GT(node, 0u);
  EXPECT_LT(node, 256u);
  Chain chain;
  chain.append_static(std::string_view("a long text that lives as long as the process"));
  chain.append_file(Ref<Owner>(), {.descriptor = 3, .offset = 0, .size = 1 << 30});
  EXPECT_EQ(chain.held(), 2 * node) << "neither takes memory that could be free";
  chain.append(copy_of(std::string(1000, 'x')));
  EXPECT_EQ(chain.held(), 3 * node + 1000);
  chain.append(copy_of(std::string(1024, 'x')));
  EXPECT_EQ(chain.held(), 4 * node + 1000 + BlockPool::kBlockSize) << "may be all of a block";
  chain.append(copy_of(std::string(100'000, 'x')));
  EXPECT_EQ(chain.held(), 5 * node + 1000 + BlockPool::kBlockSize + 100'000);
  Chain all;
  all.append(std::move(chain));
  EXPECT_EQ(chain.held(), 0u);
  all.drain(all.size() - 10);
  EXPECT_EQ(all.held(), node + 100'000) << "what is left to show pins all of it";
  all.clear();
  EXPECT_EQ(all.held(), 0u);
}

TEST(Chain, AThousandNodesAndBack) {
  Chain chain;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 3000; ++i) chain.append(copy_of("x"));
    EXPECT_EQ(chain.nodes(), 3000u);
    chain.drain(1500);
    EXPECT_EQ(chain.nodes(), 1500u);
    chain.clear();
    EXPECT_EQ(chain.nodes(), 0u);
  }
}

// Random operations on a chain and on a string, which must agree after each.
class ChainModel {
 public:
  explicit ChainModel(uint32_t seed) : random_(seed) {}

  void step() {
    switch (random_() % 9) {
      case 0:
      case 1:
        return append_copy();
      case 2:
        return append_committed();
      case 3:
        return append_part_of_a_chain();
      case 4:
        return append_chain();
      case 5:
        return drain();
      case 6:
        return split();
      case 7:
        return chain_.unpin_small(random_() % 40);
      case 8:
        return random_() % 16 == 0 ? clear() : append_static();
    }
  }

  void check() {
    ASSERT_EQ(chain_.size(), text_.size());
    ASSERT_EQ(chain_.to_string(), text_);
    ASSERT_EQ(chain_.empty(), text_.empty());
    ASSERT_EQ(chain_.nodes() == 0, text_.empty());
    ASSERT_EQ(chain_.held() == 0, text_.empty());
    const size_t max = upto(text_.size() + 10);
    ASSERT_EQ(vectors_of(chain_, chain_.nodes(), max), text_.substr(0, max));
    ASSERT_TRUE(text_.starts_with(chain_.front_memory()));
  }

  size_t blocks_in_use() const { return pool_.blocks_in_use(); }
  void clear() {
    chain_.clear();
    text_.clear();
  }

 private:
  size_t upto(size_t most) { return random_() % (most + 1); }
  std::string random_text() {
    std::string text(upto(60), ' ');
    for (char& c : text) c = static_cast<char>('a' + random_() % 26);
    return text;
  }
  void append_copy() {
    const std::string text = random_text();
    chain_.append(copy_of(text));
    text_ += text;
  }
  Slice committed(const std::string& text) {
    std::ranges::copy(text, pool_.reserve(text.size() + upto(10)).begin());
    return pool_.commit(text.size());
  }
  void append_committed() {
    const std::string text = random_text();
    chain_.append(committed(text));
    text_ += text;
  }
  void append_static() {
    chain_.append_static("static text");
    text_ += "static text";
  }
  void append_part_of_a_chain() {
    const std::string text = random_text();
    const size_t begin = upto(text.size());
    const size_t size = upto(text.size() - begin);
    chain_.append(committed(text).sub(begin, size));
    text_ += text.substr(begin, size);
  }
  void append_chain() {
    Chain other;
    const std::string one = random_text();
    const std::string two = random_text();
    other.append(committed(one));
    other.append(copy_of(two));
    chain_.append(std::move(other));
    text_ += one + two;
  }
  void drain() {
    const size_t count = upto(text_.size());
    chain_.drain(count);
    text_.erase(0, count);
  }
  void split() {
    Chain front;
    front.append_static("before ");
    const size_t count = upto(text_.size());
    chain_.split(count, front);
    ASSERT_EQ(front.to_string(), "before " + text_.substr(0, count));
    text_.erase(0, count);
    if (random_() % 2 == 0) return;
    front.append(std::move(chain_));
    text_ = front.to_string();
    chain_ = std::move(front);
  }

  std::mt19937 random_;
  BlockPool pool_;
  Chain chain_;
  std::string text_;
};

TEST(Chain, AgreesWithAStringAfterEveryOperation) {
  for (uint32_t seed = 1; seed <= 60; ++seed) {
    ChainModel model(seed);
    for (int i = 0; i < 300; ++i) {
      model.step();
      model.check();
      if (::testing::Test::HasFatalFailure()) FAIL() << "seed " << seed << ", operation " << i;
    }
    model.clear();
    EXPECT_EQ(model.blocks_in_use(), 0u) << "seed " << seed;
  }
}

}  // namespace
}  // namespace sluice
