// Opening and checking the root. A check is a stat by path, once a second for all workers together;
// requests that meet one in progress go on with the folder as it was.
#include "server/handler/files/root.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

namespace sluice::handler {

namespace {

std::string absolute_path(const std::string& path) {
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(path, error);
  if (error || path.empty()) return path;
  std::string text = absolute.lexically_normal().string();
  while (text.size() > 1 && text.ends_with('/')) text.pop_back();
  return text;
}

}  // namespace

Root::Root(const std::string& path) : path_(absolute_path(path)) {}

int Root::open() {
  const std::lock_guard lock(mutex_);
  return reopen();
}

Ref<OpenRoot> Root::current() {
  const std::lock_guard lock(mutex_);
  return current_;
}

bool Root::check_is_due(net::Time now, std::chrono::milliseconds max_age) const noexcept {
  const net::Time checked{net::Clock::duration(checked_at_.load(std::memory_order_relaxed))};
  return now - checked >= max_age;
}

bool Root::is_current(uint64_t device, uint64_t inode) const noexcept {
  return current_ && device == device_ && inode == inode_;
}

bool Root::check(net::Time now) {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  return lock.owns_lock() && compare(now);
}

bool Root::check_for_certain(net::Time now) {
  const std::lock_guard lock(mutex_);
  return compare(now);
}

// The caller holds the lock.
bool Root::compare(net::Time now) {
  struct stat status {};
  const bool exists = ::stat(path_.c_str(), &status) == 0;
  checked_at_.store(exists ? now.time_since_epoch().count() : 0, std::memory_order_relaxed);
  if (exists && is_current(status.st_dev, status.st_ino)) return false;
  if (!exists && !current_) return false;
  // A folder that cannot be opened (no descriptors left) is tried again at the next request.
  if (reopen() != 0) checked_at_.store(0, std::memory_order_relaxed);
  return true;
}

// Opens what stands at the path now, or notes that nothing does. The caller holds the lock.
int Root::reopen() {
  net::Descriptor fresh(::open(path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  int error = fresh.get() < 0 ? errno : 0;
  struct stat status {};
  if (error == 0 && ::fstat(fresh.get(), &status) != 0) error = errno;
  const uint64_t generation = generation_.load(std::memory_order_relaxed) + 1;
  current_ = error != 0 ? Ref<OpenRoot>()
                        : Ref<OpenRoot>::adopt(new OpenRoot(std::move(fresh), generation));
  device_ = status.st_dev;
  inode_ = status.st_ino;
  generation_.store(generation, std::memory_order_release);
  return error;
}

}  // namespace sluice::handler
