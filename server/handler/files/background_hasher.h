// Tags for files that are too large for an answer to wait for: hashed behind the requests' backs,
// one at a time in the whole process.
//
// A thread of its own rather than a helper: it takes the disk and the processor only when nobody
// else wants them, and a 1 GiB file does not keep a cold window waiting. Invariants:
//   1. At most `max_queued` files wait, each once.
//   2. A file that waits pins its entry, and so one descriptor.
//   3. The end waits for one chunk at most.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <unordered_set>

#include "server/handler/files/content_tags.h"
#include "server/handler/files/file_entry.h"
#include "server/net/quiet_thread.h"

namespace sluice::handler {

// Any thread.
class BackgroundHasher {
 public:
  // What it finds goes to `tags`, which outlives it.
  BackgroundHasher(ContentTags& tags, size_t max_queued) : tags_(tags), max_queued_(max_queued) {}
  ~BackgroundHasher();
  BackgroundHasher(const BackgroundHasher&) = delete;
  BackgroundHasher& operator=(const BackgroundHasher&) = delete;

  // False when the queue is full, or there is no thread to be had: the next request may ask again.
  // True also when the file waits already. Requires: the entry has a descriptor and is settled. The
  // first call starts the thread.
  bool submit(Ref<FileEntry> entry);
  size_t queued();

 private:
  void work();

  ContentTags& tags_;
  const size_t max_queued_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Ref<FileEntry>> queue_;
  std::unordered_set<FileIdentity, FileIdentityHash> known_;  // waiting or being hashed
  std::atomic<bool> running_{true};
  net::QuietThread thread_;
};

}  // namespace sluice::handler
