// When memory is short, and that it is said as long as it lasts.
#include "server/ops/memory_watch.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <vector>

namespace sluice::ops {
namespace {

using net::MemoryPressure;
using std::chrono::milliseconds;

MemoryPressure at(uint64_t used) { return pressure_of({.used = used, .limit = 1000}, 90, 95); }

TEST(MemoryPressure, BeginsAtItsPerCent) {
  EXPECT_EQ(at(0), MemoryPressure::none);
  EXPECT_EQ(at(899), MemoryPressure::none);
  EXPECT_EQ(at(900), MemoryPressure::high);
  EXPECT_EQ(at(949), MemoryPressure::high);
  EXPECT_EQ(at(950), MemoryPressure::critical);
  EXPECT_EQ(at(2000), MemoryPressure::critical);
  EXPECT_EQ(pressure_of({.used = 1000, .limit = 0}, 1, 1), MemoryPressure::none);
}

TEST(MemoryPressure, IsSaidForPeople) {
  const MemoryReading reading{.used = 950 << 20, .limit = 1000 << 20, .of_cgroup = true};
  const std::string text = describe(reading, MemoryPressure::critical);
  EXPECT_EQ(text,
            "memory: 950 MiB in use of 1000 MiB that the cgroup may have; the connections "
            "that hold most close (limit memory_critical)");
  EXPECT_NE(describe(reading, MemoryPressure::high).find("memory_high"), std::string::npos);
}

// What a watch over fake files told, in order.
class Listening {
 public:
  Listening() {
    std::string name = testing::TempDir() + "sluice-watch-XXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    root = name;
    std::filesystem::create_directories(root + "/proc");
    use(10);
  }
  ~Listening() { std::filesystem::remove_all(root); }

  // `per_cent` of the limit is in use from now on. Replaced whole: it may be read just now.
  void use(int per_cent) {
    std::filesystem::create_directories(root + "/sys/fs/cgroup");
    std::ofstream(root + "/stat.new") << "anon " << per_cent * 1000 << "\n";
    std::filesystem::rename(root + "/stat.new", root + "/sys/fs/cgroup/memory.stat");
    std::ofstream(root + "/max.new") << "100000\n";
    std::filesystem::rename(root + "/max.new", root + "/sys/fs/cgroup/memory.max");
  }
  void operator()(MemoryPressure pressure, bool changed) {
    const std::lock_guard lock(mutex_);
    (changed ? changes_ : repeats_).push_back(pressure);
    heard_.notify_all();
  }
  // True when, within ten seconds, that was the last change and it was said `times` times more.
  bool hears(MemoryPressure pressure, size_t times) {
    std::unique_lock lock(mutex_);
    repeats_.clear();
    return heard_.wait_for(lock, std::chrono::seconds(10), [&] {
      return !changes_.empty() && changes_.back() == pressure && repeats_.size() >= times;
    });
  }
  std::vector<MemoryPressure> changes() {
    const std::lock_guard lock(mutex_);
    return changes_;
  }

  std::string root;

 private:
  std::mutex mutex_;
  std::condition_variable heard_;
  std::vector<MemoryPressure> changes_;
  std::vector<MemoryPressure> repeats_;
};

TEST(MemoryWatchThreads, TellsChangesAndRepeatsWhatPresses) {
  Listening listening;
  {
    const MemoryWatch watch(
        {.high = 50, .critical = 80, .period = milliseconds(5), .root = listening.root},
        [&](MemoryPressure pressure, const MemoryReading& reading, bool changed) {
          EXPECT_EQ(reading.limit, 100000u);
          listening(pressure, changed);
        });
    listening.use(60);
    EXPECT_TRUE(listening.hears(MemoryPressure::high, 3));
    listening.use(85);
    EXPECT_TRUE(listening.hears(MemoryPressure::critical, 3));
    listening.use(20);
    EXPECT_TRUE(listening.hears(MemoryPressure::none, 0));
  }
  const std::vector<MemoryPressure> expected = {MemoryPressure::high, MemoryPressure::critical,
                                                MemoryPressure::none};
  EXPECT_EQ(listening.changes(), expected);
}

TEST(MemoryWatchThreads, EndsAtOnce) {
  const auto begin = std::chrono::steady_clock::now();
  {
    const MemoryWatch watch({.period = std::chrono::hours(1)}, [](auto, const auto&, bool) {});
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

}  // namespace
}  // namespace sluice::ops
