// Helper threads: work happens there, its completion here, and nothing grows without bound.
#include "server/net/helpers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <functional>
#include <latch>

#include "unit/server/net/sockets.h"

namespace sluice::net {
namespace {

class TestJob final : public Job {
 public:
  TestJob(std::function<void()> work, std::function<void()> done, std::atomic<int>* destroyed)
      : work_(std::move(work)), done_(std::move(done)), destroyed_(destroyed) {}
  ~TestJob() override {
    if (destroyed_ != nullptr) ++*destroyed_;
  }
  void perform() override {
    if (work_) work_();
  }
  void deliver() override {
    if (done_) done_();
  }

 private:
  std::function<void()> work_;
  std::function<void()> done_;
  std::atomic<int>* destroyed_;
};

std::unique_ptr<TestJob> job(std::function<void()> work, std::function<void()> done = {},
                             std::atomic<int>* destroyed = nullptr) {
  return std::make_unique<TestJob>(std::move(work), std::move(done), destroyed);
}

TEST(Helpers, ThreadsPerformAndTheLoopDelivers) {
  Loop loop;
  loop.bind_to_this_thread();
  Helpers helpers(2, 100);
  int delivered = 0;
  std::atomic<int> performed{0};
  std::atomic<int> destroyed{0};
  const auto home = std::this_thread::get_id();
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(helpers.submit(job(
                                   [&] {
                                     EXPECT_NE(std::this_thread::get_id(), home);
                                     ++performed;
                                   },
                                   [&] {
                                     EXPECT_EQ(std::this_thread::get_id(), home);
                                     ++delivered;
                                   },
                                   &destroyed),
                               loop));
  }
  EXPECT_TRUE(turn_until(loop, [&] { return delivered == 50; }));
  EXPECT_EQ(performed, 50);
  EXPECT_EQ(destroyed, 50);
}

TEST(Helpers, ThreadsHaveABoundedQueue) {
  Loop loop;
  std::latch started(1);
  std::latch release(1);
  std::atomic<int> destroyed{0};
  Helpers helpers(1, 2);
  ASSERT_TRUE(helpers.submit(job([&] {
                               started.count_down();
                               release.wait();
                             }),
                             loop));
  started.wait();  // the only thread is busy now, and the queue is empty
  EXPECT_TRUE(helpers.submit(job({}), loop));
  EXPECT_TRUE(helpers.submit(job({}), loop));
  EXPECT_FALSE(helpers.submit(job({}, {}, &destroyed), loop));
  EXPECT_EQ(destroyed, 1) << "a refused job is destroyed";
  release.count_down();
}

TEST(Helpers, ThreadsEndWithQueuedJobsUnperformed) {
  std::latch started(1);
  std::atomic<bool> ending{false};
  std::atomic<int> performed{0};
  std::atomic<int> destroyed{0};
  Loop loop;
  auto helpers = std::make_unique<Helpers>(1, 10);
  const auto wait_for_the_end = [&] {
    started.count_down();
    while (!ending) std::this_thread::yield();
    // The destructor has been entered, or is about to be: give it the time to say so.
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  };
  ASSERT_TRUE(helpers->submit(job(wait_for_the_end, {}, &destroyed), loop));
  started.wait();
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(helpers->submit(job([&] { ++performed; }, {}, &destroyed), loop));
  }
  ending = true;
  helpers.reset();
  EXPECT_EQ(performed, 0);
  EXPECT_EQ(destroyed, 5) << "the one that ran waits in the loop's mailbox";
}

TEST(Helpers, ThreadsTakeNoSignals) {
  Loop loop;
  loop.bind_to_this_thread();
  Helpers helpers(1, 10);
  bool blocked = false;
  bool delivered = false;
  ASSERT_TRUE(helpers.submit(job(
                                 [&] {
                                   sigset_t mask;
                                   pthread_sigmask(SIG_SETMASK, nullptr, &mask);
                                   blocked = sigismember(&mask, SIGTERM) == 1;
                                 },
                                 [&] { delivered = true; }),
                             loop));
  EXPECT_TRUE(turn_until(loop, [&] { return delivered; }));
  EXPECT_TRUE(blocked);
  sigset_t mine;
  pthread_sigmask(SIG_SETMASK, nullptr, &mine);
  EXPECT_EQ(sigismember(&mine, SIGTERM), 0) << "the maker's own mask is as it was";
}

}  // namespace
}  // namespace sluice::net
