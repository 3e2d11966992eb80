// What tells one state of a file from another without reading it (SECURITY section 4).
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>

namespace sluice::handler {

// Times are kept as seconds and nanoseconds: some file systems hold years that 64 bits of
// nanoseconds do not.
struct FileIdentity {
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t size = 0;
  int64_t modified_seconds = 0;
  int64_t modified_nanoseconds = 0;
  int64_t changed_seconds = 0;
  int64_t changed_nanoseconds = 0;

  bool operator==(const FileIdentity&) const = default;
  // Only the content: a file that was renamed or unlinked while it is sent has not changed.
  bool same_content(const FileIdentity& other) const noexcept {
    return size == other.size && modified_seconds == other.modified_seconds &&
           modified_nanoseconds == other.modified_nanoseconds;
  }
};

// For tables. Inode and times differ enough to be mixed plainly.
struct FileIdentityHash {
  size_t operator()(const FileIdentity& identity) const noexcept {
    uint64_t mixed = identity.device;
    for (const uint64_t part :
         {identity.inode, identity.size, static_cast<uint64_t>(identity.modified_seconds),
          static_cast<uint64_t>(identity.modified_nanoseconds),
          static_cast<uint64_t>(identity.changed_seconds),
          static_cast<uint64_t>(identity.changed_nanoseconds)}) {
      mixed = (mixed ^ part) * 0x9E3779B97F4A7C15;
      mixed ^= mixed >> 32;
    }
    return static_cast<size_t>(mixed);
  }
};

inline FileIdentity identity_of(const struct stat& status) noexcept {
  return {.device = status.st_dev,
          .inode = status.st_ino,
          .size = static_cast<uint64_t>(status.st_size),
          .modified_seconds = status.st_mtim.tv_sec,
          .modified_nanoseconds = status.st_mtim.tv_nsec,
          .changed_seconds = status.st_ctim.tv_sec,
          .changed_nanoseconds = status.st_ctim.tv_nsec};
}

}  // namespace sluice::handler
