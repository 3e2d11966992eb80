// Threads for what may block: a file's first read, a large hash. The loop never waits for a disk.
//
// Invariants:
//   1. What a job works on belongs to the job until its completion is posted back.
//   2. Cancelling orphans a job: its completion is dropped on the loop's thread, and nothing is
//   freed under the helper.
//   3. The queue is bounded; submit() says so instead of growing.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "server/net/loop.h"

namespace sluice::net {

// One piece of blocking work. perform() runs on a helper thread; deliver() (from Mail) later on the
// loop's.
class Job : public Mail {
 public:
  virtual void perform() = 0;
};

class Helpers {
 public:
  Helpers(size_t threads, size_t max_queued);
  // Waits for running jobs; queued ones are destroyed unperformed.
  ~Helpers();
  Helpers(const Helpers&) = delete;
  Helpers& operator=(const Helpers&) = delete;

  // Any thread. False (and the job is destroyed) when the queue is full. The job comes back to
  // `home` as mail.
  [[nodiscard]] bool submit(std::unique_ptr<Job> job, Loop& home);

 private:
  void work();

  struct Entry {
    std::unique_ptr<Job> job;
    Loop* home;
  };
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Entry> queue_;
  size_t max_queued_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace sluice::net
