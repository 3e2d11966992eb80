// What answers say of files: validators, parts and freshness (RFC 9110 sections 8.8, 13 and 14; RFC
// 9111 section 5.2).
#include "server/handler/files/file_representation.h"

#include "tests/unit/server/handler/files/files_fixture.h"

namespace sluice::handler {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;
using Storing = conf::CacheRule::Storing;

void set_modified(const std::string& path, timespec time) {
  const timespec times[2] = {time, time};
  ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
}

timespec modified(const std::string& path) {
  struct stat status {};
  ::stat(path.c_str(), &status);
  return status.st_mtim;
}

class FileRepresentationTest : public FilesTest {
 protected:
  Answer ask(std::string_view path, Fields fields, Method method = Method::get) {
    return get(path, {.method = method, .fields = std::move(fields)});
  }
  std::string tag(std::string_view path) { return value_in(get(path).fields, "ETag"); }
};

// Both ways to send a body: held, and from its descriptor.
class EitherBody : public FileRepresentationTest, public ::testing::WithParamInterface<bool> {
 protected:
  void SetUp() override {
    write("a.txt", text);
    set_modified(folder / "a.txt", {784'111'777, 0});
    conf::Limits limits = quick_limits();
    limits.file_window = 4096;
    limits.held_file = GetParam() ? 100'000 : 100;
    serve(limits);
    EXPECT_EQ(get("/a.txt").held, GetParam());
  }
  Answer with(const std::string& name, const std::string& value, Method method = Method::get) {
    return ask("/a.txt", {{name, value}}, method);
  }

  const std::string text = text_of_size(20'000);
  const std::string own{tag_of(text).view()};
};

INSTANTIATE_TEST_SUITE_P(HeldAndSent, EitherBody, ::testing::Bool());

TEST_P(EitherBody, HasAllValidators) {
  const std::string fields = get("/a.txt").fields;
  EXPECT_EQ(value_in(fields, "ETag"), own);
  EXPECT_EQ(value_in(fields, "Last-Modified"), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(value_in(fields, "Accept-Ranges"), "bytes");
}

TEST_P(EitherBody, AnswersConditions) {
  struct Case {
    std::string name, value;
    int status;
  };
  const std::string date = "Sun, 06 Nov 1994 08:49:37 GMT";
  const std::string before = "Sun, 06 Nov 1994 08:49:36 GMT";
  for (const Case& one : std::vector<Case>{{"If-None-Match", own, 304},
                                           {"If-None-Match", "W/" + own, 304},
                                           {"If-None-Match", "\"x\", " + own, 304},
                                           {"If-None-Match", "*", 304},
                                           {"If-None-Match", "\"x\"", 200},
                                           {"If-Modified-Since", date, 304},
                                           {"If-Modified-Since", before, 200},
                                           {"If-Match", own, 200},
                                           {"If-Match", "W/" + own, 412},
                                           {"If-Match", "\"x\"", 412},
                                           {"If-Match", "*", 200},
                                           {"If-Unmodified-Since", date, 200},
                                           {"If-Unmodified-Since", before, 412}}) {
    for (const Method method : {Method::get, Method::head}) {
      const Answer answer = with(one.name, one.value, method);
      EXPECT_EQ(answer.status, one.status) << one.name << ": " << one.value;
      EXPECT_EQ(answer.body == text, one.status == 200 && method == Method::get);
      EXPECT_EQ(answer.body == "", one.status == 304 || method == Method::head);
    }
  }
}

TEST_P(EitherBody, A304SaysWhatItMust) {
  const Answer answer = with("If-None-Match", own);
  EXPECT_EQ(answer.fields, "ETag: " + own + "\n");
  EXPECT_EQ(answer.body, "");
}

TEST_P(EitherBody, GivesParts) {
  struct Case {
    std::string range, content_range, body;
  };
  const auto part = [&](size_t begin, size_t end) { return text.substr(begin, end - begin); };
  for (const Case& one : {Case{"bytes=0-0", "bytes 0-0/20000", part(0, 1)},
                          Case{"bytes=4090-4100", "bytes 4090-4100/20000", part(4090, 4101)},
                          Case{"bytes=19999-", "bytes 19999-19999/20000", part(19'999, 20'000)},
                          Case{"bytes=-5", "bytes 19995-19999/20000", part(19'995, 20'000)},
                          Case{"bytes=100-99999", "bytes 100-19999/20000", part(100, 20'000)},
                          Case{"bytes=0-", "bytes 0-19999/20000", text}}) {
    for (const size_t piece : {size_t{1} << 20, size_t{1'000}}) {
      const Answer answer = get("/a.txt", {.piece = piece, .fields = {{"Range", one.range}}});
      EXPECT_EQ(answer.status, 206) << one.range;
      EXPECT_EQ(value_in(answer.fields, "Content-Range"), one.content_range);
      EXPECT_EQ(value_in(answer.fields, "ETag"), own);
      EXPECT_EQ(answer.body, one.body) << one.range;
      EXPECT_EQ(answer.length, one.body.size());
      EXPECT_FALSE(answer.cut);
      EXPECT_EQ(answer.held, GetParam());
    }
  }
}

TEST_P(EitherBody, GivesSeveralParts) {
  const Answer answer = with("Range", "bytes=0-9,15000-15009,-10");
  EXPECT_EQ(answer.status, 206);
  EXPECT_EQ(answer.length, answer.body.size());
  for (const size_t at : {0U, 15'000U, 19'990U}) {
    const std::string head = "Content-Type: text/plain; charset=utf-8\r\nContent-Range: bytes " +
                             std::to_string(at) + "-" + std::to_string(at + 9) + "/20000\r\n\r\n";
    EXPECT_NE(answer.body.find(head + text.substr(at, 10) + "\r\n--"), std::string::npos) << at;
  }
}

TEST_P(EitherBody, RefusesWhatIsNotThere) {
  const Answer answer = with("Range", "bytes=20000-");
  EXPECT_EQ(answer.status, 416);
  EXPECT_EQ(value_in(answer.fields, "Content-Range"), "bytes */20000");
}

TEST_P(EitherBody, HeadsAndOldCopiesGetTheWhole) {
  EXPECT_EQ(with("Range", "bytes=0-0", Method::head).status, 200);
  const std::string range = "bytes=0-0";
  const auto if_range = [&](const std::string& value) {
    return ask("/a.txt", {{"Range", range}, {"If-Range", value}}).status;
  };
  EXPECT_EQ(if_range(own), 206);
  EXPECT_EQ(if_range("W/" + own), 200);
  EXPECT_EQ(if_range("\"x\""), 200);
  EXPECT_EQ(if_range("Sun, 06 Nov 1994 08:49:37 GMT"), 206);
  EXPECT_EQ(if_range("Sun, 06 Nov 1994 08:49:38 GMT"), 200);
}

// Stays small: a client that pays for one range does not make us send the file twice.
TEST_P(EitherBody, TooManyRangesGetTheWhole) {
  EXPECT_EQ(with("Range", "bytes=0-,0-,0-").status, 200);
  EXPECT_EQ(with("Range", "bytes=0-1,3-4,6-7,9-10,12-13,15-16,18-19,21-22,24-25").status, 200);
}

TEST_F(FileRepresentationTest, AnEmptyFileHasATagAndNoParts) {
  write("empty", "");
  serve();
  EXPECT_EQ(tag("/empty"), tag_of("").view());
  EXPECT_EQ(ask("/empty", {{"If-None-Match", tag("/empty")}}).status, 304);
  EXPECT_EQ(ask("/empty", {{"Range", "bytes=0-"}}).status, 416);
}

TEST_F(FileRepresentationTest, ReplicasAgree) {
  for (const size_t size : {size_t{5}, size_t{100'000}}) {
    write("one/a", text_of_size(size));
    write("two/other", "takes an inode");
    write("two/a", text_of_size(size));
    set_modified(folder / "one/a", {1'000'000'000, 5});
    set_modified(folder / "two/a", {1'200'000'000, 7});
    serve_path(folder / "one", quick_limits());
    const std::string first = tag("/a");
    EXPECT_EQ(first, tag_of(text_of_size(size)).view());
    serve_path(folder / "two", quick_limits());
    EXPECT_EQ(tag("/a"), first);
  }
}

// A build that sets all times to the same, and a new version of the same size: only ctime tells.
TEST_F(FileRepresentationTest, ARebuildWithEqualSizeAndTimeHasANewTag) {
  for (const size_t size : {size_t{1'000}, size_t{100'000}}) {
    write("a", text_of_size(size, 1));
    set_modified(folder / "a", {1'000'000'000, 0});
    serve();
    const std::string before = tag("/a");
    const timespec time = modified(folder / "a");
    std::this_thread::sleep_for(20ms);  // past the granularity of ctime
    write("a", text_of_size(size, 2));
    set_modified(folder / "a", time);
    EXPECT_EQ(tag("/a"), tag_of(text_of_size(size, 2)).view());
    EXPECT_NE(tag("/a"), before);
    EXPECT_EQ(ask("/a", {{"If-None-Match", before}}).status, 200);
    EXPECT_EQ(ask("/a", {{"Range", "bytes=0-1"}, {"If-Range", before}}).status, 200);
  }
}

TEST_F(FileRepresentationTest, WithoutATagConditionsStillHold) {
  write("big", text_of_size(100'000));
  conf::Limits limits = quick_limits();
  limits.etag_hash_max = 0;
  serve(limits);
  EXPECT_EQ(tag("/big"), "");
  EXPECT_EQ(ask("/big", {{"If-None-Match", "\"x\""}}).status, 200);
  EXPECT_EQ(ask("/big", {{"If-None-Match", "*"}}).status, 304);
  EXPECT_EQ(ask("/big", {{"If-Match", "\"x\""}}).status, 412);
  EXPECT_EQ(ask("/big", {{"If-Match", "*"}}).status, 200);
  EXPECT_EQ(ask("/big", {{"Range", "bytes=0-1"}}).status, 206);
  EXPECT_EQ(ask("/big", {{"Range", "bytes=0-1"}, {"If-Range", "\"x\""}}).status, 200);
}

TEST_F(FileRepresentationTest, BuiltInFreshness) {
  write("index.html", "x");
  write("about.html", "x");
  write("assets/app-3f9a2c71.js", "x");
  write("photo.jpg", "x");
  FileSite::Options options{.directory = folder.path().string(), .limits = quick_limits()};
  options.clean_urls = true;
  serve_site(options);
  for (const std::string path : {"/", "/index.html", "/about", "/about.html"}) {
    const std::string fields = get(path).fields;
    EXPECT_EQ(value_in(fields, "Cache-Control"), "no-cache") << path;
    EXPECT_EQ(value_in(fields, "Expires"), "Thu, 01 Jan 1970 00:00:00 GMT");
  }
  const std::string asset = get("/assets/app-3f9a2c71.js").fields;
  EXPECT_EQ(value_in(asset, "Cache-Control"), "max-age=31536000, immutable");
  EXPECT_EQ(value_in(asset, "Expires").size(), 29u);
  EXPECT_EQ(value_in(get("/photo.jpg").fields, "Cache-Control"), "");
  EXPECT_EQ(value_in(get("/photo.jpg").fields, "Expires"), "");
}

TEST_F(FileRepresentationTest, TheFirstRuleThatMatchesDecides) {
  for (const std::string name : {"index.html", "a.css", "private/a.css", "old/x", "assets/y"}) {
    write(name, name);
  }
  FileSite::Options options{.directory = folder.path().string(), .limits = quick_limits()};
  options.strip = "/docs";
  options.cache = {
      {.match = "/docs/private/**",
       .storing = Storing::max_age,
       .max_age = 60s,
       .private_response = true},
      {.match = "*.css", .storing = Storing::max_age, .max_age = 3600s},
      {.match = "/docs/old/*", .storing = Storing::no_store},
      {.match = "/docs/assets/**", .storing = Storing::max_age, .max_age = 10s, .immutable = true},
      {.match = "/docs/", .storing = Storing::nothing}};
  serve_site(options);
  const auto control = [&](std::string_view path) {
    return value_in(get(path).fields, "Cache-Control");
  };
  EXPECT_EQ(control("/docs/private/a.css"), "private, max-age=60");
  EXPECT_EQ(control("/docs/a.css"), "max-age=3600");
  EXPECT_EQ(control("/docs//a.css"), "max-age=3600");
  EXPECT_EQ(control("/docs/old/x"), "no-store");
  EXPECT_EQ(control("/docs/assets/y"), "max-age=10, immutable");
  EXPECT_EQ(control("/docs/"), "") << "`nothing` is an answer, too";
  EXPECT_EQ(control("/docs/index.html"), "no-cache");
}

TEST_F(FileRepresentationTest, ARuleForAFileHoldsWhateverItIsAskedBy) {
  for (const std::string name : {"index.html", "about.html", "sub folder/index.html"}) {
    write(name, name);
  }
  FileSite::Options options{.directory = folder.path().string(), .limits = quick_limits()};
  options.clean_urls = true;
  options.cache = {{.match = "/about.html", .storing = Storing::max_age, .max_age = 1s},
                   {.match = "/sub%20folder/*.html", .storing = Storing::max_age, .max_age = 2s},
                   {.match = "*.html", .storing = Storing::max_age, .max_age = 3s}};
  serve_site(options);
  const auto control = [&](std::string_view path) {
    return value_in(get(path).fields, "Cache-Control");
  };
  EXPECT_EQ(control("/about"), "max-age=1");
  EXPECT_EQ(control("/about.html"), "max-age=1");
  EXPECT_EQ(control("/sub%20folder/"), "max-age=2");
  EXPECT_EQ(control("/"), "max-age=3");
}

TEST_F(FileRepresentationTest, A304IsAsFreshAsIts200) {
  write("a.css", "x");
  FileSite::Options options{.directory = folder.path().string(), .limits = quick_limits()};
  options.cache = {{.match = "*.css", .storing = Storing::max_age, .max_age = 3600s}};
  serve_site(options);
  const std::string fields = ask("/a.css", {{"If-None-Match", "*"}}).fields;
  EXPECT_EQ(value_in(fields, "Cache-Control"), "max-age=3600");
  EXPECT_EQ(value_in(fields, "Expires").size(), 29u);
  EXPECT_EQ(value_in(fields, "ETag"), tag_of("x").view());
}

TEST_F(FileRepresentationTest, ListingsAreComparedByTheirContent) {
  write("folder/a", "x");
  serve();
  const Answer first = get("/folder/");
  const std::string before = value_in(first.fields, "ETag");
  EXPECT_EQ(before, tag_of(first.body).view());
  EXPECT_EQ(value_in(first.fields, "Cache-Control"), "no-cache");
  EXPECT_EQ(ask("/folder/", {{"If-None-Match", before}}).status, 304);
  EXPECT_EQ(ask("/folder/", {{"Range", "bytes=0-1"}}).status, 200);
  EXPECT_NE(value_in(get("/folder/", {.accept = "application/json"}).fields, "ETag"), before);
  write("folder/b", "x");
  EXPECT_EQ(ask("/folder/", {{"If-None-Match", before}}).status, 200);
}

}  // namespace
}  // namespace sluice::handler
