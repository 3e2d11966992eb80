// Timers for tens of thousands of connections: a coarse wheel of intrusive nodes.
//
// A tick is 32 ms and a turn of the wheel 4096 ticks (131 s); later deadlines go round again.
// Setting a later deadline on a timer that is already in the wheel only stores it: the node is
// moved when its old slot comes up, so a busy connection's idle timer costs a store per request.
// Timers never fire early and at most two ticks late (plus the loop's own delay).
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace sluice::net {

using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;

class TimerWheel;

// One deadline. Destroying it cancels it. Thread: the wheel's.
class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  virtual void on_timer() = 0;
  bool armed() const noexcept { return armed_; }
  Time deadline() const noexcept { return deadline_; }

 protected:
  ~Timer();

 private:
  friend class TimerWheel;
  Time deadline_{};
  Timer* next_ = nullptr;
  Timer** link_ = nullptr;  // where the pointer to this node stands; null when in no slot
  TimerWheel* wheel_ = nullptr;
  uint64_t slot_tick_ = 0;
  bool armed_ = false;
};

class TimerWheel {
 public:
  static constexpr std::chrono::milliseconds kTick{32};
  static constexpr size_t kSlots = 4096;

  TimerWheel() = default;
  ~TimerWheel();
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  // Arms `timer` or changes its deadline.
  void set(Timer& timer, Time deadline) noexcept;
  void cancel(Timer& timer) noexcept;
  // Fires what is due at `now`. A timer may set itself again or destroy others from on_timer.
  void advance(Time now);
  // How long epoll may sleep until the next occupied slot; nothing when no timer is armed.
  std::optional<std::chrono::milliseconds> until_next(Time now) const noexcept;

 private:
  friend class Timer;
  void insert(Timer& timer, uint64_t tick) noexcept;
  void unlink(Timer& timer) noexcept;
  uint64_t ticks_to_occupied(uint64_t tick) const noexcept;
  void visit(size_t slot, uint64_t now_tick);

  std::array<Timer*, kSlots> slots_{};
  std::array<uint64_t, kSlots / 64> occupied_{};
  uint64_t current_tick_ = 0;
};

}  // namespace sluice::net
