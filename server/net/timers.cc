// The timer wheel. Ticks are counted from the clock's own epoch, so that a deadline names its slot
// without a base.
//
// A deadline is rounded up to a tick and fires once that tick has begun: never early. Every node
// stands in the slot of slot_tick_, which is at or before its deadline's tick; what a slot brings
// up too soon is put where it belongs.
#include "server/net/timers.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <utility>

namespace sluice::net {

namespace {

constexpr uint64_t kTickNanoseconds =
    static_cast<uint64_t>(std::chrono::nanoseconds(TimerWheel::kTick).count());
constexpr size_t kWordBits = 64;

uint64_t nanoseconds(Time time) noexcept {
  const auto count =
      std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
  return static_cast<uint64_t>(std::max<decltype(count)>(count, 0));
}

// The tick that `now` lies in.
uint64_t tick_of(Time now) noexcept { return nanoseconds(now) / kTickNanoseconds; }

// The first tick whose beginning is not before `deadline`.
uint64_t due_tick(Time deadline) noexcept {
  return (nanoseconds(deadline) + kTickNanoseconds - 1) / kTickNanoseconds;
}

size_t slot_of(uint64_t tick) noexcept { return static_cast<size_t>(tick % TimerWheel::kSlots); }

}  // namespace

Timer::~Timer() {
  if (link_ != nullptr) wheel_->unlink(*this);
}

TimerWheel::~TimerWheel() {
  for (Timer* first : slots_) {
    while (first != nullptr) {
      Timer* timer = std::exchange(first, first->next_);
      timer->link_ = nullptr;
      timer->armed_ = false;
    }
  }
}

void TimerWheel::set(Timer& timer, Time deadline) noexcept {
  assert(timer.wheel_ == nullptr || timer.wheel_ == this || timer.link_ == nullptr);
  timer.wheel_ = this;
  timer.deadline_ = deadline;
  timer.armed_ = true;
  // What is due already fires with the next tick, never from within set().
  const uint64_t tick = std::max(due_tick(deadline), current_tick_ + 1);
  if (timer.link_ != nullptr) {
    if (timer.slot_tick_ <= tick) return;  // its slot comes up first, and moves it on then
    unlink(timer);
  }
  insert(timer, tick);
}

void TimerWheel::cancel(Timer& timer) noexcept {
  timer.armed_ = false;
  if (timer.link_ != nullptr) unlink(timer);
}

void TimerWheel::insert(Timer& timer, uint64_t tick) noexcept {
  const size_t slot = slot_of(tick);
  timer.slot_tick_ = tick;
  timer.link_ = &slots_[slot];
  timer.next_ = slots_[slot];
  if (timer.next_ != nullptr) timer.next_->link_ = &timer.next_;
  slots_[slot] = &timer;
  occupied_[slot / kWordBits] |= uint64_t{1} << (slot % kWordBits);
}

void TimerWheel::unlink(Timer& timer) noexcept {
  *timer.link_ = timer.next_;
  if (timer.next_ != nullptr) timer.next_->link_ = timer.link_;
  timer.link_ = nullptr;
  timer.next_ = nullptr;
  const size_t slot = slot_of(timer.slot_tick_);
  if (slots_[slot] == nullptr) {
    occupied_[slot / kWordBits] &= ~(uint64_t{1} << (slot % kWordBits));
  }
}

// How many ticks after `tick` the next occupied slot comes up: 1 to kSlots, or 0 when all are
// empty.
uint64_t TimerWheel::ticks_to_occupied(uint64_t tick) const noexcept {
  const size_t start = slot_of(tick + 1);
  size_t word = start / kWordBits;
  uint64_t bits = occupied_[word] & (~uint64_t{0} << (start % kWordBits));
  // The first word is looked at twice: from `start` on, and at last as a whole, for the slots
  // before it.
  for (size_t looked_at = 0; looked_at <= occupied_.size(); ++looked_at) {
    if (bits != 0) {
      const size_t slot = word * kWordBits + static_cast<size_t>(std::countr_zero(bits));
      return (slot + kSlots - start) % kSlots + 1;
    }
    word = (word + 1) % occupied_.size();
    bits = occupied_[word];
  }
  return 0;
}

void TimerWheel::advance(Time now) {
  const uint64_t end = tick_of(now);
  if (end <= current_tick_) return;
  // After a long sleep one turn visits every slot; no tick needs a second visit.
  uint64_t tick = end - std::min<uint64_t>(end - current_tick_, kSlots);
  current_tick_ = end;  // what a callback arms goes behind it
  while (tick < end) {
    const uint64_t step = ticks_to_occupied(tick);
    if (step == 0 || step > end - tick) return;
    tick += step;
    visit(slot_of(tick), end);
  }
}

// Takes a slot's nodes onto a list of their own, so that callbacks may arm, cancel and destroy any
// timer.
void TimerWheel::visit(size_t slot, uint64_t now_tick) {
  Timer* due = std::exchange(slots_[slot], nullptr);
  occupied_[slot / kWordBits] &= ~(uint64_t{1} << (slot % kWordBits));
  if (due != nullptr) due->link_ = &due;
  while (due != nullptr) {
    Timer& timer = *due;
    unlink(timer);
    const uint64_t tick = std::max(timer.slot_tick_, due_tick(timer.deadline_));
    if (tick > now_tick) {
      insert(timer, tick);
    } else {
      timer.armed_ = false;
      timer.on_timer();
    }
  }
}

std::optional<std::chrono::milliseconds> TimerWheel::until_next(Time now) const noexcept {
  const uint64_t step = ticks_to_occupied(current_tick_);
  if (step == 0) return std::nullopt;
  const Time due{std::chrono::duration_cast<Clock::duration>(
      std::chrono::nanoseconds(static_cast<int64_t>((current_tick_ + step) * kTickNanoseconds)))};
  if (due <= now) return std::chrono::milliseconds(0);
  return std::chrono::ceil<std::chrono::milliseconds>(due - now);
}

}  // namespace sluice::net
