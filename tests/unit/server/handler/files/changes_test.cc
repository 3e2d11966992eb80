// Files and roots that change while they are served (SECURITY section 4).
#include <sys/inotify.h>
#include <sys/resource.h>

#include <array>
#include <atomic>
#include <cstring>
#include <functional>

#include "tests/unit/server/handler/files/files_fixture.h"

namespace sluice::handler {
namespace {

namespace fs = std::filesystem;

// Repeats `look` until it holds, for what another thread brings about.
bool soon(const std::function<bool()>& look) {
  for (int i = 0; i < 500; ++i) {
    if (look()) return true;
    std::this_thread::sleep_for(10ms);
  }
  return false;
}

class ChangesTest : public FilesTest {
 protected:
  // Only checks, no watches: what NFS and its like leave us.
  static conf::Limits checked_limits(std::chrono::milliseconds age) {
    conf::Limits limits = quick_limits();
    limits.file_check = age;
    limits.watches = 0;
    return limits;
  }
};

TEST_F(ChangesTest, AreSeenAtTheNextCheck) {
  write("a.txt", "one");
  write("big", text_of_size(50'000, 1));
  serve(checked_limits(200ms));
  EXPECT_EQ(get("/a.txt").body, "one");
  EXPECT_EQ(get("/big").body, text_of_size(50'000, 1));
  replace_file(folder / "a.txt", "two");
  replace_file(folder / "big", text_of_size(50'000, 2));
  std::this_thread::sleep_for(250ms);
  EXPECT_EQ(get("/a.txt").body, "two");
  EXPECT_EQ(get("/big").body, text_of_size(50'000, 2));
}

TEST_F(ChangesTest, UnchangedFilesKeepTheirEntry) {
  write("a.txt", "one");
  serve(checked_limits(0ms));
  get("/a.txt");
  const Ref<cache::Entry> before = site->store().find("/a.txt", site->scope());
  get("/a.txt");
  EXPECT_EQ(site->store().find("/a.txt", site->scope()).get(), before.get());
}

TEST_F(ChangesTest, EveryKindIsSeen) {
  write("a", "one");
  serve(checked_limits(0ms));
  EXPECT_EQ(get("/a").body, "one");
  write("a", "two");
  EXPECT_EQ(get("/a").body, "two") << "rewritten in place";
  fs::remove(folder / "a");
  EXPECT_EQ(get("/a").status, 404);
  write("a/index.html", "folder");
  EXPECT_EQ(get("/a").status, 301);
  fs::remove_all(folder / "a");
  write("a", text_of_size(50'000));
  EXPECT_EQ(get("/a").body.size(), 50'000u);
  write("a", "small");
  EXPECT_EQ(get("/a").body, "small");
}

TEST_F(ChangesTest, AreSeenAtOnceWhereWatched) {
  write("docs/a.txt", "one");
  conf::Limits limits = quick_limits();
  limits.file_check = 1h;
  serve(limits);
  EXPECT_EQ(get("/docs/a.txt").body, "one");
  EXPECT_EQ(resources->watch().watches(), 1u);
  replace_file(folder / "docs/a.txt", "two");
  EXPECT_TRUE(soon([&] { return get("/docs/a.txt").body == "two"; }));
  write("docs/a.txt", "three");
  EXPECT_TRUE(soon([&] { return get("/docs/a.txt").body == "three"; }));
  fs::remove(folder / "docs/a.txt");
  EXPECT_TRUE(soon([&] { return get("/docs/a.txt").status == 404; }));
}

TEST_F(ChangesTest, AFolderMadeAnewIsWatchedAnew) {
  write("index.html", "x");
  write("docs/a.txt", "one");
  conf::Limits limits = quick_limits();
  limits.file_check = 1h;
  serve(limits);
  EXPECT_EQ(get("/docs/a.txt").body, "one");
  fs::remove_all(folder / "docs");
  EXPECT_TRUE(soon([&] { return get("/docs/a.txt").status == 404; }));
  write("docs/a.txt", "two");
  EXPECT_TRUE(soon([&] { return get("/docs/a.txt").body == "two"; }));
  EXPECT_TRUE(soon([&] { return resources->watch().watches() == 1; }));
  replace_file(folder / "docs/a.txt", "three");
  EXPECT_TRUE(soon([&] { return get("/docs/a.txt").body == "three"; }));
}

TEST_F(ChangesTest, WatchesAreBounded) {
  for (int i = 0; i < 5; ++i) write(std::to_string(i) + "/a", "x");
  conf::Limits limits = quick_limits();
  limits.watches = 3;
  serve(limits);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(get("/" + std::to_string(i) + "/a").body, "x");
  EXPECT_EQ(resources->watch().watches(), 3u);
  replace_file(folder / "4/a", "y");
  EXPECT_EQ(get("/4/a").body, "y") << "not watched, but checked";
}

TEST_F(ChangesTest, AnOverflowDropsEverything) {
  write("a.txt", "one");
  conf::Limits limits = checked_limits(1h);
  serve(limits);
  EXPECT_EQ(get("/a.txt").body, "one");
  replace_file(folder / "a.txt", "two");
  EXPECT_EQ(get("/a.txt").body, "one");
  inotify_event event{};
  event.wd = -1;
  event.mask = IN_Q_OVERFLOW;
  std::array<char, sizeof event> octets;
  std::memcpy(octets.data(), &event, sizeof event);
  resources->watch().take_events(octets);
  EXPECT_EQ(site->store().entries(), 0u);
  EXPECT_EQ(get("/a.txt").body, "two");
}

TEST_F(ChangesTest, EventsCutShortAreIgnored) {
  write("a.txt", "one");
  serve();
  get("/a.txt");
  const std::array<char, sizeof(inotify_event) - 1> octets{};
  resources->watch().take_events(octets);
  inotify_event event{};
  event.len = 1'000;
  std::array<char, sizeof event> lying;
  std::memcpy(lying.data(), &event, sizeof event);
  resources->watch().take_events(lying);
  EXPECT_EQ(site->store().entries(), 1u);
}

TEST_F(ChangesTest, AReplacedRootIsOpenedAnew) {
  write("dist/index.html", "one");
  write("dist/gone.html", "gone");
  serve_path(folder / "dist", checked_limits(0ms));
  EXPECT_EQ(get("/").body, "one");
  EXPECT_EQ(get("/gone.html").body, "gone");
  fs::remove_all(folder / "dist");
  EXPECT_EQ(get("/").status, 503) << "no root for a moment";
  EXPECT_EQ(get("/").cause, "served folder is missing");
  write("dist/index.html", "two");
  EXPECT_EQ(get("/").body, "two");
  EXPECT_EQ(get("/gone.html").status, 404);
}

TEST_F(ChangesTest, ARootSwappedByRenameIsSeen) {
  write("dist/index.html", "one");
  write("next/index.html", "two");
  serve_path(folder / "dist", checked_limits(50ms));
  EXPECT_EQ(get("/").body, "one");
  fs::rename(folder / "dist", folder / "old");
  fs::rename(folder / "next", folder / "dist");
  std::this_thread::sleep_for(80ms);
  EXPECT_EQ(get("/").body, "two");
}

TEST_F(ChangesTest, ARootSwappedByLinkIsSeen) {
  write("v1/index.html", "one");
  write("v2/index.html", "two");
  fs::create_directory_symlink("v1", folder / "current");
  serve_path(folder / "current", checked_limits(50ms));
  EXPECT_EQ(get("/").body, "one");
  fs::create_directory_symlink("v2", folder / "current.new");
  fs::rename(folder / "current.new", folder / "current");
  std::this_thread::sleep_for(80ms);
  EXPECT_EQ(get("/").body, "two");
  EXPECT_EQ(FileWorker(*site).get("/").body, "two");
}

// Within file_check of the last look at the root, the folder that was served is gone already: a
// deployment that changes a link and removes the old build must not show a 404 for a second.
TEST_F(ChangesTest, NothingIsMissingBeforeTheRootWasLookedAtAgain) {
  write("v1/index.html", "one");
  write("v1/old.js", "old");
  write("v2/index.html", "two");
  write("v2/new.js", "new");
  fs::create_directory_symlink("v1", folder / "current");
  serve_path(folder / "current", checked_limits(1h));
  EXPECT_EQ(get("/old.js").body, "old");
  EXPECT_EQ(get("/new.js").status, 404);
  fs::create_directory_symlink("v2", folder / "current.new");
  fs::rename(folder / "current.new", folder / "current");
  fs::remove_all(folder / "v1");
  EXPECT_EQ(get("/new.js").body, "new");
  EXPECT_EQ(get("/").body, "two");
  EXPECT_EQ(get("/old.js").status, 404) << "what was held went with the old folder";
}

TEST_F(ChangesTest, ARootThatBecomesAFileIsMissing) {
  write("dist/index.html", "one");
  serve_path(folder / "dist", checked_limits(0ms));
  EXPECT_EQ(get("/").body, "one");
  fs::remove_all(folder / "dist");
  write("dist", "a file");
  EXPECT_EQ(get("/").status, 503);
}

TEST_F(ChangesTest, FreshFilesAreServedButNotKept) {
  write("a.txt", "one");
  write("big", text_of_size(50'000));
  conf::Limits limits = quick_limits();
  limits.file_settle = 1h;
  limits.file_check = 1h;
  serve(limits);
  EXPECT_EQ(get("/a.txt").body, "one");
  EXPECT_EQ(get("/big").body, text_of_size(50'000));
  EXPECT_EQ(site->store().entries(), 0u);
  write("a.txt", "two");
  EXPECT_EQ(get("/a.txt").body, "two") << "the same size and perhaps the same time";
}

TEST_F(ChangesTest, OldFilesJustMovedHereAreNotKept) {
  write("index.html", "x");
  const timespec old[2] = {{784'111'777, 0}, {784'111'777, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (folder / "index.html").c_str(), old, 0), 0);
  conf::Limits limits = quick_limits();
  limits.file_settle = 1h;
  serve(limits);
  EXPECT_EQ(get("/").body, "x");
  EXPECT_EQ(site->store().entries(), 0u) << "its ctime is of now";
}

TEST_F(ChangesTest, ATruncatedFileEndsVisibly) {
  const std::string text = text_of_size(100'000);
  write("big", text);
  serve(checked_limits(1h));
  const auto pending = worker->begin("/big");
  ASSERT_TRUE(worker->await_head(*pending));
  Chain first;
  ASSERT_EQ(worker->pull(*pending, first, 10'000), Pull::ready);
  fs::resize_file(folder / "big", 20'000);
  worker->loop().run_once(0ms);
  Chain rest;
  const Pull result = worker->pull(*pending, rest, 1 << 20);
  // Checked an hour ago at most: the ranges go out, and the transport meets the end of the file
  // (file_cut).
  EXPECT_EQ(result, Pull::end);
  EXPECT_LT(octets_of(rest).size(), 90'000u);
}

TEST_F(ChangesTest, ARewrittenFileFailsWhileItIsSent) {
  write("big", text_of_size(100'000, 1));
  serve(checked_limits(0ms));
  const auto pending = worker->begin("/big");
  Chain first;
  ASSERT_EQ(worker->pull(*pending, first, 10'000), Pull::ready);
  write("big", text_of_size(100'000, 2));
  Chain rest;
  EXPECT_EQ(worker->pull(*pending, rest, 1 << 20), Pull::failed);
}

TEST_F(ChangesTest, AFileThatGrowsIsSentAsItWas) {
  const std::string before = text_of_size(100'000, 1);
  write("log", before);
  serve(checked_limits(0ms));
  const auto pending = worker->begin("/log");
  Chain chain;
  ASSERT_EQ(worker->pull(*pending, chain, 10'000), Pull::ready);
  std::ofstream(folder / "log", std::ios::app) << "another line\n";
  EXPECT_EQ(worker->pull(*pending, chain, 1 << 20), Pull::end);
  EXPECT_EQ(octets_of(chain), before);
  EXPECT_EQ(get("/log").length, 100'013u);
}

TEST_F(ChangesTest, AFileThatIsRewrittenLongerFails) {
  write("big", text_of_size(100'000, 1));
  serve(checked_limits(0ms));
  const auto pending = worker->begin("/big");
  Chain chain;
  ASSERT_EQ(worker->pull(*pending, chain, 10'000), Pull::ready);
  write("big", text_of_size(200'000, 2));
  EXPECT_EQ(worker->pull(*pending, chain, 1 << 20), Pull::failed);
}

TEST_F(ChangesTest, AReplacedFileIsSentWhole) {
  const std::string before = text_of_size(100'000, 1);
  write("big", before);
  serve(checked_limits(0ms));
  const auto pending = worker->begin("/big");
  Chain chain;
  ASSERT_EQ(worker->pull(*pending, chain, 10'000), Pull::ready);
  replace_file(folder / "big", text_of_size(100'000, 2));
  EXPECT_EQ(worker->pull(*pending, chain, 1 << 20), Pull::end);
  EXPECT_EQ(octets_of(chain), before);
  EXPECT_EQ(get("/big").body, text_of_size(100'000, 2));
}

TEST_F(ChangesTest, ADeletedFileGivesItsSpaceBack) {
  write("big", text_of_size(100'000));
  serve(checked_limits(20ms));
  get("/big");
  fs::remove(folder / "big");
  EXPECT_EQ(site->store().descriptors(), 1u);
  const auto begin = std::chrono::steady_clock::now();
  while (site->store().descriptors() > 0 && std::chrono::steady_clock::now() - begin < 20s) {
    worker->turn(20ms);
  }
  EXPECT_EQ(site->store().descriptors(), 0u);
}

// A body must be one of the versions, whole, however the rewrite falls between two system calls.
TEST_F(ChangesTest, ThreadsRewriteWhileOthersServe) {
  const auto version = [](unsigned i) {
    return std::string(3'000, static_cast<char>('a' + i % 26));
  };
  write("a.txt", version(0));
  conf::Limits limits;  // the defaults, but for waiting a second
  limits.file_check = 0ms;
  serve(limits);
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (unsigned i = 0; i < 300; ++i) replace_file(folder / "a.txt", version(i));
    stop = true;
  });
  std::thread second([&] {
    FileWorker other(*site);
    while (!stop) {
      const Answer answer = other.get("/a.txt");
      ASSERT_EQ(answer.body, std::string(3'000, answer.body[0]));
    }
  });
  while (!stop) {
    const Answer answer = get("/a.txt");
    ASSERT_EQ(answer.status, 200);
    ASSERT_EQ(answer.body, std::string(3'000, answer.body[0]));
  }
  writer.join();
  second.join();
  EXPECT_EQ(get("/a.txt").body, version(299));
}

// Workers, the watcher, evictions and a root that comes and goes, all at once: for ThreadSanitizer.
TEST_F(ChangesTest, ThreadsSwapTheRootWhileOthersServe) {
  for (const char* dist : {"v1", "v2"}) {
    for (int i = 0; i < 20; ++i) {
      write(std::string(dist) + "/" + std::to_string(i), std::string(3'000, dist[1]));
    }
    write(std::string(dist) + "/big", std::string(60'000, dist[1]));
  }
  fs::create_directory_symlink("v1", folder / "current");
  conf::Limits limits = quick_limits();
  limits.held_bytes = 30'000;
  limits.open_files = 1;
  limits.file_check = 1ms;
  serve_path(folder / "current", limits);
  std::atomic<bool> stop{false};
  auto stream = [&] {
    FileWorker own(*site);
    for (int i = 0; !stop; ++i) {
      const std::string path = i % 5 == 0 ? "/big" : "/" + std::to_string(i % 20);
      const Answer answer = own.get(path);
      ASSERT_EQ(answer.status, 200) << answer.cause;
      ASSERT_EQ(answer.body, std::string(answer.body.size(), answer.body[0])) << "of one root";
    }
  };
  std::thread first(stream);
  std::thread second(stream);
  for (int i = 0; i < 100; ++i) {
    fs::create_directory_symlink(i % 2 == 0 ? "v2" : "v1", folder / "next");
    fs::rename(folder / "next", folder / "current");
    replace_file(folder / "v1/3", std::string(3'000, '1'));
    std::this_thread::sleep_for(3ms);
  }
  stop = true;
  first.join();
  second.join();
  EXPECT_LE(site->store().bytes(), 30'000u);
}

}  // namespace
}  // namespace sluice::handler
