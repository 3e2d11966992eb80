// A single-page application: who gets its page for a path without a file, and who gets 404.
#include "server/handler/files/navigation.h"

#include "tests/unit/server/handler/files/files_fixture.h"

namespace sluice::handler {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPage = "<!doctype html><title>App</title>";
// What browsers send with a navigation.
const std::string kChrome =
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8";

class NavigationTest : public FilesTest {
 protected:
  void SetUp() override {
    write("index.html", kPage);
    write("assets/app-3f9a2c71.js", "app()");
    write("robots.txt", "all");
    write(".env", "secret");
    start({});
  }
  void start(const std::vector<conf::CacheRule>& rules,
             const conf::Limits& limits = quick_limits()) {
    serve_site(
        {.directory = folder.path().string(), .limits = limits, .cache = rules, .spa = true});
  }
  Answer ask(std::string_view path, const std::string& accept, const std::string& mode,
             Method method = Method::get) {
    Asked asked{.method = method, .accept = accept};
    if (!mode.empty()) asked.fields.emplace_back("Sec-Fetch-Mode", mode);
    return get(path, asked);
  }
  Answer navigate(std::string_view path,
                  std::vector<std::pair<std::string, std::string>> more = {}) {
    more.emplace_back("Sec-Fetch-Mode", "navigate");
    return get(path, {.fields = std::move(more)});
  }
};

struct Case {
  std::string path;
  std::string accept;
  std::string mode;  // Sec-Fetch-Mode; empty: not sent
  bool page;         // the application's; else 404
};

TEST_F(NavigationTest, AnswersNavigationsOnly) {
  const std::vector<Case> cases = {
      // Browsers over TLS say what they do.
      {"/orders", kChrome, "navigate", true},
      {"/orders/", kChrome, "navigate", true},
      {"/orders/17/edit", kChrome, "navigate", true},
      {"/a%20b", kChrome, "navigate", true},
      {"/user/jane.doe", kChrome, "navigate", true},
      {"/missing.png", kChrome, "navigate", true},  // a person opens it in a tab
      {"/assets/gone-11112222.js", kChrome, "navigate", true},
      {"/assets", kChrome, "navigate", true},
      {"/assets/", kChrome, "navigate", true},
      {"/robots.txt/x", kChrome, "navigate", true},
      {"/.well-known/x", kChrome, "navigate", true},
      {"/orders", "", "navigate", true},
      {"/orders", "*/*", "navigate", true},
      {"/orders", "application/json", "navigate", true},
      // And what is no navigation says so, whatever it takes.
      {"/assets/gone-11112222.js", "*/*", "no-cors", false},
      {"/assets/gone-11112222.js", "*/*", "cors", false},
      {"/style.css", "text/css,*/*;q=0.1", "no-cors", false},
      {"/missing.png", "image/avif,image/webp,*/*;q=0.8", "no-cors", false},
      {"/api/orders", "application/json", "cors", false},
      {"/api/orders", "text/html", "cors", false},
      {"/orders", kChrome, "same-origin", false},
      {"/socket", kChrome, "websocket", false},
      {"/orders", kChrome, "Navigate", false},  // a token of its own case
      {"/orders", kChrome, "navigate, cors", false},
      // Without TLS, and without a browser, only Accept is left.
      {"/orders", kChrome, "", true},
      {"/orders", "text/html", "", true},
      {"/orders", "TEXT/HTML", "", true},
      {"/orders", "application/json, text/html;q=0.1", "", true},
      {"/orders", "text/html;level=1", "", true},
      {"/orders", "text/html ; q=0.001", "", true},
      {"/orders", "text/html;q=0", "", false},
      {"/orders", "text/html;q=0.000, */*", "", false},
      {"/orders", "*/*", "", false},
      {"/orders", "text/*", "", false},
      {"/orders", "", "", false},
      {"/orders", "application/xhtml+xml", "", false},
      {"/orders", "text/html5", "", false},
      {"/orders", "application/json;x=\",text/html,\"", "", false},
      {"/style.css", "text/css,*/*;q=0.1", "", false},
      {"/api/orders", "application/json", "", false},
      // What there is, or must not be seen, is not the application's.
      {"/.env", kChrome, "navigate", false},
      {"/.git/config", kChrome, "navigate", false},
      {"/orders/.hidden", kChrome, "navigate", false},
  };
  ASSERT_GE(cases.size(), 30u);
  for (const Case& one : cases) {
    for (const Method method : {Method::get, Method::head}) {
      const Answer answer = ask(one.path, one.accept, one.mode, method);
      EXPECT_EQ(answer.status, one.page ? 200 : 404)
          << one.path << ", Accept: " << one.accept << ", Sec-Fetch-Mode: " << one.mode;
      EXPECT_EQ(answer.body == kPage, method == Method::get && one.page);
    }
  }
  EXPECT_EQ(site->store().entries(), 1u) << "one fallback for all paths";
}

TEST_F(NavigationTest, FilesComeFirst) {
  EXPECT_EQ(navigate("/robots.txt").body, "all");
  EXPECT_EQ(navigate("/assets/app-3f9a2c71.js").body, "app()");
  EXPECT_EQ(navigate("/a%00").status, 400);
  EXPECT_EQ(ask("/orders", "text/html", "navigate", Method::post).status, 405);
}

TEST_F(NavigationTest, SaysWhatItDependsOn) {
  EXPECT_EQ(value_in(navigate("/orders").fields, "Vary"), "Accept, Sec-Fetch-Mode");
  EXPECT_EQ(value_in(ask("/orders", "*/*", "").fields, "Vary"), "Accept, Sec-Fetch-Mode");
  EXPECT_EQ(value_in(navigate("/").fields, "Vary"), "") << "a file is the same for everybody";
  EXPECT_EQ(value_in(ask("/.env", "*/*", "").fields, "Vary"), "");
}

TEST_F(NavigationTest, TheFallbackIsTheIndexFile) {
  const std::string fields = navigate("/orders").fields;
  const std::string tag(tag_of(kPage).view());
  EXPECT_EQ(value_in(fields, "Content-Type"), "text/html; charset=utf-8");
  EXPECT_EQ(value_in(fields, "ETag"), tag);
  EXPECT_EQ(value_in(fields, "Cache-Control"), "no-cache");
  EXPECT_FALSE(value_in(fields, "Last-Modified").empty());
  const Answer known = navigate("/other", {{"If-None-Match", tag}});
  EXPECT_EQ(known.status, 304);
  EXPECT_EQ(value_in(known.fields, "Vary"), "Accept, Sec-Fetch-Mode");
  EXPECT_EQ(navigate("/other", {{"Range", "bytes=0-4"}}).body, kPage.substr(0, 5));
}

// What a rule says of assets must not keep a page in caches for a year.
TEST_F(NavigationTest, RulesOfMissingPathsAreNotItsOwn) {
  using Storing = conf::CacheRule::Storing;
  start({{.match = "/assets/**", .storing = Storing::max_age, .max_age = 3600s},
         {.match = "/", .storing = Storing::no_store}});
  EXPECT_EQ(value_in(navigate("/assets/gone").fields, "Cache-Control"), "no-store");
  EXPECT_EQ(value_in(navigate("/gone-3f9a2c71.js").fields, "Cache-Control"), "no-store");
}

TEST_F(NavigationTest, ADeploymentIsSeen) {
  EXPECT_EQ(navigate("/orders").body, kPage);
  replace_file(folder / "index.html", "new");
  EXPECT_EQ(navigate("/orders").body, "new");
  fs::remove(folder / "index.html");
  EXPECT_EQ(navigate("/orders").status, 404);
  write("index.htm", "second");
  EXPECT_EQ(navigate("/orders").body, "second");
  EXPECT_EQ(navigate("/elsewhere").body, "second");
  write("index.html", "first");
  EXPECT_EQ(navigate("/orders").body, "first");
}

TEST_F(NavigationTest, AFileThatAppearsTakesItsPlace) {
  EXPECT_EQ(navigate("/orders").body, kPage);
  write("orders", "a file");
  EXPECT_EQ(navigate("/orders").body, "a file");
}

TEST_F(NavigationTest, ALargePageHasItsTag) {
  const std::string large = "<!doctype html>" + text_of_size(100'000);
  write("index.html", large);
  start({});
  const Answer answer = navigate("/orders");
  EXPECT_EQ(value_in(answer.fields, "ETag"), tag_of(large).view());
  EXPECT_EQ(value_in(answer.fields, "Vary"), "Accept, Sec-Fetch-Mode");
  EXPECT_EQ(answer.body, large);
}

TEST_F(NavigationTest, WithoutAnIndexFileThereIsNothing) {
  fs::remove(folder / "index.html");
  serve_site({.directory = folder.path().string(),
              .limits = quick_limits(),
              .listing = true,
              .spa = true});
  EXPECT_EQ(navigate("/orders").status, 404);
  EXPECT_EQ(navigate("/").status, 200) << "the listing";
}

TEST_F(NavigationTest, OtherSitesHaveNoFallback) {
  serve();
  EXPECT_EQ(navigate("/orders").status, 404);
  EXPECT_EQ(value_in(navigate("/orders").fields, "Vary"), "");
}

}  // namespace
}  // namespace sluice::handler
