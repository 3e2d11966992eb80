// What all served folders of the process share, so that a hundred sites cost one watcher, one store
// and one queue: budgets are the process's, not a site's.
#pragma once

#include <cstddef>

#include "cache/representation_store.h"
#include "conf/limits.h"
#include "server/handler/files/directory_watch.h"

namespace sluice::handler {

// Lives longer than every FileSite and every worker. Any thread.
class FileResources {
 public:
  // `limits`: the process's.
  explicit FileResources(const conf::Limits& limits)
      : store_({.bytes = limits.held_bytes, .descriptors = limits.open_files}),
        watch_(store_, static_cast<size_t>(limits.watches)) {}
  FileResources(const FileResources&) = delete;
  FileResources& operator=(const FileResources&) = delete;

  cache::RepresentationStore& store() noexcept { return store_; }
  DirectoryWatch& watch() noexcept { return watch_; }

 private:
  cache::RepresentationStore store_;
  DirectoryWatch watch_;
};

}  // namespace sluice::handler
