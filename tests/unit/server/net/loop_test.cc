// The loop: rounds, the retired, the mailbox, and events that come for targets about to die.
#include "server/net/loop.h"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <atomic>
#include <ctime>
#include <thread>
#include <vector>

#include "unit/server/net/loop_fixture.h"
#include "unit/server/net/sockets.h"

namespace sluice::net {
namespace {

using std::chrono::milliseconds;

class TestMail final : public Mail {
 public:
  explicit TestMail(std::function<void()> action, int* destroyed = nullptr)
      : action_(std::move(action)), destroyed_(destroyed) {}
  ~TestMail() override {
    if (destroyed_ != nullptr) ++*destroyed_;
  }
  void deliver() override { action_(); }

 private:
  std::function<void()> action_;
  int* destroyed_;
};

TEST(Loop, WakingTwiceRunsOnce) {
  Loop loop;
  CountingTask task;
  loop.wake(task);
  loop.wake(task);
  EXPECT_TRUE(task.queued());
  EXPECT_EQ(task.runs, 0) << "never from within wake()";
  turn(loop);
  EXPECT_EQ(task.runs, 1);
  EXPECT_FALSE(task.queued());
  turn(loop);
  EXPECT_EQ(task.runs, 1);
}

TEST(Loop, TasksRunInTheOrderTheyWereWoken) {
  Loop loop;
  std::string order;
  CountingTask a([&] { order += 'a'; });
  CountingTask b([&] { order += 'b'; });
  CountingTask c([&] { order += 'c'; });
  loop.wake(b);
  loop.wake(c);
  loop.wake(a);
  turn(loop);
  EXPECT_EQ(order, "bca");
}

TEST(Loop, ATaskThatIsNextRunsBeforeThoseThatWait) {
  Loop loop;
  std::vector<int> order;
  CountingTask next([&] { order.push_back(9); });
  CountingTask first([&] {
    order.push_back(1);
    loop.wake_next(next);
    loop.wake_next(next);
  });
  CountingTask second([&] {
    order.push_back(2);
    loop.wake(next);
    loop.wake_next(next);  // it has its place
  });
  CountingTask third([&] { order.push_back(3); });
  loop.wake_next(first);  // no task runs: it is the last
  loop.wake_next(second);
  loop.wake(third);
  turn(loop);
  EXPECT_EQ(order, (std::vector<int>{1, 9, 2, 3, 9}));

  CountingTask last([&] { loop.wake_next(next); });
  loop.wake(last);
  turn(loop);
  EXPECT_EQ(next.runs, 3) << "behind the last of a round";
}

TEST(Loop, ATaskWokenWhileRunningWaitsForTheNextRound) {
  Loop loop;
  std::string order;
  CountingTask* again = nullptr;
  CountingTask first([&] {
    order += '1';
    if (again->runs < 3) loop.wake(*again);
  });
  CountingTask second([&] { order += '2'; });
  again = &first;
  loop.wake(first);
  loop.wake(second);
  turn(loop);
  EXPECT_EQ(order, "1211") << "the second is not kept waiting";
}

TEST(Loop, NeverReenters) {
  Loop loop;
  int depth = 0;
  CountingTask* other = nullptr;
  CountingTask one([&] {
    EXPECT_EQ(++depth, 1);
    loop.wake(*other);
    --depth;
  });
  CountingTask two([&] {
    EXPECT_EQ(++depth, 1);
    loop.wake(one);
    --depth;
  });
  other = &two;
  loop.wake(one);
  turn(loop);
  EXPECT_GT(one.runs + two.runs, 2);
  loop.forget(one);
  loop.forget(two);
}

TEST(Loop, RoundsAreBoundedAndWorkLeftDoesNotSleep) {
  Loop loop;
  CountingTask* self = nullptr;
  CountingTask greedy([&] { loop.wake(*self); });
  self = &greedy;
  loop.wake(greedy);
  turn(loop);
  const int runs = greedy.runs;
  EXPECT_GE(runs, 2);
  EXPECT_LE(runs, 64);
  const Time before = Clock::now();
  loop.run_once(milliseconds(5'000));
  EXPECT_LT(Clock::now() - before, milliseconds(2'000)) << "slept with work left";
  EXPECT_EQ(greedy.runs, 2 * runs);
  loop.forget(greedy);
}

TEST(Loop, ForgetTakesATaskOffTheQueueWhereverItStands) {
  for (int forgotten = 0; forgotten < 3; ++forgotten) {
    Loop loop;
    std::vector<std::unique_ptr<CountingTask>> tasks;
    for (int i = 0; i < 3; ++i) tasks.push_back(std::make_unique<CountingTask>());
    for (auto& task : tasks) loop.wake(*task);
    loop.forget(*tasks[static_cast<size_t>(forgotten)]);
    CountingTask last;
    loop.wake(last);
    turn(loop);
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(tasks[static_cast<size_t>(i)]->runs, i == forgotten ? 0 : 1);
    }
    EXPECT_EQ(last.runs, 1);
  }
}

TEST(Loop, ForgetWorksOnTheRoundThatIsRunning) {
  Loop loop;
  auto middle = std::make_unique<CountingTask>();
  auto end = std::make_unique<CountingTask>();
  CountingTask first([&] {
    loop.forget(*end);
    end.reset();
    loop.forget(*middle);
    middle.reset();
  });
  CountingTask after;
  loop.wake(first);
  loop.wake(*middle);
  loop.wake(after);
  loop.wake(*end);
  turn(loop);
  EXPECT_EQ(after.runs, 1);
  EXPECT_FALSE(middle || end);
}

TEST(Loop, EventsComeOnceUntilSomethingChanges) {
  Loop loop;
  const Pair pair = unix_pair();
  TestTarget target;
  ASSERT_EQ(loop.watch(pair.ours.get(), target), 0);
  turn(loop);
  EXPECT_EQ(target.bits, uint32_t{EPOLLOUT});
  send_all(pair.theirs.get(), "x");
  turn(loop);
  EXPECT_NE(target.bits & EPOLLIN, 0u);
  const int events = target.events;
  turn(loop);
  EXPECT_EQ(target.events, events) << "edge-triggered: unread data is not told twice";
  EXPECT_NE(loop.watch(pair.ours.get(), target), 0) << "once and for good";
}

TEST(Loop, ReadableIsToldUntilItIsUnwatched) {
  Loop loop;
  const Pair pair = unix_pair();
  TestTarget target;
  ASSERT_EQ(loop.watch_readable(pair.ours.get(), target), 0);
  send_all(pair.theirs.get(), "x");
  turn(loop);
  turn(loop);
  EXPECT_EQ(target.events, 2);
  loop.unwatch(pair.ours.get());
  turn(loop);
  EXPECT_EQ(target.events, 2);
  EXPECT_NE(loop.watch_readable(-1, target), 0);
}

TEST(Loop, RetiredIsFreedAfterTheTasks) {
  Loop loop;
  std::string order;
  CountingTask task([&] { order += "task "; });
  CountingTask retiring([&] {
    loop.retire(std::make_unique<TestRetired>([&] { order += "freed "; }));
    loop.wake(task);
  });
  loop.wake(retiring);
  turn(loop);
  EXPECT_EQ(order, "task freed ");
}

TEST(Loop, ADyingObjectMayRetireAnother) {
  Loop loop;
  int freed = 0;
  loop.retire(std::make_unique<TestRetired>([&] {
    ++freed;
    loop.retire(std::make_unique<TestRetired>([&] { ++freed; }));
  }));
  turn(loop);
  EXPECT_EQ(freed, 2);
}

// A target on a socket, that can be retired.
struct Connection final : Retired, EventTarget {
  Connection(Pair ends, std::function<void()> action) : pair(std::move(ends)), target(action) {}
  void on_event(uint32_t epoll_events) override {
    EXPECT_EQ(alive, 42);
    target.on_event(epoll_events);
  }
  ~Connection() override { alive = 0; }
  Pair pair;
  TestTarget target;
  int alive = 42;
};

TEST(Loop, AnEventOfTheBatchMeetsARetiredTargetAlive) {
  Loop loop;
  std::vector<std::unique_ptr<Connection>> connections;
  int retired = 0;
  // Whichever is told first retires all: the others' events are in the same batch.
  const auto retire_all = [&] {
    for (auto& connection : connections) {
      if (connection) ++retired;
      if (connection) loop.retire(std::move(connection));
    }
  };
  for (int i = 0; i < 10; ++i) {
    connections.push_back(std::make_unique<Connection>(unix_pair(), retire_all));
    ASSERT_EQ(loop.watch_readable(connections.back()->pair.ours.get(), *connections.back()), 0);
    send_all(connections.back()->pair.theirs.get(), "x");
  }
  turn(loop);
  EXPECT_EQ(retired, 10);
  turn(loop);
}

TEST(Loop, SleepsNoLongerThanAskedAndReadsItsClocks) {
  Loop loop;
  const Time before = Clock::now();
  loop.run_once(milliseconds(30));
  EXPECT_GE(Clock::now() - before, milliseconds(29));
  EXPECT_LT(Clock::now() - before, milliseconds(2'000));
  EXPECT_GE(loop.now() - before, milliseconds(29));
  EXPECT_LE(std::abs(loop.wall_seconds() - std::time(nullptr)), 2);
}

TEST(Loop, MailIsDeliveredAndDestroyed) {
  Loop loop;
  int delivered = 0;
  int destroyed = 0;
  loop.post(std::make_unique<TestMail>([&] { ++delivered; }, &destroyed));
  loop.post(std::make_unique<TestMail>([&] { ++delivered; }, &destroyed));
  EXPECT_EQ(delivered, 0);
  turn(loop);
  EXPECT_EQ(delivered, 2);
  EXPECT_EQ(destroyed, 2);
  loop.post(std::make_unique<TestMail>([&] { ++delivered; }, &destroyed));
  turn(loop);
  EXPECT_EQ(delivered, 3) << "a second event after the box was emptied";
}

TEST(Loop, MailPostedWhileDeliveringComesWithTheNextIteration) {
  Loop loop;
  int delivered = 0;
  loop.post(std::make_unique<TestMail>(
      [&] { loop.post(std::make_unique<TestMail>([&] { ++delivered; })); }));
  turn(loop);
  EXPECT_EQ(delivered, 0);
  turn(loop);
  EXPECT_EQ(delivered, 1);
}

TEST(Loop, UndeliveredMailDiesWithTheLoop) {
  int delivered = 0;
  int destroyed = 0;
  {
    Loop loop;
    loop.post(std::make_unique<TestMail>([&] { ++delivered; }, &destroyed));
  }
  EXPECT_EQ(delivered, 0);
  EXPECT_EQ(destroyed, 1);
}

TEST(Loop, WhatIsRetiredOrQueuedAtTheEndIsLetGo) {
  int freed = 0;
  CountingTask task;
  {
    Loop loop;
    loop.wake(task);
    loop.retire(std::make_unique<TestRetired>([&] { ++freed; }));
  }
  EXPECT_EQ(freed, 1);
  EXPECT_FALSE(task.queued());
}

TEST(Loop, ThreadsPostWhileItRuns) {
  constexpr int kThreads = 4;
  constexpr int kMails = 2000;
  Loop loop;
  int delivered = 0;  // the loop's thread alone touches it
  std::thread::id home;
  std::thread runner([&] {
    home = std::this_thread::get_id();
    loop.run();
  });
  std::vector<std::thread> posters;
  for (int i = 0; i < kThreads; ++i) {
    posters.emplace_back([&] {
      for (int n = 0; n < kMails; ++n) {
        loop.post(std::make_unique<TestMail>([&] {
          EXPECT_EQ(std::this_thread::get_id(), home);
          if (++delivered == kThreads * kMails) loop.stop();
        }));
      }
    });
  }
  for (std::thread& poster : posters) poster.join();
  runner.join();
  EXPECT_EQ(delivered, kThreads * kMails);
}

TEST(Loop, ThreadsWakeASleepingLoop) {
  Loop loop;
  std::thread poster([&] {
    std::this_thread::sleep_for(milliseconds(20));
    loop.post(std::make_unique<TestMail>([&] { loop.stop(); }));
  });
  loop.run();  // would sleep for ever
  poster.join();
}

}  // namespace
}  // namespace sluice::net
