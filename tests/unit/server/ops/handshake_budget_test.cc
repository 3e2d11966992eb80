// Whose failed handshakes get a line.
#include "server/ops/handshake_budget.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::ops {
namespace {

TEST(HandshakeBudget, IsSmallerForOneAddressThanForAll) {
  HandshakeBudget budget;
  size_t taken = 0;
  for (int i = 0; i < 100; ++i) taken += budget.take("192.0.2.1") ? 1 : 0;
  EXPECT_EQ(taken, HandshakeBudget::kOfOneAddress);
  EXPECT_TRUE(budget.take("192.0.2.2")) << "a noisy address hides nobody";
  EXPECT_EQ(budget.begin_second(), 100 - HandshakeBudget::kOfOneAddress);
}

TEST(HandshakeBudget, IsBoundedForAllTogether) {
  HandshakeBudget budget;
  size_t taken = 0;
  for (int i = 0; i < 50; ++i) taken += budget.take("192.0.2." + std::to_string(i)) ? 1 : 0;
  EXPECT_EQ(taken, HandshakeBudget::kLinesASecond);
  EXPECT_EQ(budget.begin_second(), 50 - HandshakeBudget::kLinesASecond);
}

TEST(HandshakeBudget, BeginsAnewEachSecond) {
  HandshakeBudget budget;
  while (budget.take("192.0.2.1")) {
  }
  EXPECT_EQ(budget.begin_second(), 1U);
  EXPECT_EQ(budget.begin_second(), 0U);
  EXPECT_TRUE(budget.take("192.0.2.1"));
}

}  // namespace
}  // namespace sluice::ops
