// Comparing what stat says of files.
#include "server/ops/changed_files.h"

#include <sys/stat.h>

#include <utility>

namespace sluice::ops {

namespace {

int64_t nanoseconds(const timespec& time) noexcept {
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

ChangedFiles::Stamp ChangedFiles::stamp_of(const std::string& file) noexcept {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) return {};
  return {.device = status.st_dev,
          .inode = status.st_ino,
          .size = status.st_size,
          .modified = nanoseconds(status.st_mtim),
          .changed = nanoseconds(status.st_ctim)};
}

std::vector<ChangedFiles::Stamp> ChangedFiles::look() const {
  std::vector<Stamp> stamps;
  stamps.reserve(files_.size());
  for (const std::string& file : files_) stamps.push_back(stamp_of(file));
  return stamps;
}

void ChangedFiles::follow(std::vector<std::string> files) {
  files_ = std::move(files);
  known_ = last_ = look();
}

bool ChangedFiles::have_changed() {
  std::vector<Stamp> now = look();
  const bool settled = now == last_;
  last_ = std::move(now);
  if (!settled || last_ == known_) return false;
  known_ = last_;
  return true;
}

}  // namespace sluice::ops
