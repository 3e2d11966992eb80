// The folder that is served: a descriptor that everything is opened below, and the check that it is
// still the folder its path names (SECURITY section 4: `rm -rf dist && build`, `ln -sfn`).
//
// The descriptor pins the folder's inode, so that a new folder at the same path always differs in
// it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

#include "protocol/owner.h"
#include "server/net/descriptor.h"
#include "server/net/timers.h"

namespace sluice::handler {

// One folder that was the root at some time. Any thread.
class OpenRoot final : public SharedOwner {
 public:
  OpenRoot(net::Descriptor descriptor, uint64_t generation) noexcept
      : descriptor_(std::move(descriptor)), generation_(generation) {}
  // Opened with O_PATH: good for openat2 and fstatat, not for reading.
  int descriptor() const noexcept { return descriptor_.get(); }
  uint64_t generation() const noexcept { return generation_; }

 private:
  ~OpenRoot() override = default;
  net::Descriptor descriptor_;
  uint64_t generation_;
};

// Any thread.
class Root {
 public:
  // `path` is made absolute at once; symbolic links in it stay, because they may be pointed
  // elsewhere.
  explicit Root(const std::string& path);

  // Opens the folder for the first time. Returns 0 or errno.
  [[nodiscard]] int open();
  // The folder now; null while there is none at the path.
  Ref<OpenRoot> current();
  // Moves when another folder, or none, has taken the place.
  uint64_t generation() const noexcept { return generation_.load(std::memory_order_acquire); }

  // Whether the last check is `max_age` old. One relaxed load; true also while the folder is
  // missing.
  bool check_is_due(net::Time now, std::chrono::milliseconds max_age) const noexcept;
  // Compares the path with the folder that is open. True when the generation moved: drop what was
  // opened below it.
  bool check(net::Time now);
  // The same, and waits for a check in progress: for whoever must know before he says that
  // something is not there.
  bool check_for_certain(net::Time now);

  const std::string& path() const noexcept { return path_; }

 private:
  bool is_current(uint64_t device, uint64_t inode) const noexcept;
  bool compare(net::Time now);
  int reopen();

  const std::string path_;
  std::mutex mutex_;
  Ref<OpenRoot> current_;
  uint64_t device_ = 0;
  uint64_t inode_ = 0;
  std::atomic<uint64_t> generation_{0};
  std::atomic<int64_t> checked_at_{0};  // ticks of net::Time; 0 while the folder is missing
};

}  // namespace sluice::handler
