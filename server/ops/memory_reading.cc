// Reading the kernel's files. Whatever is missing counts as zero, or as no limit.
#include "server/ops/memory_reading.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <iterator>

namespace sluice::ops {
namespace {

// Beyond it nothing is meant: v1 says "no limit" by the greatest multiple of a page.
constexpr uint64_t kNoLimit = uint64_t{1} << 60;

// What the kernel can only free by killing. slab_reclaimable is caches; percpu and vmalloc are what
// other counters leave out of the kernel's structures.
constexpr std::array<std::string_view, 8> kHeldV2 = {
    "anon",         "shmem",      "sock",   "slab_unreclaimable",
    "kernel_stack", "pagetables", "percpu", "vmalloc"};
constexpr std::array<std::string_view, 2> kHeldV1 = {"total_rss", "total_shmem"};

std::string contents(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool is_number_end(char c) noexcept { return c < '0' || c > '9'; }

std::optional<uint64_t> leading_number(std::string_view text) noexcept {
  uint64_t number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  if (rest != text.data() + text.size() && !is_number_end(*rest)) return std::nullopt;
  return number;
}

template <size_t N>
uint64_t sum_of(std::string_view text, const std::array<std::string_view, N>& names) noexcept {
  uint64_t sum = 0;
  for (std::string_view name : names) sum += number_of(text, name);
  return sum;
}

// The nearest of our cgroup and its parents below `mount` that has a limit in `file`: its folder.
struct Bounded {
  std::string folder;
  uint64_t limit;
};
std::optional<Bounded> nearest_limit(const std::string& mount, std::string path,
                                     std::string_view file) {
  for (;;) {
    while (path.ends_with('/')) path.pop_back();
    std::string folder = mount + path + "/";
    const std::string text = contents(folder + std::string(file));
    if (const auto limit = cgroup_limit(text)) return Bounded{std::move(folder), *limit};
    if (path.empty()) return std::nullopt;
    path.resize(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
  }
}

std::optional<MemoryReading> read_v2(const std::string& root, std::string_view cgroups) {
  const auto found = nearest_limit(root + "/sys/fs/cgroup", cgroup_path(cgroups, ""), "memory.max");
  if (!found) return std::nullopt;
  return MemoryReading{.used = used_of_stat_v2(contents(found->folder + "memory.stat")),
                       .limit = found->limit,
                       .of_cgroup = true};
}

std::optional<MemoryReading> read_v1(const std::string& root, std::string_view cgroups) {
  const auto found = nearest_limit(root + "/sys/fs/cgroup/memory", cgroup_path(cgroups, "memory"),
                                   "memory.limit_in_bytes");
  if (!found) return std::nullopt;
  const std::string sockets = contents(found->folder + "memory.kmem.tcp.usage_in_bytes");
  return MemoryReading{.used = used_of_stat_v1(contents(found->folder + "memory.stat")) +
                               leading_number(sockets).value_or(0),
                       .limit = found->limit,
                       .of_cgroup = true};
}

}  // namespace

MemoryReading read_memory(const std::string& root) {
  const uint64_t machine = number_of(contents(root + "/proc/meminfo"), "MemTotal");
  const std::string cgroups = contents(root + "/proc/self/cgroup");
  auto reading = read_v2(root, cgroups);
  if (!reading) reading = read_v1(root, cgroups);
  // A limit beyond what the machine has is none.
  if (reading && (machine == 0 || reading->limit <= machine)) return *reading;
  const std::string status = contents(root + "/proc/self/status");
  return {.used = number_of(status, "RssAnon") + number_of(status, "RssShmem"), .limit = machine};
}

std::optional<uint64_t> cgroup_limit(std::string_view text) noexcept {
  const std::optional<uint64_t> limit = leading_number(text);
  return limit && *limit < kNoLimit ? limit : std::nullopt;
}

uint64_t used_of_stat_v2(std::string_view memory_stat) noexcept {
  return sum_of(memory_stat, kHeldV2);
}

uint64_t used_of_stat_v1(std::string_view memory_stat) noexcept {
  return sum_of(memory_stat, kHeldV1);
}

// Lines are "NUMBER:CONTROLLER[,CONTROLLER]:PATH"; v2's is "0::PATH".
std::string cgroup_path(std::string_view proc_self_cgroup, std::string_view controller) {
  while (!proc_self_cgroup.empty()) {
    const std::string_view line = proc_self_cgroup.substr(0, proc_self_cgroup.find('\n'));
    proc_self_cgroup.remove_prefix(std::min(line.size() + 1, proc_self_cgroup.size()));
    const size_t first = line.find(':');
    const size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string controllers =
        "," + std::string(line.substr(first + 1, second - first - 1)) + ",";
    if (controllers.find("," + std::string(controller) + ",") == std::string::npos) continue;
    return std::string(line.substr(second + 1));
  }
  return "/";
}

// Lines are "name 123" or "Name:   123 kB".
uint64_t number_of(std::string_view text, std::string_view name) noexcept {
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (!line.starts_with(name)) continue;
    line.remove_prefix(name.size());
    if (line.empty() || (line.front() != ' ' && line.front() != ':' && line.front() != '\t'))
      continue;
    line.remove_prefix(std::min(line.find_first_of("0123456789"), line.size()));
    const uint64_t number = leading_number(line).value_or(0);
    return line.ends_with(" kB") ? number * 1024 : number;
  }
  return 0;
}

}  // namespace sluice::ops
