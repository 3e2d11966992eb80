// One thread's event loop: epoll, a run queue, timers, a mailbox and a list of what is to be freed.
//
// Invariants:
//   1. Everything but post() is called on the loop's own thread; debug builds assert it.
//   2. wake() is idempotent and never re-enters: a task runs at most once a round, from the loop
//   and from nowhere else.
//   3. Rounds run until the queue is empty or its budget is spent; then epoll_wait, with 0 ms if
//   work is left.
//   4. What is retired is destroyed behind the rounds, before the timers and at the iteration's
//   end, so that no event, task or timer of it can be pending.
#pragma once

#include <cassert>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "server/net/timers.h"

namespace sluice::net {

// Something with a descriptor. The loop calls on_event with epoll's bits; it should only note them
// and wake a task.
class EventTarget {
 public:
  virtual void on_event(uint32_t epoll_events) = 0;

 protected:
  ~EventTarget() = default;
};

// Something that runs when it was woken. Intrusive: waking allocates nothing.
class Task {
 public:
  Task() = default;
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  virtual void run() = 0;
  bool queued() const noexcept { return queued_; }

 protected:
  ~Task() { assert(!queued_); }  // a derived destructor calls Loop::forget where it may be queued

 private:
  friend class Loop;
  Task* next_ = nullptr;
  bool queued_ = false;
};

// Something that another thread sends to a loop. Delivered once, on the loop's thread, then
// destroyed there.
class Mail {
 public:
  virtual ~Mail() = default;
  virtual void deliver() = 0;
};

// What can be handed to retire(): destroyed (and its descriptor closed by its destructor) at the
// iteration's end.
class Retired {
 public:
  virtual ~Retired() = default;
};

class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Makes the calling thread the loop's own; run() does it by itself. Until then any thread may set
  // it up.
  void bind_to_this_thread() noexcept;
  // Runs until stop(). Signals are not the loop's business: block them in this thread.
  void run();
  // One iteration: waits at most `max_wait` for events (negative: without end), runs what is due.
  // For tests and benchmarks.
  void run_once(std::chrono::milliseconds max_wait);
  // Ends run() after the current iteration. Loop's thread.
  void stop() noexcept { stopping_ = true; }

  // Registers a descriptor, edge-triggered, both directions, with EPOLLRDHUP, once and for good;
  // closing it removes it. `exclusive` (for a descriptor that several loops share): EPOLLIN |
  // EPOLLEXCLUSIVE, level-triggered. Returns 0 or errno.
  [[nodiscard]] int watch(int descriptor, EventTarget& target, bool exclusive = false);
  // Level-triggered EPOLLIN only: eventfd, inotify, listeners.
  [[nodiscard]] int watch_readable(int descriptor, EventTarget& target);
  // Stops events for a descriptor that stays open (a paused listener). An event of the running
  // batch may still come.
  void unwatch(int descriptor) noexcept;

  // Puts a task on the run queue unless it is there.
  void wake(Task& task) noexcept;
  // The same, but right after the task that runs now: what this has read is in the cache still,
  // and its block is free for the next one. For who passes on what another task gives; two that
  // wake each other need an event of epoll in between, or nobody else had a turn.
  void wake_next(Task& task) noexcept;
  // Takes a task that is about to be destroyed off the queue. Costs the queue's length when it is
  // on it.
  void forget(Task& task) noexcept;
  // Frees `object` behind the rounds of this iteration. Until then its events and tasks may still
  // run.
  void retire(std::unique_ptr<Retired> object);

  // The only door between threads: delivers `mail` on the loop's thread. Any thread. Mail posted
  // after the loop ended is destroyed with the loop, undelivered.
  void post(std::unique_ptr<Mail> mail);

  TimerWheel& timers() noexcept { return timers_; }
  // Monotonic time, read once an iteration.
  Time now() const noexcept { return now_; }
  // Wall clock seconds since 1970, read with now().
  int64_t wall_seconds() const noexcept { return wall_seconds_; }

  bool on_own_thread() const noexcept;

 private:
  struct Mailbox;
  struct Queue {
    Task* first = nullptr;
    Task* last = nullptr;
  };
  static void push(Queue& queue, Task& task) noexcept;
  static Task* pop(Queue& queue) noexcept;
  static bool remove(Queue& queue, Task& task) noexcept;

  void read_clocks() noexcept;
  // All that has come is fetched before a timer is due to fire.
  void wait(std::chrono::milliseconds max_wait);
  // At most one batch. Returns whether there may be more.
  bool fetch_events(int timeout);
  bool timer_is_due() const noexcept;
  void deliver_mail();
  // Takes from `rounds` what it used of them.
  void run_tasks(int& rounds);
  void free_retired();

  int epoll_ = -1;
  std::unique_ptr<Mailbox> mailbox_;
  Queue woken_;  // for the next round
  Queue round_;  // what is left of the running one
  bool in_round_ = false;
  std::vector<std::unique_ptr<Retired>> retired_;
  TimerWheel timers_;
  Time now_{};
  int64_t wall_seconds_ = 0;
  std::thread::id thread_;
  bool stopping_ = false;
};

}  // namespace sluice::net
