// The loop's timers: what has come is worked off before one of them fires, what one woke runs
// before the loop waits again.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "server/net/loop.h"
#include "unit/server/net/loop_fixture.h"
#include "unit/server/net/sockets.h"

namespace sluice::net {
namespace {

using std::chrono::milliseconds;

class TestTimer final : public Timer {
 public:
  explicit TestTimer(std::function<void()> action) : action_(std::move(action)) {}
  void on_timer() override { action_(); }

 private:
  std::function<void()> action_;
};

TEST(LoopTimers, FireFromTheLoop) {
  Loop loop;
  turn(loop);
  int fired = 0;
  TestTimer timer([&] { ++fired; });
  const Time deadline = loop.now() + milliseconds(50);
  loop.timers().set(timer, deadline);
  ASSERT_TRUE(turn_until(loop, [&] { return fired > 0; }));
  EXPECT_GE(loop.now(), deadline);
  EXPECT_EQ(fired, 1);
}

// After the process stood still nobody is timed out for what has come in that time.
TEST(LoopTimers, WhatHasComeIsWorkedOffBeforeAnOverdueTimerFires) {
  Loop loop;
  turn(loop);
  std::string order;
  TestTimer timer([&] { order += "timer "; });
  TestTimer disarmed([&] { order += "disarmed "; });
  CountingTask task([&] {
    order += "task ";
    loop.timers().cancel(disarmed);
  });
  const Pair pair = unix_pair();
  TestTarget target([&] { loop.wake(task); });
  ASSERT_EQ(loop.watch_readable(pair.ours.get(), target), 0);
  loop.timers().set(timer, loop.now() + milliseconds(40));
  loop.timers().set(disarmed, loop.now() + milliseconds(40));
  send_all(pair.theirs.get(), "x");
  std::this_thread::sleep_for(milliseconds(200));
  turn(loop);
  EXPECT_EQ(order, "task timer ");
}

// More than are told at once.
TEST(LoopTimers, HoweverManyHaveSomethingAllAreWorkedOffBeforeATimerFires) {
  constexpr size_t kSockets = 700;
  Loop loop;
  turn(loop);
  size_t served = 0;
  size_t served_before = 0;
  TestTimer timer([&] { served_before = served; });
  std::vector<Pair> pairs;
  std::vector<std::unique_ptr<CountingTask>> tasks;
  std::vector<std::unique_ptr<TestTarget>> targets;
  for (size_t i = 0; i < kSockets; ++i) {
    pairs.push_back(unix_pair());
    tasks.push_back(std::make_unique<CountingTask>([&] { ++served; }));
    targets.push_back(
        std::make_unique<TestTarget>([&loop, task = tasks.back().get()] { loop.wake(*task); }));
    ASSERT_EQ(loop.watch(pairs.back().ours.get(), *targets.back()), 0);
  }
  while (served < kSockets) turn(loop);  // that they are writable
  served = 0;
  loop.timers().set(timer, loop.now() + milliseconds(40));
  for (const Pair& pair : pairs) send_all(pair.theirs.get(), "x");
  std::this_thread::sleep_for(milliseconds(200));
  turn(loop);
  EXPECT_EQ(served_before, kSockets);
}

// What a loop with a timer did first, whose socket got an octet while its process was stopped.
std::string order_in_stopped_process(const Pair& pair) {
  Loop loop;
  std::string order;
  TestTimer timer([&] { order += "timer "; });
  CountingTask task([&] { order += "task "; });
  TestTarget target([&] { loop.wake(task); });
  EXPECT_EQ(loop.watch(pair.ours.get(), target), 0);
  turn(loop);  // that it is writable
  order.clear();
  loop.timers().set(timer, loop.now() + milliseconds(500));
  while (order.empty()) loop.run_once(milliseconds(5'000));
  return order;
}

// Its epoll_wait ends with EINTR (signal(7)), and tells nothing of what has come.
TEST(LoopTimers, AProcessThatWasStoppedTimesNobodyOutForWhatCameMeanwhile) {
  const Pair pair = unix_pair();
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) ::_exit(order_in_stopped_process(pair) == "task timer " ? 0 : 1);
  std::this_thread::sleep_for(milliseconds(200));
  ::kill(child, SIGSTOP);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, WUNTRACED), child);
  EXPECT_TRUE(WIFSTOPPED(status));
  send_all(pair.theirs.get(), "x");
  std::this_thread::sleep_for(milliseconds(700));
  ::kill(child, SIGCONT);
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(LoopTimers, WhatATimerWokeRunsBeforeTheLoopWaitsAgain) {
  Loop loop;
  turn(loop);
  bool freed = false;
  CountingTask task([&] { loop.retire(std::make_unique<TestRetired>([&] { freed = true; })); });
  TestTimer timer([&] { loop.wake(task); });
  loop.timers().set(timer, loop.now() + milliseconds(40));
  std::this_thread::sleep_for(milliseconds(200));
  turn(loop);
  EXPECT_EQ(task.runs, 1);
  EXPECT_TRUE(freed);
}

}  // namespace
}  // namespace sluice::net
