// Sees changes in directories that were served, by inotify, so that a saved file is served anew at
// once.
//
// A hint and no more: a directory that is not watched, or whose watch stays silent (NFS, 9p, FUSE),
// is noticed by the entries' own check. Invariants:
//   1. At most `max_watches` directories; when they are used up, none is added.
//   2. When the kernel's queue overflows, every entry of the store is dropped: nobody knows which
//   are stale.
// Any thread; one thread of its own, which waits for the kernel.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <unordered_map>

#include "cache/representation_store.h"
#include "server/handler/files/watch_stamp.h"
#include "server/net/descriptor.h"

namespace sluice::handler {

class DirectoryWatch {
 public:
  DirectoryWatch(cache::RepresentationStore& store, size_t max_watches)
      : store_(store), max_watches_(max_watches) {}
  ~DirectoryWatch();
  DirectoryWatch(const DirectoryWatch&) = delete;
  DirectoryWatch& operator=(const DirectoryWatch&) = delete;

  // Starts the thread. Where inotify is not to be had, nothing is ever watched.
  void start();
  // The stamp of the directory at this absolute path, watched from here on; null when it cannot be.
  Ref<WatchStamp> watch(const std::string& directory);
  // Ends all watches: their directories are not served any more.
  void forget_all();
  size_t watches();

  // Takes events as read() gives them. The thread's; public so that a test can play the kernel.
  void take_events(std::span<const char> events);

 private:
  void work();
  void take_event(int watch, uint32_t mask);
  void forget(int watch);

  struct Watched {
    std::string directory;
    Ref<WatchStamp> stamp;
  };

  cache::RepresentationStore& store_;
  const size_t max_watches_;
  net::Descriptor inotify_;
  net::Descriptor stop_;  // an eventfd; readable: the thread ends
  std::thread thread_;
  std::mutex mutex_;
  std::unordered_map<int, Watched> by_watch_;
  std::unordered_map<std::string, int> by_directory_;
};

}  // namespace sluice::handler
