// Whether a file that is read now and then has changed since: a look at its inode, never at its
// contents.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>

namespace sluice::net {

// A value. Equal: the same file, unchanged (or twice none).
struct FileIdentity {
  bool exists = false;
  uint64_t device = 0;
  uint64_t inode = 0;
  int64_t size = 0;
  int64_t modified = 0;  // nanoseconds
  int64_t changed = 0;   // nanoseconds; what cp --preserve and touch cannot set back

  static FileIdentity of(const std::string& path) noexcept {
    struct stat found {};
    if (::stat(path.c_str(), &found) != 0) return {};
    return {true,
            found.st_dev,
            found.st_ino,
            found.st_size,
            nanoseconds(found.st_mtim),
            nanoseconds(found.st_ctim)};
  }
  bool operator==(const FileIdentity&) const = default;

 private:
  static int64_t nanoseconds(const timespec& time) noexcept {
    return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
  }
};

}  // namespace sluice::net
