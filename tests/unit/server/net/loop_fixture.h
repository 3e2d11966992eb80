// What stands on a loop in its tests: a target, and something to retire, that do what they are
// told.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <utility>

#include "server/net/loop.h"

namespace sluice::net {

class TestTarget final : public EventTarget {
 public:
  explicit TestTarget(std::function<void()> action = {}) : action_(std::move(action)) {}
  void on_event(uint32_t epoll_events) override {
    ++events;
    bits |= epoll_events;
    if (action_) action_();
  }
  int events = 0;
  uint32_t bits = 0;

 private:
  std::function<void()> action_;
};

class TestRetired final : public Retired {
 public:
  explicit TestRetired(std::function<void()> on_death) : on_death_(std::move(on_death)) {}
  ~TestRetired() override { on_death_(); }

 private:
  std::function<void()> on_death_;
};

inline void turn(Loop& loop) { loop.run_once(std::chrono::milliseconds(0)); }

}  // namespace sluice::net
