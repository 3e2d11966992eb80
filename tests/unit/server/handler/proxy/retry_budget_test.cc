// How many second tries are allowed, and that it is one figure for all threads.
#include "server/handler/proxy/retry_budget.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace sluice::handler::proxy {
namespace {

int taken(RetryBudget& budget, uint64_t share) {
  int count = 0;
  while (count < 100'000 && budget.take(share)) ++count;
  return count;
}

TEST(RetryBudget, AllowsAFewBeforeThereWereRequests) {
  RetryBudget budget;
  EXPECT_EQ(taken(budget, 20), RetryBudget::kAtFirst);
}

TEST(RetryBudget, AllowsAShareOfTheRequests) {
  RetryBudget budget;
  EXPECT_EQ(taken(budget, 20), RetryBudget::kAtFirst);
  for (int i = 0; i < 1000; ++i) budget.on_request(20);
  EXPECT_EQ(taken(budget, 20), 200);
}

TEST(RetryBudget, SavesNoMoreThanItsMost) {
  RetryBudget budget;
  for (int i = 0; i < 1'000'000; ++i) budget.on_request(20);
  EXPECT_NEAR(taken(budget, 20), RetryBudget::kMost, 1);
}

TEST(RetryBudget, AShareOfNothingIsNothing) {
  RetryBudget budget;
  budget.on_request(0);
  EXPECT_FALSE(budget.take(0));
}

TEST(RetryBudget, IsOneForAllThreads) {
  RetryBudget budget;
  std::atomic<int> count{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) budget.on_request(20);
      count += taken(budget, 20);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(count, 800 + RetryBudget::kAtFirst);
  EXPECT_GE(count, 800 + RetryBudget::kAtFirst - 4) << "threads may meet at the last try";
}

}  // namespace
}  // namespace sluice::handler::proxy
