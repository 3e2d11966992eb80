// What a client gets for a path, over a real folder.
#include "server/handler/files/files_handler.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tests/unit/server/handler/files/files_fixture.h"

namespace sluice::handler {
namespace {

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

TEST_F(FilesTest, ServesAFile) {
  write("a.txt", "hello");
  serve();
  const Answer answer = get("/a.txt");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "hello");
  EXPECT_EQ(answer.length, 5u);
  EXPECT_TRUE(answer.held);
  EXPECT_TRUE(contains(answer.fields, "Content-Type: text/plain; charset=utf-8\n"));
  EXPECT_TRUE(contains(answer.fields, "Last-Modified: "));
  EXPECT_FALSE(contains(answer.fields, "Content-Length")) << "the codec writes it";
}

TEST_F(FilesTest, ServesEverySizeAroundTheThresholds) {
  conf::Limits limits = quick_limits();
  limits.held_file = 1000;
  limits.file_window = 4096;
  const std::vector<size_t> sizes = {0, 1, 999, 1000, 1001, 4095, 4096, 4097, 8192, 20'000};
  for (const size_t size : sizes) {
    write(std::to_string(size), text_of_size(size));
  }
  serve(limits);
  for (const size_t size : sizes) {
    for (const size_t piece : {size_t{1} << 20, size_t{1000}, size_t{4096}, size_t{1}}) {
      if (piece == 1 && size > 5000) continue;
      const Answer answer = get("/" + std::to_string(size), {.piece = piece});
      ASSERT_EQ(answer.status, 200) << size;
      ASSERT_EQ(answer.body, text_of_size(size)) << size << " by " << piece;
      ASSERT_FALSE(answer.cut);
      ASSERT_EQ(answer.length, size);
      ASSERT_EQ(answer.held, size > 0 && size <= 1000) << size;
    }
  }
}

TEST_F(FilesTest, AnswersHeadWithoutReading) {
  write("big", text_of_size(100'000));
  serve();
  const Answer answer = get("/big", {.method = Method::head});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.length, 100'000u);
}

TEST_F(FilesTest, ServesIndexFiles) {
  write("index.html", "home");
  write("docs/index.htm", "docs");
  serve();
  EXPECT_EQ(get("/").body, "home");
  EXPECT_TRUE(contains(get("/").fields, "text/html; charset=utf-8"));
  EXPECT_EQ(get("/docs/").body, "docs");
  write("docs/index.html", "first choice");
  EXPECT_EQ(get("/docs/").body, "first choice");
  std::filesystem::remove(folder / "docs/index.html");
  EXPECT_EQ(get("/docs/").body, "docs");
}

TEST_F(FilesTest, RedirectsToTheSlash) {
  write("docs/a b/x", "x");
  serve();
  const Answer answer = get("/docs/a%20b");
  EXPECT_EQ(answer.status, 301);
  EXPECT_EQ(answer.fields, "Location: /docs/a%20b/\n");
  EXPECT_EQ(get("/docs", {.query = "a=1&b=//x"}).fields, "Location: /docs/?a=1&b=//x\n");
}

TEST_F(FilesTest, NeverRedirectsToAnotherSite) {
  write("evil.example/x", "x");
  serve();
  for (const std::string path : {"//evil.example", "///evil.example", "//evil%2Eexample"}) {
    const Answer answer = get(path);
    EXPECT_EQ(answer.status, 301) << path;
    EXPECT_EQ(answer.fields, "Location: /evil.example/\n") << path;
  }
}

TEST_F(FilesTest, TellsFilesFromFolders) {
  write("a.txt", "hello");
  serve();
  EXPECT_EQ(get("/a.txt/").status, 404);
  EXPECT_EQ(get("/a.txt/b").status, 404);
  EXPECT_EQ(get("/none").status, 404);
  EXPECT_EQ(get("/none/").status, 404);
}

TEST_F(FilesTest, MergesSlashes) {
  write("docs/a.txt", "hello");
  serve();
  EXPECT_EQ(get("//docs///a.txt").body, "hello");
}

TEST_F(FilesTest, OneFileHasOneEntry) {
  write("docs/a,b.txt", "hello");
  serve();
  for (const std::string path : {"/docs/a,b.txt", "/docs/a%2Cb.txt", "//docs//a%2Cb.txt"}) {
    EXPECT_EQ(get(path).body, "hello");
  }
  EXPECT_EQ(site->store().entries(), 1u);
}

TEST_F(FilesTest, HidesDotFiles) {
  write("index.html", "x");
  write(".env", "secret");
  write(".git/config", "secret");
  write("docs/.htaccess", "secret");
  write(".well-known/acme-challenge/token", "public");
  serve();
  for (const std::string path : {"/.env", "/.git/config", "/docs/.htaccess", "//.env", "/%2Eenv"}) {
    EXPECT_EQ(get(path).status, 404) << path;
  }
  EXPECT_EQ(get("/.well-known/acme-challenge/token").body, "public");
}

TEST_F(FilesTest, RefusesPathsThatAreNoNames) {
  write("index.html", "x");
  serve();
  EXPECT_EQ(get("/a%2Fb").status, 400);
  EXPECT_EQ(get("/a%5Cb").status, 400);
  EXPECT_EQ(get("/a%00b").status, 400);
  EXPECT_EQ(get("/%C0%AE%C0%AE/x").status, 400);
  EXPECT_EQ(get("/..").status, 404);
  EXPECT_EQ(get("/" + std::string(300, 'a')).status, 404) << "longer than a file's name";
  EXPECT_EQ(get("/" + std::string(8'000, 'a')).status, 404);
  std::string deep;
  for (int i = 0; i < 3'000; ++i) deep += "/a";
  EXPECT_EQ(get(deep).status, 404);
}

TEST_F(FilesTest, AnswersOtherMethods) {
  write("index.html", "x");
  serve();
  EXPECT_EQ(get("/", {.method = Method::options}).status, 204);
  EXPECT_EQ(get("*", {.method = Method::options}).fields, "Allow: GET, HEAD, OPTIONS\n");
  for (const Method method : {Method::post, Method::put, Method::delete_, Method::patch,
                              Method::trace, Method::connect}) {
    const Answer answer = get("/", {.method = method});
    EXPECT_EQ(answer.status, 405);
    EXPECT_TRUE(contains(answer.fields, "Allow: GET, HEAD, OPTIONS\n"));
  }
  EXPECT_EQ(get("/", {.method = Method::other}).status, 501);
}

TEST_F(FilesTest, LinksMayNotLeadOut) {
  TemporaryFolder outside;
  write_file(outside / "secret", "secret");
  write("real/a.txt", "inside");
  namespace fs = std::filesystem;
  fs::create_symlink(outside / "secret", folder / "absolute");
  fs::create_symlink("../" + outside.path().filename().string() + "/secret", folder / "relative");
  fs::create_directory_symlink(outside.path(), folder / "folder");
  fs::create_directory_symlink("real", folder / "link");
  fs::create_symlink("loop", folder / "loop");
  fs::create_symlink("/proc/self/root/etc/passwd", folder / "magic");
  serve();
  for (const std::string path :
       {"/absolute", "/relative", "/folder", "/folder/", "/folder/secret", "/loop", "/magic"}) {
    EXPECT_EQ(get(path).status, 404) << path;
  }
  EXPECT_EQ(get("/link/a.txt").body, "inside");
  serve(quick_limits(), true);
  for (const std::string path : {"/absolute", "/relative", "/folder/secret"}) {
    EXPECT_EQ(get(path).body, "secret") << path;
  }
  EXPECT_EQ(get("/magic").status, 404) << "links of /proc are never followed";
}

TEST_F(FilesTest, ALinkThatIsTurnedOutwardsIsNotFollowed) {
  TemporaryFolder outside;
  write_file(outside / "a.txt", "secret");
  write("real/a.txt", "inside");
  std::filesystem::create_directory_symlink("real", folder / "link");
  serve();
  EXPECT_EQ(get("/link/a.txt").body, "inside");
  std::filesystem::remove(folder / "link");
  std::filesystem::create_directory_symlink(outside.path(), folder / "link");
  EXPECT_EQ(get("/link/a.txt").status, 404);
}

TEST_F(FilesTest, ServesRegularFilesOnly) {
  write("index.html", "x");
  ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0644), 0);
  const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (folder / "socket").copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::mkdir((folder / "odd").c_str(), 0755);
  ASSERT_EQ(::mkfifo((folder / "odd/index.html").c_str(), 0644), 0);
  serve();
  EXPECT_EQ(get("/fifo").status, 404);
  EXPECT_EQ(get("/socket").status, 404);
  EXPECT_EQ(get("/odd/").status, 200) << "a pipe is no index file";
  ::close(listener);
}

TEST_F(FilesTest, RefusesWhatMayNotBeRead) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read everything";
  write("secret.txt", "x");
  ::chmod((folder / "secret.txt").c_str(), 0);
  serve();
  EXPECT_EQ(get("/secret.txt").status, 403);
}

TEST_F(FilesTest, LeavesOutTimesThatSayNothing) {
  write("reproducible", "x");
  write("future", "x");
  write("old", "x");
  auto set_time = [&](const char* name, time_t seconds) {
    const timespec times[2] = {{seconds, 0}, {seconds, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, (folder / name).c_str(), times, 0), 0);
  };
  set_time("reproducible", 1);
  set_time("future", ::time(nullptr) + 10'000);
  set_time("old", 784'111'777);
  serve();
  EXPECT_FALSE(contains(get("/reproducible").fields, "Last-Modified"));
  EXPECT_FALSE(contains(get("/future").fields, "Last-Modified"));
  EXPECT_TRUE(contains(get("/old").fields, "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\n"));
}

TEST_F(FilesTest, AHitAsksTheSystemNothing) {
  write("a.txt", "one");
  conf::Limits limits = quick_limits();
  limits.file_check = 1h;
  limits.watches = 0;
  serve(limits);
  EXPECT_EQ(get("/a.txt").body, "one");
  replace_file(folder / "a.txt", "two");
  EXPECT_EQ(get("/a.txt").body, "one") << "not checked for an hour, not watched";
  EXPECT_EQ(FileWorker(*site).get("/a.txt").body, "one") << "another worker shares the entry";
}

TEST_F(FilesTest, ShortOfDescriptorsItSaysSoAndRecovers) {
  write("index.html", "x");
  write("big", text_of_size(100'000));
  serve();
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit none = before;
  const int next = ::dup(0);
  ::close(next);
  none.rlim_cur = static_cast<rlim_t>(next);
  setrlimit(RLIMIT_NOFILE, &none);
  const Answer answer = get("/big");
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.cause, "no descriptor left to open the file");
  EXPECT_EQ(get("/big").status, 200);
}

}  // namespace
}  // namespace sluice::handler
