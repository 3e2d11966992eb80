// Reads what the scheduler will give us: the affinity mask, and cpu.max from our cgroup up to the
// root.
#include "server/ops/usable_cpus.h"

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <string>

namespace sluice::ops {
namespace {

size_t affinity() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return static_cast<size_t>(std::max(1, CPU_COUNT(&set)));
}

// The process' own cgroup v2 path, relative to the mount; "/" inside a container.
std::string own_cgroup() {
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("0::")) return line.substr(3);
  }
  return "/";
}

// The tightest quota from our cgroup up to the root: each level bounds what lies below it.
size_t tightest_quota() {
  size_t tightest = 0;
  for (std::string path = own_cgroup();; path.resize(path.rfind('/'))) {
    std::ifstream file("/sys/fs/cgroup" + path + "/cpu.max");
    std::string text;
    if (std::getline(file, text)) {
      const size_t quota = cpus_of_quota(text);
      if (quota != 0 && (tightest == 0 || quota < tightest)) tightest = quota;
    }
    if (path.rfind('/') == std::string::npos) return tightest;
  }
}

}  // namespace

size_t cpus_of_quota(std::string_view cpu_max) {
  uint64_t quota = 0;
  uint64_t period = 0;
  const char* const end = cpu_max.data() + cpu_max.size();
  const auto first = std::from_chars(cpu_max.data(), end, quota);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != ' ') return 0;
  const auto second = std::from_chars(first.ptr + 1, end, period);
  if (second.ec != std::errc() || period == 0 || quota == 0) return 0;
  return static_cast<size_t>((quota + period - 1) / period);
}

size_t usable_cpus() {
  const size_t quota = tightest_quota();
  return quota == 0 ? affinity() : std::min(affinity(), quota);
}

}  // namespace sluice::ops
