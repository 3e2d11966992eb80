// Hashing large files behind the requests' backs: one at a time, within bounds, and without
// keeping anybody who ends.
#include "server/handler/files/background_hasher.h"

#include <sys/resource.h>
#include <sys/syscall.h>

#include <charconv>
#include <functional>

#include "tests/unit/server/handler/files/files_fixture.h"

namespace sluice::handler {
namespace {

constexpr uint64_t kHuge = uint64_t{256} << 30;  // sparse: takes no space, and minutes to read

bool soon(const std::function<bool()>& look) {
  for (int i = 0; i < 1'000; ++i) {
    if (look()) return true;
    std::this_thread::sleep_for(5ms);
  }
  return false;
}

class BackgroundHasherTest : public FilesTest {
 protected:
  // Every file that is not held is hashed in the background.
  static conf::Limits limits() {
    conf::Limits limits = quick_limits();
    limits.held_file = 10;
    limits.etag_wait = 10;
    limits.etag_hash_max = kHuge;
    return limits;
  }
  std::string tag(std::string_view path) { return value_in(get(path).fields, "ETag"); }
  // Keeps the thread busy until the test ends.
  void plug() {
    write("huge", "");
    std::filesystem::resize_file(folder / "huge", kHuge);
    const auto pending = worker->begin("/huge");
    ASSERT_TRUE(worker->await_head(*pending));
    ASSERT_TRUE(soon([&] { return site->hasher().queued() == 0; }));
  }
};

TEST_F(BackgroundHasherTest, ATagComesLater) {
  write("big", text_of_size(100'000));
  serve(limits());
  EXPECT_EQ(tag("/big"), "");
  EXPECT_TRUE(soon([&] { return tag("/big") == tag_of(text_of_size(100'000)).view(); }));
  EXPECT_EQ(get("/big").body, text_of_size(100'000));
  EXPECT_EQ(site->store().entries(), 1u);
}

TEST_F(BackgroundHasherTest, HeadsAskForNothingButSeeWhatIsThere) {
  write("big", text_of_size(100'000));
  serve(limits());
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(value_in(get("/big", {.method = Method::head}).fields, "ETag"), "");
  }
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(site->tags().size(), 0u) << "nobody has read it";
  get("/big");
  ASSERT_TRUE(soon([&] { return site->tags().size() == 1; }));
  EXPECT_NE(value_in(get("/big", {.method = Method::head}).fields, "ETag"), "");
}

TEST_F(BackgroundHasherTest, AllWorkersSeeTheTag) {
  write("big", text_of_size(100'000));
  conf::Limits with = limits();
  with.file_check = 1h;
  serve(with);
  FileWorker other(*site);
  EXPECT_EQ(value_in(other.get("/big").fields, "ETag"), "");
  ASSERT_TRUE(soon([&] { return site->tags().size() == 1; }));
  EXPECT_NE(tag("/big"), "");
  EXPECT_NE(value_in(other.get("/big").fields, "ETag"), "") << "though nothing is checked";
}

TEST_F(BackgroundHasherTest, WhatIsTooLargeHasNoTag) {
  write("big", text_of_size(100'000));
  write("small", "x");
  conf::Limits with = limits();
  with.etag_hash_max = 99'999;
  serve(with);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(tag("/big"), "");
    std::this_thread::sleep_for(5ms);
  }
  EXPECT_EQ(site->tags().size(), 0u);
  EXPECT_NE(tag("/small"), "");
}

TEST_F(BackgroundHasherTest, ATagOutlivesEvictionAndSite) {
  write("big", text_of_size(100'000));
  serve(limits());
  get("/big");
  ASSERT_TRUE(soon([&] { return site->tags().size() == 1; }));
  site->store().drop_all();
  EXPECT_NE(value_in(get("/big", {.method = Method::head}).fields, "ETag"), "");
  FileSite reloaded({.directory = folder.path().string(), .limits = limits()}, *resources);
  ASSERT_EQ(reloaded.open(), "");
  FileWorker fresh(reloaded);
  EXPECT_NE(value_in(fresh.get("/big", {.method = Method::head}).fields, "ETag"), "");
}

TEST_F(BackgroundHasherTest, AnEvictedTagIsFoundAgain) {
  write("one", text_of_size(1'000, 1));
  write("two", text_of_size(1'000, 2));
  conf::Limits with = limits();
  with.etags = 1;
  serve(with);
  for (const std::string path : {"/one", "/two", "/one", "/two"}) {
    site->store().drop_all();
    EXPECT_TRUE(soon([&] { return !tag(path).empty(); })) << path;
    EXPECT_EQ(site->tags().size(), 1u);
  }
}

TEST_F(BackgroundHasherTest, TheQueueIsBoundedAndTakesAFileOnce) {
  for (int i = 0; i < 5; ++i) write(std::to_string(i), text_of_size(1'000));
  conf::Limits with = limits();
  with.etag_queue = 3;
  serve(with);
  plug();
  for (int round = 0; round < 3; ++round) {
    get("/0");
    get("/1");
    EXPECT_EQ(site->hasher().queued(), 2u);
  }
  get("/huge", {.piece = 1, .fields = {{"Range", "bytes=0-0"}}});
  EXPECT_EQ(site->hasher().queued(), 2u) << "it is being hashed";
  for (int i = 2; i < 5; ++i) EXPECT_EQ(tag("/" + std::to_string(i)), "");
  EXPECT_EQ(site->hasher().queued(), 3u);
}

TEST_F(BackgroundHasherTest, TheEndWaitsForNoFile) {
  write("index.html", "x");
  serve(limits());
  plug();
  const auto begin = std::chrono::steady_clock::now();
  worker.reset();
  site.reset();
  resources.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
}

TEST_F(BackgroundHasherTest, AReplacedFileIsGivenUp) {
  write("next", text_of_size(1'000));
  serve(limits());
  plug();
  get("/next");
  EXPECT_EQ(site->hasher().queued(), 1u);
  std::filesystem::remove(folder / "huge");
  EXPECT_TRUE(soon([&] { return !tag("/next").empty(); })) << "a deleted file is read no further";
}

TEST_F(BackgroundHasherTest, TakesOnlyWhatNobodyElseWants) {
  write("index.html", "x");
  serve(limits());
  plug();
  bool found = false;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string name;
    std::getline(std::ifstream(task.path() / "comm") >> std::ws, name);
    if (name != "sluice-hasher") continue;
    found = true;
    const std::string digits = task.path().filename();
    id_t id = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), id);
    EXPECT_EQ(::getpriority(PRIO_PROCESS, id), 19);
    EXPECT_EQ(::syscall(SYS_ioprio_get, 1, id) >> 13, 3) << "the idle class";
  }
  EXPECT_TRUE(found);
}

TEST_F(BackgroundHasherTest, NoThreadWithoutLargeFiles) {
  write("index.html", "x");
  serve(limits());
  get("/");
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string name;
    std::getline(std::ifstream(task.path() / "comm"), name);
    EXPECT_NE(name, "sluice-hasher");
  }
}

}  // namespace
}  // namespace sluice::handler
