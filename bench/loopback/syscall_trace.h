// The system calls of one thread of a forked server, counted completely with ptrace: what a program
// wraps, inlines or hides in a library is a stop for the tracer like any other.
//
// Two threads of the parent work together: the tracer waits for stops in trace_until_end(), and
// whoever drives the server opens and closes a window between which calls are counted. The window
// is only touched while the traced thread sleeps in epoll_wait, so that it begins and ends between
// two requests.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace sluice::bench {

// Number of a system call -> how often it was entered.
using CallCounts = std::map<uint64_t, uint64_t>;

std::string name_of_call(uint64_t number);

class SyscallTrace {
 public:
  // Begins to trace `process` (a child that has only one thread yet), the threads that it will make
  // included. The tracer's thread. Returns an empty string, or why tracing is not to be had.
  [[nodiscard]] std::string attach(pid_t process);
  // Handles stops until the process has ended; returns its wait status. The tracer's thread.
  int trace_until_end();

  // --- The driving thread's ---
  // Which thread's calls are counted.
  void watch(pid_t thread) noexcept { watched_ = thread; }
  // Waits until the watched thread has slept in epoll_wait for a while. False: it did not in five
  // seconds.
  [[nodiscard]] bool wait_until_asleep();
  void open_window();
  CallCounts close_window();

 private:
  void on_stop(pid_t thread, int status);
  void on_system_call(pid_t thread);
  void note_entry(uint64_t number);

  pid_t process_ = -1;
  std::atomic<pid_t> watched_{-1};
  std::atomic<bool> asleep_{false};
  std::atomic<std::chrono::steady_clock::rep> last_stop_{0};
  std::mutex mutex_;
  bool counting_ = false;  // guarded by mutex_
  CallCounts counts_;      // guarded by mutex_
};

}  // namespace sluice::bench
