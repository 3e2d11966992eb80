// The queue, and the thread that only works when nobody else does.
#include "server/handler/files/background_hasher.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <utility>

#include "server/handler/files/file_hash.h"

namespace sluice::handler {

namespace {

// Of ioprio_set(2), which has no header: the disk only when it has nothing else to do. Schedulers
// that know no classes take it for a wish.
void ask_for_idle_disk() noexcept {
  constexpr int kThisThread = 1;
  constexpr int kIdleClass = 3 << 13;
  ::syscall(SYS_ioprio_set, kThisThread, 0, kIdleClass);
}

// On Linux a nice value is a thread's own.
void ask_for_idle_processor() noexcept { ::setpriority(PRIO_PROCESS, 0, 19); }

}  // namespace

BackgroundHasher::~BackgroundHasher() {
  {
    const std::lock_guard lock(mutex_);
    running_.store(false, std::memory_order_relaxed);
  }
  changed_.notify_all();
  thread_.join();
}

bool BackgroundHasher::submit(Ref<FileEntry> entry) {
  {
    const std::lock_guard lock(mutex_);
    if (known_.contains(entry->identity())) return true;
    if (queue_.size() >= max_queued_) return false;
    if (!thread_.started() && !thread_.start("sluice-hasher", [this] { work(); })) return false;
    known_.insert(entry->identity());
    queue_.push_back(std::move(entry));
  }
  changed_.notify_one();
  return true;
}

size_t BackgroundHasher::queued() {
  const std::lock_guard lock(mutex_);
  return queue_.size();
}

// A file is known until its tag is kept, so that nobody asks for it in between. An entry is let go
// of without the lock: it may be the last to hold its file open.
void BackgroundHasher::work() {
  ask_for_idle_disk();
  ask_for_idle_processor();
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return !running_ || !queue_.empty(); });
    if (!running_) return;
    Ref<FileEntry> entry = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    const FileIdentity identity = entry->identity();
    const FileHash hash =
        hash_file(entry->representation().file()->descriptor(), identity, running_);
    if (hash.outcome == FileHash::Outcome::done) tags_.keep(identity, hash.tag);
    entry.reset();
    lock.lock();
    known_.erase(identity);
  }
}

}  // namespace sluice::handler
