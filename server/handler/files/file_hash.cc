// Chunk by chunk.
#include "server/handler/files/file_hash.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <span>

namespace sluice::handler {

namespace {

using Outcome = FileHash::Outcome;

// Large enough to cost few calls, small enough that whoever ends does not wait.
constexpr size_t kChunk = 256 * 1024;

Outcome compare(int descriptor, const FileIdentity& identity) noexcept {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return Outcome::failed;
  return identity_of(status) == identity ? Outcome::done : Outcome::changed;
}

// Reads what there is at `offset`, at most `room`. Below zero: errno says why not.
ssize_t read_at(int descriptor, std::span<char> room, uint64_t offset) noexcept {
  for (;;) {
    const ssize_t count = ::pread(descriptor, room.data(), room.size(), static_cast<off_t>(offset));
    if (count >= 0 || errno != EINTR) return count;
  }
}

}  // namespace

FileHash hash_file(int descriptor, const FileIdentity& identity, const std::atomic<bool>& wanted) {
  FileHash hash{.outcome = compare(descriptor, identity)};
  if (hash.outcome != Outcome::done) return hash;
  const auto buffer = std::make_unique_for_overwrite<char[]>(kChunk);
  ContentHasher hasher;
  for (uint64_t offset = 0; offset < identity.size;) {
    if (!wanted.load(std::memory_order_relaxed)) return {.outcome = Outcome::failed};
    // Whoever reads for a hash reads on: the disk may begin with what comes next.
    ::posix_fadvise(descriptor, static_cast<off_t>(offset + kChunk), kChunk, POSIX_FADV_WILLNEED);
    const auto most = static_cast<size_t>(std::min<uint64_t>(kChunk, identity.size - offset));
    const ssize_t count = read_at(descriptor, {buffer.get(), most}, offset);
    if (count < 0) return {.outcome = Outcome::failed};
    hash.outcome = count == 0 ? Outcome::changed : compare(descriptor, identity);
    if (hash.outcome != Outcome::done) return hash;
    hasher.add({buffer.get(), static_cast<size_t>(count)});
    offset += static_cast<uint64_t>(count);
  }
  hash.tag = hasher.tag();
  return hash;
}

}  // namespace sluice::handler
