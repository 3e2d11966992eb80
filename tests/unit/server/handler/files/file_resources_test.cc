// Many sites over one store and one watcher: they share budgets, and nothing else.
#include "server/handler/files/file_resources.h"

#include <functional>

#include "tests/unit/server/handler/files/files_fixture.h"

namespace sluice::handler {
namespace {

namespace fs = std::filesystem;

size_t threads_of_this_process() {
  const fs::directory_iterator tasks("/proc/self/task");
  return static_cast<size_t>(std::distance(begin(tasks), end(tasks)));
}

class SharingTest : public ::testing::Test {
 protected:
  struct Served {
    Served(FileSite::Options options, FileResources& resources)
        : site(std::move(options), resources), error(site.open()), worker(site) {}
    FileSite site;
    const std::string error;
    FileWorker worker;
  };

  static FileSite::Options options(const std::string& directory) {
    return {.directory = directory, .limits = quick_limits()};
  }
  void write(std::string_view name, std::string_view text) { write_file(folder / name, text); }

  TemporaryFolder folder;
  FileResources resources{quick_limits()};
};

TEST_F(SharingTest, OnePathOfTwoSitesIsTwoEntries) {
  write("a/x", "of a");
  write("b/x", "of b");
  Served a(options(folder / "a"), resources);
  Served b(options(folder / "b"), resources);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(a.worker.get("/x").body, "of a");
    EXPECT_EQ(b.worker.get("/x").body, "of b");
  }
  EXPECT_EQ(resources.store().entries(), 2u);
}

TEST_F(SharingTest, OneFolderWithTwoSetsOfOptionsIsTwoSites) {
  write("a/x", "x");
  Served plain(options(folder / "a"), resources);
  FileSite::Options typed = options(folder / "a");
  typed.media_types = {{"", "text/x-own"}};
  Served other(typed, resources);
  EXPECT_EQ(plain.worker.get("/x").fields.find("Content-Type: application/octet-stream"), 0u);
  EXPECT_EQ(other.worker.get("/x").fields.find("Content-Type: text/x-own"), 0u);
  EXPECT_EQ(resources.watch().watches(), 1u) << "one directory, one watch";
}

TEST_F(SharingTest, AReplacedRootDropsItsOwnOnly) {
  write("a/x", "one");
  write("b/x", "of b");
  Served a(options(folder / "a"), resources);
  Served b(options(folder / "b"), resources);
  a.worker.get("/x");
  b.worker.get("/x");
  const Ref<cache::Entry> kept = resources.store().find("/x", b.site.scope());
  fs::rename(folder / "a", folder / "old");
  write("a/x", "two");
  EXPECT_EQ(a.worker.get("/x").body, "two");
  EXPECT_FALSE(kept->dropped());
  EXPECT_EQ(resources.watch().watches(), 2u);
}

TEST_F(SharingTest, ASiteThatEndsTakesItsEntriesAndWatchesAlong) {
  write("a/x", "x");
  write("b/x", "x");
  Served stays(options(folder / "a"), resources);
  stays.worker.get("/x");
  {
    Served same(options(folder / "a"), resources);
    Served other(options(folder / "b"), resources);
    same.worker.get("/x");
    other.worker.get("/x");
    EXPECT_EQ(resources.store().entries(), 3u);
    EXPECT_EQ(resources.watch().watches(), 2u);
  }
  EXPECT_EQ(resources.store().entries(), 1u);
  EXPECT_EQ(resources.watch().watches(), 1u) << "still watched for the one that stays";
}

TEST_F(SharingTest, AHundredSitesCostNoThread) {
  write("a/x", "x");
  std::vector<std::unique_ptr<FileSite>> sites;
  sites.push_back(std::make_unique<FileSite>(options(folder / "a"), resources));
  ASSERT_EQ(sites.back()->open(), "");
  const size_t before = threads_of_this_process();
  for (int i = 0; i < 100; ++i) {
    sites.push_back(std::make_unique<FileSite>(options(folder / "a"), resources));
    ASSERT_EQ(sites.back()->open(), "");
  }
  EXPECT_EQ(threads_of_this_process(), before);
}

TEST_F(SharingTest, TheBudgetIsOneForAll) {
  for (int i = 0; i < 50; ++i) {
    write("a/" + std::to_string(i), std::string(1'000, 'a'));
    write("b/" + std::to_string(i), std::string(1'000, 'b'));
  }
  conf::Limits limits = quick_limits();
  limits.held_bytes = 40'000;
  FileResources small{limits};
  Served a(options(folder / "a"), small);
  Served b(options(folder / "b"), small);
  for (int i = 0; i < 50; ++i) {
    a.worker.get("/" + std::to_string(i));
    b.worker.get("/" + std::to_string(i));
  }
  EXPECT_LE(small.store().bytes(), 40'000u);
  EXPECT_GT(small.store().entries(), 0u);
}

}  // namespace
}  // namespace sluice::handler
