// What all served folders of the process share, so that a hundred sites cost one watcher, one store
// and one queue: budgets are the process's, not a site's.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "cache/representation_store.h"
#include "conf/limits.h"
#include "server/handler/files/background_hasher.h"
#include "server/handler/files/content_tags.h"
#include "server/handler/files/directory_watch.h"

namespace sluice::handler {

// Lives longer than every FileSite and every worker. Any thread.
class FileResources {
 public:
  // `limits`: the process's.
  explicit FileResources(const conf::Limits& limits);
  FileResources(const FileResources&) = delete;
  FileResources& operator=(const FileResources&) = delete;

  cache::RepresentationStore& store() noexcept { return store_; }
  DirectoryWatch& watch() noexcept { return watch_; }
  ContentTags& tags() noexcept { return tags_; }
  BackgroundHasher& hasher() noexcept { return hasher_; }
  // A scope of its own for a site's entries and watches; never given twice.
  uint64_t take_scope() noexcept { return next_scope_.fetch_add(1, std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> next_scope_{1};
  cache::RepresentationStore store_;
  DirectoryWatch watch_;
  ContentTags tags_;
  BackgroundHasher hasher_;
};

}  // namespace sluice::handler
