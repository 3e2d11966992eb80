// The kernel's files, as they look on machines that were seen.
#include "server/ops/memory_reading.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace sluice::ops {
namespace {

// A root with the files that read_memory looks at.
class FakeRoot {
 public:
  FakeRoot() {
    std::string name = testing::TempDir() + "sluice-memory-XXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    path = name;
    write("proc/meminfo", "MemTotal:        1000 kB\nMemFree:          10 kB\n");
    write("proc/self/status",
          "VmRSS:\t  900 kB\nRssAnon:\t  100 kB\nRssFile:\t  780 kB\n"
          "RssShmem:\t  20 kB\n");
  }
  ~FakeRoot() { std::filesystem::remove_all(path); }
  void write(const std::string& file, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(path + "/" + file).parent_path());
    std::ofstream(path + "/" + file) << text;
  }
  std::string path;
};

constexpr char kStat[] =
    "anon 1000\nfile 900000\nkernel 5000\nkernel_stack 20\npagetables 300\nsec_pagetables 9\n"
    "percpu 7\nsock 4000\nvmalloc 1\nshmem 50000\nanon_thp 11\nslab_reclaimable 12\n"
    "slab_unreclaimable 600000\nslab 700000\n";

TEST(MemoryReading, CountsWhatTheKernelCannotTakeBack) {
  EXPECT_EQ(used_of_stat_v2(kStat), 1000u + 50000 + 4000 + 600000 + 20 + 300 + 7 + 1);
  EXPECT_EQ(used_of_stat_v1("cache 7\nrss 5\nshmem 3\ntotal_cache 700\ntotal_rss 500\n"
                            "total_shmem 30\ntotal_rss_huge 9\n"),
            530u);
  EXPECT_EQ(used_of_stat_v2(""), 0u);
}

TEST(MemoryReading, ReadsLimits) {
  EXPECT_EQ(cgroup_limit("536870912\n"), 536870912u);
  EXPECT_EQ(cgroup_limit("max\n"), std::nullopt);
  EXPECT_EQ(cgroup_limit("9223372036854771712\n"), std::nullopt);
  EXPECT_EQ(cgroup_limit(""), std::nullopt);
  EXPECT_EQ(cgroup_limit("99999999999999999999999"), std::nullopt);
}

TEST(MemoryReading, FindsItsCgroup) {
  constexpr char kHybrid[] =
      "5:cpu,cpuacct:/a\n4:memory:/docker/12\n3:cpuset:/\n0::/system.slice/sluice.service\n";
  EXPECT_EQ(cgroup_path(kHybrid, ""), "/system.slice/sluice.service");
  EXPECT_EQ(cgroup_path(kHybrid, "memory"), "/docker/12");
  EXPECT_EQ(cgroup_path(kHybrid, "cpuacct"), "/a");
  EXPECT_EQ(cgroup_path(kHybrid, "pids"), "/");
  EXPECT_EQ(cgroup_path("", ""), "/");
  EXPECT_EQ(cgroup_path("nonsense\n0::/x:y\n", ""), "/x:y");
}

TEST(MemoryReading, ReadsNumbersByName) {
  EXPECT_EQ(number_of("RssAnon:\t   112 kB\n", "RssAnon"), 112u * 1024);
  EXPECT_EQ(number_of("anon_thp 5\nanon 6\n", "anon"), 6u);
  EXPECT_EQ(number_of("anon 6", "file"), 0u);
  EXPECT_EQ(number_of("anon\nanon x\n", "anon"), 0u);
}

TEST(MemoryReading, TakesTheNearestCgroupWithALimit) {
  FakeRoot root;
  root.write("proc/self/cgroup", "0::/outer/inner/leaf\n");
  root.write("sys/fs/cgroup/outer/memory.max", "500000\n");
  root.write("sys/fs/cgroup/outer/inner/memory.max", "400000\n");
  root.write("sys/fs/cgroup/outer/inner/memory.stat", "anon 1234\nfile 390000\n");
  root.write("sys/fs/cgroup/outer/inner/leaf/memory.max", "max\n");
  const MemoryReading reading = read_memory(root.path);
  EXPECT_EQ(reading.limit, 400000u);
  EXPECT_EQ(reading.used, 1234u);
  EXPECT_TRUE(reading.of_cgroup);
}

// In a container the path is the host's, and the mount's root is ours.
TEST(MemoryReading, LooksAtTheMountItselfLast) {
  FakeRoot root;
  root.write("proc/self/cgroup", "0::/../../elsewhere/12ab\n");
  root.write("sys/fs/cgroup/memory.max", "400000\n");
  root.write("sys/fs/cgroup/memory.stat", "anon 99\n");
  EXPECT_EQ(read_memory(root.path).used, 99u);
}

TEST(MemoryReading, KnowsVersionOne) {
  FakeRoot root;
  root.write("proc/self/cgroup", "4:memory:/docker/12\n0::/\n");
  root.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  root.write("sys/fs/cgroup/memory/docker/12/memory.limit_in_bytes", "900000\n");
  root.write("sys/fs/cgroup/memory/docker/12/memory.stat", "rss 1\ntotal_rss 77\n");
  root.write("sys/fs/cgroup/memory/docker/12/memory.kmem.tcp.usage_in_bytes", "1000\n");
  const MemoryReading reading = read_memory(root.path);
  EXPECT_EQ(reading.limit, 900000u);
  EXPECT_EQ(reading.used, 1077u);
}

TEST(MemoryReading, ElseComparesOurOwnWithTheMachines) {
  FakeRoot root;
  const MemoryReading reading = read_memory(root.path);
  EXPECT_EQ(reading.limit, 1000u * 1024);
  EXPECT_EQ(reading.used, 120u * 1024) << "file pages are not ours to keep";
  EXPECT_FALSE(reading.of_cgroup);
}

TEST(MemoryReading, ALimitBeyondTheMachineIsNone) {
  FakeRoot root;
  root.write("proc/self/cgroup", "0::/\n");
  root.write("sys/fs/cgroup/memory.max", "999999999\n");
  EXPECT_EQ(read_memory(root.path).limit, 1000u * 1024);
}

TEST(MemoryReading, WithoutFilesThereIsNoLimit) {
  const MemoryReading reading = read_memory("/nonexistent");
  EXPECT_EQ(reading.limit, 0u);
  EXPECT_EQ(reading.per_cent(), 0u);
}

TEST(MemoryReading, ReadsThisMachine) {
  const MemoryReading reading = read_memory();
  EXPECT_GT(reading.limit, uint64_t{1} << 20);
  EXPECT_GT(reading.used, 0u);
  EXPECT_LE(reading.per_cent(), 100u);
}

}  // namespace
}  // namespace sluice::ops
