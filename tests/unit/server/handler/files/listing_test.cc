// Listings: escaped, ordered, bounded, in both forms.
#include "server/handler/files/listing.h"

#include <nlohmann/json.hpp>

#include "tests/unit/server/handler/files/files_fixture.h"

namespace sluice::handler {
namespace {

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

const Asked kJson{.accept = "application/json"};

std::vector<std::string> names_of(const Answer& answer) {
  std::vector<std::string> names;
  const auto document = nlohmann::json::parse(answer.body);
  for (const auto& entry : document["entries"]) {
    names.push_back(entry["name"]);
  }
  return names;
}

TEST_F(FilesTest, ListsAFolder) {
  write("docs/b.txt", "hello");
  write("docs/sub/x", "x");
  serve();
  const Answer answer = get("/docs/");
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(contains(answer.fields, "Content-Type: text/html; charset=utf-8\n"));
  EXPECT_TRUE(contains(answer.fields, "Vary: Accept\n"));
  EXPECT_TRUE(contains(answer.body, "<a href=\"./b.txt\">b.txt</a>"));
  EXPECT_TRUE(contains(answer.body, "<a href=\"./sub/\">sub/</a>"));
  EXPECT_TRUE(contains(answer.body, "<a href=\"../\">..</a>"));
  EXPECT_TRUE(contains(answer.body, "5 B"));
  EXPECT_LT(answer.body.find("./sub/"), answer.body.find("./b.txt")) << "folders first";
}

TEST_F(FilesTest, ListsAsJsonWhereThatIsPreferred) {
  write("docs/b.txt", "hello");
  write("docs/sub/x", "x");
  const timespec time[2] = {{784'111'777, 0}, {784'111'777, 0}};
  ::utimensat(AT_FDCWD, (folder / "docs/b.txt").c_str(), time, 0);
  serve();
  const Answer answer = get("/docs/", kJson);
  EXPECT_TRUE(contains(answer.fields, "Content-Type: application/json\n"));
  EXPECT_TRUE(contains(answer.fields, "Vary: Accept\n"));
  const auto document = nlohmann::json::parse(answer.body);
  EXPECT_EQ(document["path"], "/docs/");
  EXPECT_EQ(document["truncated"], false);
  EXPECT_EQ(document["entries"][0]["name"], "sub");
  EXPECT_EQ(document["entries"][0]["type"], "directory");
  EXPECT_EQ(document["entries"][1]["name"], "b.txt");
  EXPECT_EQ(document["entries"][1]["type"], "file");
  EXPECT_EQ(document["entries"][1]["size"], 5);
  EXPECT_EQ(document["entries"][1]["modified"], "1994-11-06T08:49:37Z");
}

TEST_F(FilesTest, ListsTheRootAndEmptyFolders) {
  write("a", "x");
  std::filesystem::create_directory(folder / "empty");
  serve();
  const Answer root = get("/");
  EXPECT_EQ(root.status, 200);
  EXPECT_FALSE(contains(root.body, "href=\"../\"")) << "nothing is above the root";
  EXPECT_TRUE(contains(get("/empty/").body, "Nothing here."));
  EXPECT_TRUE(names_of(get("/empty/", kJson)).empty());
}

TEST_F(FilesTest, ListingsEscapeNames) {
  write("docs/<script>alert(1)<", "x");
  write("docs/\"onload=\"x&amp;'.txt", "x");
  write("docs/a%2Fb c?d#e", "x");
  write("docs/javascript:alert(1)", "x");
  write("<b>/x", "x");
  serve();
  const Answer answer = get("/docs/");
  EXPECT_FALSE(contains(answer.body, "<script"));
  EXPECT_TRUE(contains(answer.body, "href=\"./%3Cscript%3Ealert(1)%3C\""));
  EXPECT_TRUE(contains(answer.body, "&lt;script&gt;alert(1)&lt;"));
  EXPECT_TRUE(contains(answer.body, "href=\"./%22onload=%22x&amp;amp;&#39;.txt\""));
  EXPECT_TRUE(contains(answer.body, "&quot;onload=&quot;x&amp;amp;&#39;.txt"));
  EXPECT_TRUE(contains(answer.body, "href=\"./a%252Fb%20c%3Fd%23e\""));
  EXPECT_TRUE(contains(answer.body, "href=\"./javascript:alert(1)\"")) << "a path, not a scheme";
  EXPECT_TRUE(contains(answer.fields, "Content-Security-Policy: default-src 'none'"));
  EXPECT_TRUE(contains(get("/%3Cb%3E/").body, "<title>/&lt;b&gt;/</title>"));
  EXPECT_EQ(get("/docs/a%252Fb%20c%3Fd%23e").body, "x") << "the link leads to the file";
}

TEST_F(FilesTest, ListingsShowOnlyWhatCanBeAskedFor) {
  TemporaryFolder outside;
  write("docs/shown", "x");
  write("docs/.hidden", "x");
  write("docs/back\\slash", "x");
  write("docs/\xFFlatin", "x");
  ASSERT_EQ(::mkfifo((folder / "docs/fifo").c_str(), 0644), 0);
  std::filesystem::create_symlink("shown", folder / "docs/inside");
  std::filesystem::create_symlink("nowhere", folder / "docs/dangling");
  std::filesystem::create_directory_symlink(outside.path(), folder / "docs/outside");
  serve();
  EXPECT_EQ(names_of(get("/docs/", kJson)), (std::vector<std::string>{"inside", "shown"}));
  serve(quick_limits(), true);
  EXPECT_EQ(names_of(get("/docs/", kJson)),
            (std::vector<std::string>{"outside", "inside", "shown"}));
}

TEST_F(FilesTest, ListingsAreSorted) {
  write("d/b", "22");
  write("d/A", "333");
  write("d/c", "1");
  write("d/z/x", "");
  auto set_time = [&](const char* name, time_t seconds) {
    const timespec times[2] = {{seconds, 0}, {seconds, 0}};
    ::utimensat(AT_FDCWD, (folder / name).c_str(), times, 0);
  };
  set_time("d/b", 3'000);
  set_time("d/A", 1'000);
  set_time("d/c", 2'000);
  serve();
  using Names = std::vector<std::string>;
  auto names = [&](std::string query) {
    return names_of(get("/d/", {.query = std::move(query), .accept = "application/json"}));
  };
  EXPECT_EQ(names(""), (Names{"z", "A", "b", "c"}));
  EXPECT_EQ(names("sort=name&order=desc"), (Names{"z", "c", "b", "A"}));
  EXPECT_EQ(names("sort=size"), (Names{"z", "c", "b", "A"}));
  EXPECT_EQ(names("sort=size&order=desc"), (Names{"z", "A", "b", "c"}));
  EXPECT_EQ(names("sort=time"), (Names{"z", "A", "c", "b"}));
  const std::string page = get("/d/", {.query = "sort=size"}).body;
  EXPECT_TRUE(contains(page, "aria-sort=\"ascending\"><a href=\"?sort=size&amp;order=desc\">Size"));
  EXPECT_TRUE(contains(page, "<a href=\"?sort=name&amp;order=asc\">Name</a>"));
}

TEST_F(FilesTest, ListingsAreBounded) {
  std::filesystem::create_directory(folder / "many");
  for (int i = 0; i < 120; ++i) write("many/" + std::to_string(i), "");
  conf::Limits limits = quick_limits();
  limits.listing_entries = 100;
  serve(limits);
  const Answer page = get("/many/");
  EXPECT_TRUE(contains(page.body, "holds more than 100 names"));
  const Answer answer = get("/many/", kJson);
  EXPECT_EQ(names_of(answer).size(), 100u);
  EXPECT_EQ(nlohmann::json::parse(answer.body)["truncated"], true);
  std::filesystem::remove(folder / "many/7");
  limits.listing_entries = 119;
  serve(limits);
  EXPECT_FALSE(contains(get("/many/").body, "holds more than"));
}

TEST_F(FilesTest, TenThousandEntriesAreListed) {
  std::filesystem::create_directory(folder / "many");
  for (int i = 0; i < 10'050; ++i) {
    const int file =
        ::open((folder / ("many/" + std::to_string(i))).c_str(), O_CREAT | O_WRONLY, 0644);
    ASSERT_GE(file, 0);
    ::close(file);
  }
  serve();
  const Answer answer = get("/many/");
  EXPECT_EQ(answer.status, 200);
  EXPECT_LT(answer.body.size(), 4u << 20);
  EXPECT_TRUE(contains(answer.body, "holds more than 10000 names"));
  EXPECT_TRUE(contains(answer.body, "10000 entries."));
}

TEST_F(FilesTest, ListingsAreKeptForAWhileAndMadeAnew) {
  write("docs/a", "x");
  conf::Limits limits = quick_limits();
  limits.file_check = 1h;
  limits.watches = 0;
  serve(limits);
  EXPECT_EQ(names_of(get("/docs/", kJson)).size(), 1u);
  write("docs/b", "x");
  EXPECT_EQ(names_of(get("/docs/", kJson)).size(), 1u);
  EXPECT_EQ(names_of(FileWorker(*site).get("/docs/", kJson)).size(), 1u) << "shared";
  limits.file_check = 0ms;
  serve(limits);
  EXPECT_EQ(names_of(get("/docs/", kJson)).size(), 2u);
  write("docs/c", "x");
  EXPECT_EQ(names_of(get("/docs/", kJson)).size(), 3u);
}

TEST_F(FilesTest, ACancelledListingIsForgotten) {
  write("docs/a", "x");
  serve();
  {
    const auto pending = worker->begin("/docs/");
    EXPECT_FALSE(pending->stream.final);
    pending->exchange.end();
  }
  for (int i = 0; i < 20; ++i) worker->turn(5ms);
  EXPECT_EQ(get("/docs/").status, 200);
}

TEST_F(FilesTest, AHandlerMayEndBeforeItsListings) {
  write("docs/a", "x");
  serve();
  net::Loop loop;
  net::Helpers helpers(1, 10);  // ends first: helpers post to the loop
  loop.bind_to_this_thread();
  NotingStream stream;
  http::Exchange exchange;
  {
    FilesHandler handler(loop, helpers, *site, {});
    const Ref<http::ListenerSettings> listener(new http::ListenerSettings(0, {}));
    http::SingleRoute router({.handler = &handler, .filters = {}});
    RequestHead head;
    head.method = Method::get;
    head.path = "/docs/";
    exchange.begin(stream, head, *listener, loop.now());
    exchange.start(router);
    exchange.end();
  }
  for (int i = 0; i < 20; ++i) loop.run_once(5ms);
  EXPECT_FALSE(stream.final);
}

TEST_F(FilesTest, BusyHelpersRefuseAListing) {
  write("docs/a", "x");
  serve();
  FileWorker busy(*site, 1, 0);
  EXPECT_EQ(busy.get("/docs/").status, 503);
}

TEST(ListingText, OfSizes) {
  EXPECT_EQ(size_text(0), "0 B");
  EXPECT_EQ(size_text(1023), "1023 B");
  EXPECT_EQ(size_text(1024), "1.0 KiB");
  EXPECT_EQ(size_text(1536), "1.5 KiB");
  EXPECT_EQ(size_text(10 * 1024), "10 KiB");
  EXPECT_EQ(size_text((1u << 20) - 1), "1.0 MiB");
  EXPECT_EQ(size_text(UINT64_MAX), "16 EiB");
}

TEST(ListingText, OfTimes) {
  EXPECT_EQ(time_text(0, TimeForm::people), "1970-01-01 00:00");
  EXPECT_EQ(time_text(784'111'777, TimeForm::people), "1994-11-06 08:49");
  EXPECT_EQ(time_text(784'111'777, TimeForm::machine), "1994-11-06T08:49:37Z");
  EXPECT_EQ(time_text(INT64_MAX, TimeForm::people), "9999-12-31 23:59");
  EXPECT_EQ(time_text(INT64_MIN, TimeForm::people), "0000-01-01 00:00");
}

}  // namespace
}  // namespace sluice::handler
