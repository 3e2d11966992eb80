// The timer wheel with made-up times: the loop's part is played by hand.
#include "server/net/timers.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <vector>

namespace sluice::net {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kTwoTicks = 2 * TimerWheel::kTick;

Time at(milliseconds time) { return Time(std::chrono::hours(1000) + time); }

class TestTimer final : public Timer {
 public:
  explicit TestTimer(std::function<void()> action = {}) : action_(std::move(action)) {}
  void on_timer() override {
    ++fired;
    if (action_) action_();
  }
  int fired = 0;

 private:
  std::function<void()> action_;
};

// A wheel that has run up to now_ already, and a loop that sleeps as it is told.
class TimersTest : public ::testing::Test {
 protected:
  TimersTest() { wheel_.advance(now_); }

  // Sleeps as epoll would, at most until `end`; returns how often it woke.
  int run_until(Time end) {
    int wakes = 0;
    while (now_ < end) {
      const auto sleep = wheel_.until_next(now_);
      now_ = sleep && now_ + *sleep < end ? now_ + *sleep : end;
      wheel_.advance(now_);
      ++wakes;
    }
    return wakes;
  }

  Time now_ = at(milliseconds(0));
  TimerWheel wheel_;
};

TEST_F(TimersTest, AnEmptyWheelNeverWakes) {
  EXPECT_EQ(wheel_.until_next(now_), std::nullopt);
  TestTimer timer;
  wheel_.set(timer, at(milliseconds(100)));
  EXPECT_NE(wheel_.until_next(now_), std::nullopt);
  wheel_.cancel(timer);
  EXPECT_EQ(wheel_.until_next(now_), std::nullopt);
  EXPECT_FALSE(timer.armed());
}

TEST_F(TimersTest, NeverEarlyAndAtMostTwoTicksLate) {
  std::mt19937 random(7);
  struct Probe {
    std::unique_ptr<TestTimer> timer;
    Time deadline;
  };
  std::vector<Probe> probes;
  for (int i = 0; i < 2000; ++i) {
    const Time deadline = now_ + std::chrono::microseconds(random() % 400'000'000);
    probes.push_back({nullptr, deadline});
    probes.back().timer = std::make_unique<TestTimer>([this, deadline] {
      EXPECT_GE(now_, deadline) << "early";
      EXPECT_LE(now_ - deadline, kTwoTicks) << "late";
    });
    wheel_.set(*probes.back().timer, deadline);
  }
  run_until(at(milliseconds(401'000)));
  for (const Probe& probe : probes) EXPECT_EQ(probe.timer->fired, 1);
  EXPECT_EQ(wheel_.until_next(now_), std::nullopt);
}

TEST_F(TimersTest, EveryDeadlineWithinATickIsKept) {
  for (int offset = 0; offset <= 70; ++offset) {
    TestTimer timer;
    const Time deadline = now_ + milliseconds(offset);
    wheel_.set(timer, deadline);
    while (timer.fired == 0) {
      now_ += milliseconds(1);
      wheel_.advance(now_);
      ASSERT_LE(now_ - deadline, kTwoTicks);
    }
    EXPECT_GE(now_, deadline);
  }
}

TEST_F(TimersTest, ALaterDeadlineMovesNothingUntilItsSlotComesUp) {
  TestTimer timer;
  wheel_.set(timer, at(milliseconds(1'000)));
  const auto sleep = wheel_.until_next(now_);
  for (int i = 1; i < 1000; ++i) wheel_.set(timer, at(milliseconds(1'000 + i * 10)));
  EXPECT_EQ(wheel_.until_next(now_), sleep) << "the node was moved";
  EXPECT_LE(run_until(at(milliseconds(10'900))), 3) << "its old slot, and then the new one";
  EXPECT_EQ(timer.fired, 0);
  run_until(at(milliseconds(11'100)));
  EXPECT_EQ(timer.fired, 1);
}

TEST_F(TimersTest, AnEarlierDeadlineIsKept) {
  TestTimer timer;
  wheel_.set(timer, at(milliseconds(60'000)));
  wheel_.set(timer, at(milliseconds(500)));
  run_until(at(milliseconds(600)));
  EXPECT_EQ(timer.fired, 1);
  run_until(at(milliseconds(61'000)));
  EXPECT_EQ(timer.fired, 1);
}

TEST_F(TimersTest, MoreThanATurnAwayWakesOnceATurn) {
  TestTimer timer;
  wheel_.set(timer, at(std::chrono::minutes(10)));
  const int wakes = run_until(at(std::chrono::minutes(10)) - milliseconds(1));
  EXPECT_EQ(timer.fired, 0);
  EXPECT_LE(wakes, 6) << "ten minutes are less than five turns";
  run_until(at(std::chrono::minutes(10) + kTwoTicks));
  EXPECT_EQ(timer.fired, 1);
}

TEST_F(TimersTest, ExactlyOneTurnAwayIsNotTakenForNow) {
  const milliseconds turn = TimerWheel::kTick * static_cast<int>(TimerWheel::kSlots);
  for (int extra = -2; extra <= 2; ++extra) {
    TestTimer timer;
    const Time deadline = now_ + turn + extra * TimerWheel::kTick;
    wheel_.set(timer, deadline);
    run_until(deadline - milliseconds(1));
    EXPECT_EQ(timer.fired, 0) << extra;
    run_until(deadline + kTwoTicks);
    EXPECT_EQ(timer.fired, 1) << extra;
  }
}

TEST_F(TimersTest, ALongSleepFiresEverythingOnce) {
  std::vector<std::unique_ptr<TestTimer>> timers;
  for (int i = 0; i < 500; ++i) {
    timers.push_back(std::make_unique<TestTimer>());
    wheel_.set(*timers.back(), at(milliseconds(i * 1000)));
  }
  TestTimer later;
  wheel_.set(later, at(std::chrono::hours(2)));
  now_ = at(std::chrono::hours(1));
  wheel_.advance(now_);
  for (const auto& timer : timers) EXPECT_EQ(timer->fired, 1);
  EXPECT_EQ(later.fired, 0);
  EXPECT_TRUE(later.armed());
}

TEST_F(TimersTest, WhatIsDueAlreadyFiresWithTheNextTick) {
  TestTimer timer;
  wheel_.set(timer, now_ - std::chrono::hours(1));
  EXPECT_EQ(timer.fired, 0) << "not from within set()";
  run_until(now_ + kTwoTicks);
  EXPECT_EQ(timer.fired, 1);
}

TEST_F(TimersTest, ATimerMaySetItselfAgain) {
  TestTimer* self = nullptr;
  TestTimer timer([&] { wheel_.set(*self, now_ + milliseconds(100)); });
  self = &timer;
  wheel_.set(timer, now_ + milliseconds(100));
  run_until(at(milliseconds(1'000)));
  EXPECT_GE(timer.fired, 6);
  EXPECT_LE(timer.fired, 10);
}

TEST_F(TimersTest, ATimerThatIsAlwaysDueFiresOnceATick) {
  TestTimer* self = nullptr;
  TestTimer timer([&] { wheel_.set(*self, now_); });
  self = &timer;
  wheel_.set(timer, now_);
  run_until(at(10 * TimerWheel::kTick));
  EXPECT_GE(timer.fired, 9);
  EXPECT_LE(timer.fired, 11);
  now_ = at(std::chrono::hours(1));
  const int before = timer.fired;
  wheel_.advance(now_);
  EXPECT_EQ(timer.fired, before + 1) << "a long sleep counts as one";
}

TEST_F(TimersTest, CallbacksMayCancelOthersOfTheirSlot) {
  std::vector<std::unique_ptr<TestTimer>> timers(3);
  for (auto& timer : timers) {
    timer = std::make_unique<TestTimer>([&] {
      for (auto& other : timers) wheel_.cancel(*other);
    });
    wheel_.set(*timer, at(milliseconds(50)));
  }
  run_until(at(milliseconds(200)));
  int fired = 0;
  for (auto& timer : timers) fired += timer->fired;
  EXPECT_EQ(fired, 1) << "the first to fire cancels the others";
  EXPECT_EQ(wheel_.until_next(now_), std::nullopt);
}

TEST_F(TimersTest, CallbacksMayDestroyOthers) {
  std::vector<std::unique_ptr<TestTimer>> victims;
  for (int i = 0; i < 20; ++i) {
    victims.push_back(std::make_unique<TestTimer>());
    wheel_.set(*victims.back(), at(milliseconds(50 + i % 2 * 500)));
  }
  TestTimer killer([&] { victims.clear(); });
  wheel_.set(killer, at(milliseconds(50)));
  run_until(at(milliseconds(2'000)));
  EXPECT_EQ(killer.fired, 1);
  EXPECT_TRUE(victims.empty());
  EXPECT_EQ(wheel_.until_next(now_), std::nullopt);
}

TEST_F(TimersTest, ACancelledTimerCanBeSetAgain) {
  TestTimer timer;
  wheel_.set(timer, at(milliseconds(100)));
  wheel_.cancel(timer);
  wheel_.cancel(timer);
  wheel_.set(timer, at(milliseconds(300)));
  run_until(at(milliseconds(250)));
  EXPECT_EQ(timer.fired, 0);
  run_until(at(milliseconds(400)));
  EXPECT_EQ(timer.fired, 1);
  EXPECT_FALSE(timer.armed());
}

TEST(Timers, OutliveTheirWheel) {
  TestTimer timer;
  {
    TimerWheel wheel;
    wheel.set(timer, at(milliseconds(5)));
  }
  EXPECT_FALSE(timer.armed());
}

TEST(Timers, AFreshWheelCatchesUpWithTheClock) {
  TimerWheel wheel;
  TestTimer timer;
  wheel.set(timer, at(milliseconds(100)));
  wheel.advance(at(milliseconds(50)));
  EXPECT_EQ(timer.fired, 0);
  const auto sleep = wheel.until_next(at(milliseconds(50)));
  ASSERT_TRUE(sleep);
  EXPECT_GE(*sleep, milliseconds(50));
  EXPECT_LE(*sleep, milliseconds(50) + TimerWheel::kTick);
  wheel.advance(at(milliseconds(50)) + *sleep);
  EXPECT_EQ(timer.fired, 1);
}

// Random sets, cancels and sleeps against a plain list of deadlines.
TEST(Timers, AgreeWithAListOfDeadlines) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    std::mt19937 random(seed);
    TimerWheel wheel;
    Time now = at(milliseconds(0));
    std::vector<std::unique_ptr<TestTimer>> timers;
    std::vector<std::optional<Time>> deadlines(50);
    for (size_t i = 0; i < deadlines.size(); ++i) timers.push_back(std::make_unique<TestTimer>());
    for (int step = 0; step < 2000; ++step) {
      const size_t which = random() % timers.size();
      if (random() % 4 == 0) {
        wheel.cancel(*timers[which]);
        deadlines[which].reset();
      } else {
        deadlines[which] = now + milliseconds(random() % (random() % 8 == 0 ? 300'000 : 2'000));
        wheel.set(*timers[which], *deadlines[which]);
      }
      now += milliseconds(random() % 200);
      for (auto& timer : timers) timer->fired = 0;
      wheel.advance(now);
      for (size_t i = 0; i < timers.size(); ++i) {
        const bool must = deadlines[i] && now - *deadlines[i] >= kTwoTicks;
        const bool may = deadlines[i] && now >= *deadlines[i];
        ASSERT_LE(timers[i]->fired, may ? 1 : 0) << "seed " << seed << ", step " << step;
        ASSERT_GE(timers[i]->fired, must ? 1 : 0) << "seed " << seed << ", step " << step;
        if (timers[i]->fired > 0) deadlines[i].reset();
        ASSERT_EQ(timers[i]->armed(), deadlines[i].has_value());
      }
    }
  }
}

}  // namespace
}  // namespace sluice::net
