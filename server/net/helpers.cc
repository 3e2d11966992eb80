// The helper threads. They take no signals: SIGTERM and its like are for the thread that waits for
// them.
#include "server/net/helpers.h"

#include <pthread.h>

#include <csignal>

namespace sluice::net {

Helpers::Helpers(size_t threads, size_t max_queued) : max_queued_(max_queued) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // threads start with their maker's mask
  threads_.reserve(threads);
  for (size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this] { work(); });
    pthread_setname_np(threads_.back().native_handle(), "sluice-helper");
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Helpers::~Helpers() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool Helpers::submit(std::unique_ptr<Job> job, Loop& home) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || queue_.size() >= max_queued_) return false;
    queue_.push_back({std::move(job), &home});
  }
  changed_.notify_one();
  return true;
}

void Helpers::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (stopping_) return;
    Entry entry = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    entry.job->perform();
    entry.home->post(std::move(entry.job));
    lock.lock();
  }
}

}  // namespace sluice::net
