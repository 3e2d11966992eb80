// Sees changes in directories that were served, by inotify, so that a saved file is served anew at
// once.
//
// A hint and no more: a directory that is not watched, or whose watch stays silent (NFS, 9p, FUSE),
// is noticed by the entries' own check. Invariants:
//   1. At most `max_watches` directories; when they are used up, none is added.
//   2. A directory that several sites serve has one watch; it ends with the last of them.
//   3. When the kernel's queue overflows, every entry of the store is dropped: nobody knows which
//   are stale.
// Any thread; one thread of its own, which waits for the kernel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cache/representation_store.h"
#include "server/handler/files/watch_stamp.h"
#include "server/net/descriptor.h"
#include "server/net/quiet_thread.h"

namespace sluice::handler {

class DirectoryWatch {
 public:
  DirectoryWatch(cache::RepresentationStore& store, size_t max_watches)
      : store_(store), max_watches_(max_watches) {}
  ~DirectoryWatch();
  DirectoryWatch(const DirectoryWatch&) = delete;
  DirectoryWatch& operator=(const DirectoryWatch&) = delete;

  // Starts the thread, unless it runs. Where it, or inotify, is not to be had, nothing is ever
  // watched.
  void start();
  // The stamp of the directory at this absolute path, watched from here on for the site `scope`;
  // null when it cannot be.
  Ref<WatchStamp> watch(const std::string& directory, uint64_t scope);
  // Ends the watches of one site: their directories are not served any more.
  void forget_scope(uint64_t scope);
  size_t watches();

  // Takes events as read() gives them. The thread's; public so that a test can play the kernel.
  void take_events(std::span<const char> events);

 private:
  // A directory as one site names it.
  using Place = std::pair<uint64_t, std::string>;

  void run();
  void work();
  Ref<WatchStamp> add_place(int watch, Place place);
  void take_event(int watch, uint32_t mask);
  void forget(int watch);

  struct Watched {
    Ref<WatchStamp> stamp;
    std::vector<Place> places;  // at most one of a site
  };

  cache::RepresentationStore& store_;
  const size_t max_watches_;
  net::Descriptor inotify_;
  net::Descriptor stop_;  // an eventfd; readable: the thread ends
  std::once_flag started_;
  net::QuietThread thread_;
  std::mutex mutex_;
  std::unordered_map<int, Watched> by_watch_;
  std::map<Place, int> by_place_;
};

}  // namespace sluice::handler
