// The loop's iteration: wait, events, mail, rounds of tasks, timers and what they woke, the
// retired.
//
// Tasks come before timers: when the process stood still for longer than a timeout, what came
// meanwhile is read before its absence is held against anybody.
//
// Why an event never meets a freed target: epoll gives a batch of pointers, and a target that dies
// while the batch is worked off would leave its pointer there. Targets are destroyed by retire()
// only, after the batch; closing their descriptor then takes them out of epoll before it is asked
// again.
#include "server/net/loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <limits>
#include <utility>

#include "server/net/system_call.h"

namespace sluice::net {

namespace {

// 3 KiB of stack; more in one batch would only age its readiness.
constexpr size_t kEventsAWait = 256;
// Of events, where a timer would fire else: 16,384 sockets.
constexpr int kBatchesAWait = 64;
constexpr int kRoundsAnIteration = 8;  // then sockets and timers get their turn

// A loop without its descriptors cannot exist, and only happens at start.
int checked(int descriptor, const char* what) {
  if (descriptor >= 0) return descriptor;
  std::fprintf(stderr,
               "sluice: error: cannot make a %s: %s (raise the descriptor limit: ulimit -n)\n",
               what, std::strerror(errno));
  std::_Exit(1);
}

int add(int epoll, int descriptor, EventTarget& target, uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &target;
  return epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) == 0 ? 0 : errno;
}

}  // namespace

// The door for other threads. The eventfd is watched edge-triggered: each write is an event, and
// nobody has to read it.
struct Loop::Mailbox final : EventTarget {
  Mailbox() : event(checked(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "eventfd")) {}
  ~Mailbox() { ::close(event); }
  void on_event(uint32_t /*epoll_events*/) override { has_mail = true; }

  int event;
  bool has_mail = false;  // loop's thread
  std::mutex mutex;
  std::vector<std::unique_ptr<Mail>> waiting;  // guarded by mutex
};

Loop::Loop()
    : epoll_(checked(epoll_create1(EPOLL_CLOEXEC), "epoll")),
      mailbox_(std::make_unique<Mailbox>()) {
  checked(add(epoll_, mailbox_->event, *mailbox_, EPOLLIN | EPOLLET) == 0 ? 0 : -1, "mailbox");
  read_clocks();
}

Loop::~Loop() {
  bind_to_this_thread();  // whoever destroys the loop is the last to use it
  free_retired();
  mailbox_->waiting.clear();  // may destroy what still speaks to the loop
  free_retired();
  while (Task* task = pop(woken_)) task->queued_ = false;
  mailbox_.reset();
  ::close(epoll_);
}

void Loop::bind_to_this_thread() noexcept { thread_ = std::this_thread::get_id(); }

bool Loop::on_own_thread() const noexcept {
  return thread_ == std::thread::id() || thread_ == std::this_thread::get_id();
}

void Loop::run() {
  bind_to_this_thread();
  while (!stopping_) run_once(std::chrono::milliseconds(-1));
}

void Loop::run_once(std::chrono::milliseconds max_wait) {
  assert(on_own_thread());
  wait(max_wait);
  deliver_mail();
  int rounds = kRoundsAnIteration;
  run_tasks(rounds);
  free_retired();  // before the timers: what has ended has none any more
  timers_.advance(now_);
  run_tasks(rounds);
  free_retired();
}

int Loop::watch(int descriptor, EventTarget& target, bool exclusive) {
  assert(on_own_thread());
  const uint32_t events =
      exclusive ? EPOLLIN | EPOLLEXCLUSIVE : EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  return add(epoll_, descriptor, target, events);
}

int Loop::watch_readable(int descriptor, EventTarget& target) {
  assert(on_own_thread());
  return add(epoll_, descriptor, target, EPOLLIN);
}

void Loop::unwatch(int descriptor) noexcept {
  assert(on_own_thread());
  epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor, nullptr);
}

void Loop::push(Queue& queue, Task& task) noexcept {
  task.next_ = nullptr;
  (queue.last != nullptr ? queue.last->next_ : queue.first) = &task;
  queue.last = &task;
}

Task* Loop::pop(Queue& queue) noexcept {
  Task* task = queue.first;
  if (task == nullptr) return nullptr;
  queue.first = std::exchange(task->next_, nullptr);
  if (queue.first == nullptr) queue.last = nullptr;
  return task;
}

bool Loop::remove(Queue& queue, Task& task) noexcept {
  Task* before = nullptr;
  for (Task* here = queue.first; here != nullptr; before = std::exchange(here, here->next_)) {
    if (here != &task) continue;
    (before != nullptr ? before->next_ : queue.first) = task.next_;
    if (queue.last == &task) queue.last = before;
    return true;
  }
  return false;
}

void Loop::wake(Task& task) noexcept {
  assert(on_own_thread());
  if (task.queued_) return;
  task.queued_ = true;
  push(woken_, task);
}

void Loop::wake_next(Task& task) noexcept {
  if (!in_round_) return wake(task);
  assert(on_own_thread());
  if (task.queued_) return;
  task.queued_ = true;
  task.next_ = std::exchange(round_.first, &task);
  if (round_.last == nullptr) round_.last = &task;
}

void Loop::forget(Task& task) noexcept {
  assert(on_own_thread());
  if (!task.queued_) return;
  task.queued_ = false;
  if (!remove(woken_, task)) remove(round_, task);
  task.next_ = nullptr;
}

void Loop::retire(std::unique_ptr<Retired> object) {
  assert(on_own_thread());
  retired_.push_back(std::move(object));
}

void Loop::post(std::unique_ptr<Mail> mail) {
  bool was_empty;
  {
    const std::lock_guard lock(mailbox_->mutex);
    was_empty = mailbox_->waiting.empty();
    mailbox_->waiting.push_back(std::move(mail));
  }
  // A box that was not empty has its event already on the way: the loop empties it whole.
  if (!was_empty) return;
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(mailbox_->event, &one, sizeof one);
  assert(written == sizeof one);
}

void Loop::read_clocks() noexcept {
  now_ = Clock::now();
  wall_seconds_ = ::time(nullptr);
}

namespace {

// What epoll_wait is given: the least of the two, where a negative `max_wait` means without end.
int wait_milliseconds(std::chrono::milliseconds max_wait,
                      std::optional<std::chrono::milliseconds> timer) {
  if (timer && (max_wait.count() < 0 || *timer < max_wait)) max_wait = *timer;
  if (max_wait.count() < 0) return -1;
  return static_cast<int>(
      std::min<std::chrono::milliseconds::rep>(max_wait.count(), std::numeric_limits<int>::max()));
}

}  // namespace

void Loop::wait(std::chrono::milliseconds max_wait) {
  const bool work_is_left = woken_.first != nullptr;
  const int timeout = work_is_left ? 0 : wait_milliseconds(max_wait, timers_.until_next(now_));
  bool more = fetch_events(timeout);
  for (int batch = 1; more && batch < kBatchesAWait && timer_is_due(); ++batch)
    more = fetch_events(0);
}

bool Loop::timer_is_due() const noexcept {
  const std::optional<std::chrono::milliseconds> left = timers_.until_next(now_);
  return left && left->count() <= 0;
}

// Who was stopped meanwhile (SIGSTOP, a frozen container) gets EINTR, whatever has come.
bool Loop::fetch_events(int timeout) {
  std::array<epoll_event, kEventsAWait> events;
  const int count =
      wait_for_events(epoll_, events.data(), static_cast<int>(events.size()), timeout);
  assert(count >= 0 || errno == EINTR);
  read_clocks();
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<size_t>(i)];
    static_cast<EventTarget*>(event.data.ptr)->on_event(event.events);
  }
  return count < 0 || count == static_cast<int>(events.size());
}

void Loop::deliver_mail() {
  if (!std::exchange(mailbox_->has_mail, false)) return;
  std::vector<std::unique_ptr<Mail>> arrived;
  {
    const std::lock_guard lock(mailbox_->mutex);
    arrived.swap(mailbox_->waiting);
  }
  for (std::unique_ptr<Mail>& mail : arrived) {
    mail->deliver();
    mail.reset();
  }
}

void Loop::run_tasks(int& rounds) {
  for (; rounds > 0 && woken_.first != nullptr; --rounds) {
    round_ = std::exchange(woken_, Queue{});
    in_round_ = true;
    while (Task* task = pop(round_)) {
      task->queued_ = false;  // before it runs: it may wake itself, for the next round
      task->run();
    }
    in_round_ = false;
  }
}

// Destructors may retire more, and destroy what others own.
void Loop::free_retired() {
  while (!retired_.empty()) {
    std::vector<std::unique_ptr<Retired>> dying;
    dying.swap(retired_);
  }
}

}  // namespace sluice::net
