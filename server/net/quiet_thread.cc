// By pthread_create, which returns its error.
#include "server/net/quiet_thread.h"

#include <cassert>
#include <csignal>
#include <utility>

namespace sluice::net {

void* QuietThread::begin(void* self) {
  static_cast<QuietThread*>(self)->run_();
  return nullptr;
}

// Signals are for the thread that waits for them; threads start with their maker's mask.
bool QuietThread::start(const char* name, std::function<void()> run) {
  assert(!started_);
  run_ = std::move(run);
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  started_ = pthread_create(&thread_, nullptr, begin, this) == 0;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (started_) pthread_setname_np(thread_, name);
  return started_;
}

void QuietThread::join() noexcept {
  if (std::exchange(started_, false)) pthread_join(thread_, nullptr);
}

}  // namespace sluice::net
