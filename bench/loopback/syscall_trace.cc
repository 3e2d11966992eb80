// ptrace(2): PTRACE_SEIZE with TRACECLONE, so that threads of the child are traced from their first
// instruction, and PTRACE_GET_SYSCALL_INFO (Linux 5.3), which tells entry from exit on every
// architecture.
#include "bench/loopback/syscall_trace.h"

#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

namespace sluice::bench {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// Longer than anything that follows a response by itself (freeing, a helper's mail).
constexpr milliseconds kAsleep{30};

bool is_wait(uint64_t number) noexcept {
  bool found = number == SYS_epoll_pwait;
#ifdef SYS_epoll_wait
  found = found || number == SYS_epoll_wait;
#endif
  return found;
}

void resume(enum __ptrace_request how, pid_t thread, int signal) {
  ::ptrace(how, thread, nullptr, static_cast<long>(signal));
}

}  // namespace

std::string SyscallTrace::attach(pid_t process) {
  process_ = process;
  constexpr long kOptions = PTRACE_O_TRACECLONE | PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL;
  if (::ptrace(PTRACE_SEIZE, process, nullptr, kOptions) == 0) return {};
  return std::string("ptrace: ") + std::strerror(errno) +
         " (system calls can only be counted where a process may trace its child; in a container: "
         "--cap-add SYS_PTRACE)";
}

int SyscallTrace::trace_until_end() {
  for (;;) {
    int status = 0;
    const pid_t thread = ::waitpid(-1, &status, __WALL);
    if (thread < 0 && errno == EINTR) continue;
    if (thread < 0) return -1;
    if (WIFSTOPPED(status)) {
      on_stop(thread, status);
    } else if (thread == process_) {
      return status;
    }
  }
}

void SyscallTrace::on_stop(pid_t thread, int status) {
  const int signal = WSTOPSIG(status);
  const int event = status >> 16;
  // The first thread only waits for the end: its calls are nobody's business.
  const auto how = thread == process_ ? PTRACE_CONT : PTRACE_SYSCALL;
  if (signal == (SIGTRAP | 0x80)) {
    on_system_call(thread);
    resume(how, thread, 0);
  } else if (event != 0) {
    resume(how, thread, 0);  // a thread was born
  } else {
    resume(how, thread, signal);
  }
}

void SyscallTrace::on_system_call(pid_t thread) {
  if (thread != watched_) return;
  __ptrace_syscall_info info{};
  ::ptrace(PTRACE_GET_SYSCALL_INFO, thread, reinterpret_cast<void*>(sizeof info), &info);
  const bool entry = info.op == PTRACE_SYSCALL_INFO_ENTRY;
  if (entry) note_entry(info.entry.nr);
  last_stop_ = Clock::now().time_since_epoch().count();
  asleep_ = entry && is_wait(info.entry.nr);
}

void SyscallTrace::note_entry(uint64_t number) {
  const std::lock_guard lock(mutex_);
  if (counting_) ++counts_[number];
}

bool SyscallTrace::wait_until_asleep() {
  const Clock::time_point end = Clock::now() + std::chrono::seconds(5);
  while (Clock::now() < end) {
    std::this_thread::sleep_for(milliseconds(5));
    const Clock::time_point last{Clock::duration(last_stop_)};
    if (asleep_ && Clock::now() - last > kAsleep) return true;
  }
  return false;
}

void SyscallTrace::open_window() {
  const std::lock_guard lock(mutex_);
  counting_ = true;
  counts_.clear();
}

CallCounts SyscallTrace::close_window() {
  const std::lock_guard lock(mutex_);
  counting_ = false;
  return std::exchange(counts_, {});
}

std::string name_of_call(uint64_t number) {
  static const std::map<uint64_t, const char*> kNames = {
#ifdef SYS_epoll_wait
      {SYS_epoll_wait, "epoll_wait"},
#endif
      {SYS_epoll_pwait, "epoll_pwait"},
      {SYS_epoll_ctl, "epoll_ctl"},
      {SYS_recvfrom, "recvfrom"},
      {SYS_recvmsg, "recvmsg"},
      {SYS_read, "read"},
      {SYS_readv, "readv"},
      {SYS_pread64, "pread64"},
      {SYS_sendto, "sendto"},
      {SYS_sendmsg, "sendmsg"},
      {SYS_sendfile, "sendfile"},
      {SYS_write, "write"},
      {SYS_writev, "writev"},
      {SYS_accept4, "accept4"},
      {SYS_close, "close"},
      {SYS_shutdown, "shutdown"},
      {SYS_setsockopt, "setsockopt"},
      {SYS_ioctl, "ioctl"},
      {SYS_futex, "futex"},
      {SYS_clock_gettime, "clock_gettime"},
      {SYS_openat, "openat"},
      {SYS_openat2, "openat2"},
      {SYS_statx, "statx"},
      {SYS_fstat, "fstat"},
      {SYS_newfstatat, "newfstatat"},
      {SYS_brk, "brk"},
      {SYS_mmap, "mmap"},
      {SYS_munmap, "munmap"},
      {SYS_madvise, "madvise"},
      {SYS_getppid, "getppid"},
  };
  const auto found = kNames.find(number);
  return found == kNames.end() ? "call " + std::to_string(number) : found->second;
}

}  // namespace sluice::bench
