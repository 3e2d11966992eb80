// One served folder, for the whole process: its root, its store, its watcher and its limits.
//
// Lives longer than every worker. Any thread.
#pragma once

#include <string>
#include <string_view>

#include "cache/representation_store.h"
#include "conf/limits.h"
#include "server/handler/files/directory_watch.h"
#include "server/handler/files/root.h"
#include "server/net/timers.h"

namespace sluice::handler {

class FileSite {
 public:
  struct Options {
    std::string directory;
    bool follow_symlinks = false;  // also where a symbolic link leads out of the directory
    conf::Limits limits;
  };

  explicit FileSite(Options options);
  FileSite(const FileSite&) = delete;
  FileSite& operator=(const FileSite&) = delete;

  // Checks the folder and starts the watcher. Returns an empty string, or one line for the person
  // who started us: what is wrong with the folder and what to do. Call once, before any worker
  // serves.
  [[nodiscard]] std::string open();

  // Notices that the root was replaced, at most once in file_check; drops what was opened under the
  // old one.
  void check_root(net::Time now) {
    if (root_.check_is_due(now, options_.limits.file_check)) check_root_now(now);
  }

  const conf::Limits& limits() const noexcept { return options_.limits; }
  bool follow_symlinks() const noexcept { return options_.follow_symlinks; }
  Root& root() noexcept { return root_; }
  cache::RepresentationStore& store() noexcept { return store_; }
  DirectoryWatch& watch() noexcept { return watch_; }

 private:
  void check_root_now(net::Time now);

  const Options options_;
  Root root_;
  cache::RepresentationStore store_;
  DirectoryWatch watch_;
};

// What a person can do about openat2 failing with `error` at start.
std::string openat2_advice(int error);

}  // namespace sluice::handler
