// The budgets of the process.
#include "server/handler/files/file_resources.h"

#include <sys/resource.h>

#include <algorithm>

namespace sluice::handler {

namespace {

// Held descriptors are a convenience, connections are not: at most a quarter of what the process
// may open.
uint64_t descriptor_budget(uint64_t wanted) noexcept {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
  return std::min<uint64_t>(wanted, limit.rlim_cur / 4);
}

}  // namespace

FileResources::FileResources(const conf::Limits& limits)
    : store_({.bytes = limits.held_bytes, .descriptors = descriptor_budget(limits.open_files)}),
      watch_(store_, static_cast<size_t>(limits.watches)),
      tags_(static_cast<size_t>(limits.etags)),
      hasher_(tags_, static_cast<size_t>(limits.etag_queue)) {}

}  // namespace sluice::handler
