// How much memory there is for this process, and how much of it is taken for good.
//
// What counts is what the kernel kills for: a cgroup's memory that it cannot take back by itself.
// Page cache is not counted, however much there is of it: a file server fills any limit with the
// files it serves, and the kernel gives that memory back before it kills anybody. Counted are
// anonymous and shared memory, socket buffers, and the kernel's own structures.
//
// Where to read it, in this order:
//   1. cgroup v2: the nearest cgroup from ours up with a number in memory.max, and its memory.stat
//      (which includes all below it);
//   2. cgroup v1: likewise memory.limit_in_bytes, memory.stat and memory.kmem.tcp.usage_in_bytes;
//   3. where neither bounds us: our own resident memory less file pages, against the machine's.
// In a container the path in /proc/self/cgroup may not exist below the mount: its parents are tried
// up to the mount itself, which then is ours.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::ops {

struct MemoryReading {
  uint64_t used = 0;   // octets
  uint64_t limit = 0;  // octets; 0: nothing could be read
  bool of_cgroup = false;

  uint64_t per_cent() const noexcept {
    return limit == 0 ? 0
                      : static_cast<uint64_t>(100.0 * static_cast<double>(used) /
                                              static_cast<double>(limit));
  }
};

// Where files are looked for; "" is the machine's root. For tests: a folder with proc/ and sys/.
MemoryReading read_memory(const std::string& root = {});

// --- The files' texts, one by one ---------------------------------------------------------------

// Octets of memory.max or memory.limit_in_bytes. Nothing for "max", for the huge number by which v1
// says the same, and for what is no number.
std::optional<uint64_t> cgroup_limit(std::string_view text) noexcept;
// Octets that a memory.stat of v2 says cannot be taken back.
uint64_t used_of_stat_v2(std::string_view memory_stat) noexcept;
// The same of v1, without socket buffers, which are in a file of their own.
uint64_t used_of_stat_v1(std::string_view memory_stat) noexcept;
// The path of our cgroup in /proc/self/cgroup: `controller` "" is v2. "/" when there is none.
std::string cgroup_path(std::string_view proc_self_cgroup, std::string_view controller);
// The number behind `name`, times 1024 if it is in kB: /proc/self/status, /proc/meminfo,
// memory.stat.
uint64_t number_of(std::string_view text, std::string_view name) noexcept;

}  // namespace sluice::ops
