// The watcher's thread and its two maps.
#include "server/handler/files/directory_watch.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace sluice::handler {

namespace {

// Whatever may change what a path below the directory names, or what it holds.
constexpr uint32_t kEvents = IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE | IN_CREATE | IN_DELETE |
                             IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF |
                             IN_ONLYDIR;

constexpr int kPauseMilliseconds = 5;

}  // namespace

DirectoryWatch::~DirectoryWatch() {
  if (!thread_.started()) return;
  eventfd_write(stop_.get(), 1);
  thread_.join();
}

void DirectoryWatch::start() {
  std::call_once(started_, [this] { run(); });
}

void DirectoryWatch::run() {
  inotify_ = net::Descriptor(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  stop_ = net::Descriptor(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  const bool usable =
      inotify_.get() >= 0 && stop_.get() >= 0 && thread_.start("sluice-watch", [this] { work(); });
  if (!usable) inotify_ = net::Descriptor();
}

Ref<WatchStamp> DirectoryWatch::watch(const std::string& directory, uint64_t scope) {
  if (inotify_.get() < 0) return {};
  Place place(scope, directory);
  const std::lock_guard lock(mutex_);
  const auto known = by_place_.find(place);
  if (known != by_place_.end()) return by_watch_[known->second].stamp;
  const int watch = inotify_add_watch(inotify_.get(), directory.c_str(), kEvents);
  if (watch < 0) return {};
  if (by_watch_.size() < max_watches_ || by_watch_.contains(watch)) {
    return add_place(watch, std::move(place));
  }
  inotify_rm_watch(inotify_.get(), watch);
  return {};
}

// The same directory by another path (a symbolic link, another site) has the same watch. Of one
// site it is kept by its first path only, so that links that lead to themselves fill no table.
// Requires: the lock is held.
Ref<WatchStamp> DirectoryWatch::add_place(int watch, Place place) {
  Watched& watched = by_watch_[watch];
  if (!watched.stamp) watched.stamp = Ref<WatchStamp>::adopt(new WatchStamp());
  const bool known = std::any_of(watched.places.begin(), watched.places.end(),
                                 [&](const Place& other) { return other.first == place.first; });
  if (!known) {
    by_place_.emplace(place, watch);
    watched.places.push_back(std::move(place));
  }
  return watched.stamp;
}

void DirectoryWatch::forget_scope(uint64_t scope) {
  const std::lock_guard lock(mutex_);
  auto at = by_place_.lower_bound({scope, {}});
  while (at != by_place_.end() && at->first.first == scope) {
    const auto found = by_watch_.find(at->second);
    std::erase(found->second.places, at->first);
    at = by_place_.erase(at);
    if (!found->second.places.empty()) continue;
    found->second.stamp->mark();
    inotify_rm_watch(inotify_.get(), found->first);
    by_watch_.erase(found);
  }
}

size_t DirectoryWatch::watches() {
  const std::lock_guard lock(mutex_);
  return by_watch_.size();
}

void DirectoryWatch::work() {
  alignas(inotify_event) std::array<char, 16 * 1024> buffer;
  std::array<pollfd, 2> waits{{{inotify_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
  while (waits[1].revents == 0) {
    if (::poll(waits.data(), waits.size(), -1) < 0) continue;  // only EINTR can happen
    const ssize_t count = ::read(inotify_.get(), buffer.data(), buffer.size());
    if (count > 0) take_events({buffer.data(), static_cast<size_t>(count)});
    // A file that is written all the time wakes us this often, not at each write.
    ::poll(&waits[1], 1, kPauseMilliseconds);
  }
}

void DirectoryWatch::take_events(std::span<const char> events) {
  while (events.size() >= sizeof(inotify_event)) {
    inotify_event event;
    std::memcpy(&event, events.data(), sizeof event);
    const size_t size = sizeof event + event.len;
    if (size > events.size()) return;
    take_event(event.wd, event.mask);
    events = events.subspan(size);
  }
}

void DirectoryWatch::take_event(int watch, uint32_t mask) {
  if ((mask & IN_Q_OVERFLOW) != 0) {
    store_.drop_all();
    return;
  }
  const std::lock_guard lock(mutex_);
  const auto found = by_watch_.find(watch);
  if (found == by_watch_.end()) return;
  found->second.stamp->mark();
  // A directory that moved away is watched at its new place, which is not what its path names any
  // more.
  if ((mask & IN_MOVE_SELF) != 0) inotify_rm_watch(inotify_.get(), watch);
  if ((mask & (IN_IGNORED | IN_MOVE_SELF)) != 0) forget(watch);
}

// Requires: the lock is held and the watch is known.
void DirectoryWatch::forget(int watch) {
  const auto found = by_watch_.find(watch);
  for (const Place& place : found->second.places) by_place_.erase(place);
  by_watch_.erase(found);
}

}  // namespace sluice::handler
