// Octets that come and go in pieces of every size, and the memory that they take meanwhile.
#include "server/net/kept_octets.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace sluice::net {
namespace {

TEST(KeptOctets, HoldNoMemoryWhenThereAreNone) {
  KeptOctets kept;
  EXPECT_TRUE(kept.empty());
  EXPECT_EQ(kept.capacity(), 0U);
  kept.append("");
  EXPECT_EQ(kept.capacity(), 0U);
  kept.append("abc");
  EXPECT_EQ(kept.view(), "abc");
  EXPECT_GE(kept.capacity(), 3U);
  kept.drain(3);
  EXPECT_TRUE(kept.empty());
  EXPECT_EQ(kept.capacity(), 0U);
  kept.append("d");
  kept.clear();
  EXPECT_TRUE(kept.empty());
  EXPECT_EQ(kept.capacity(), 0U);
}

TEST(KeptOctets, StayInOrderHoweverTheyComeAndGo) {
  KeptOctets kept;
  std::string expected;
  char next = 'a';
  for (size_t round = 1; round < 60; ++round) {
    const std::string piece(round % 17 + 1, next);
    next = next == 'z' ? 'a' : static_cast<char>(next + 1);
    kept.append(piece);
    expected += piece;
    const size_t taken = std::min(expected.size(), round * 7 % 19);
    kept.drain(taken);
    expected.erase(0, taken);
    ASSERT_EQ(kept.view(), expected) << round;
  }
}

TEST(KeptOctets, GrowByWhatIsThereAndNotByWhatIsGone) {
  KeptOctets kept;
  const std::string piece(1000, 'x');
  kept.append(piece);
  for (int i = 0; i < 100; ++i) {
    kept.append(piece);
    kept.drain(piece.size());
  }
  EXPECT_EQ(kept.view(), piece);
  EXPECT_LE(kept.capacity(), 2 * piece.size());
}

}  // namespace
}  // namespace sluice::net
