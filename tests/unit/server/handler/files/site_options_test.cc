// What a site says about its files: prefixes, index names, listings, clean URLs, types, and routes
// that come after it.
#include "tests/unit/server/handler/files/files_fixture.h"

namespace sluice::handler {
namespace {

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

class SiteOptionsTest : public FilesTest {
 protected:
  FileSite::Options options() const {
    return {.directory = folder.path().string(), .limits = quick_limits()};
  }
};

TEST_F(SiteOptionsTest, APrefixIsNotPartOfTheFile) {
  write("a.txt", "a");
  write("index.html", "home");
  write("sub/x", "x");
  FileSite::Options with = options();
  with.strip = "/docs";
  with.listing = true;
  serve_site(with);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(get("/docs/a.txt").body, "a");
    EXPECT_EQ(get("/docs/").body, "home");
  }
  EXPECT_EQ(get("/docs").fields, "Location: /docs/\n");
  EXPECT_EQ(get("/docs//sub").fields, "Location: /docs/sub/\n");
  EXPECT_TRUE(contains(get("/docs/sub/").body, "<a href=\"/docs/\">docs</a>"));
  EXPECT_EQ(get("/docsa.txt").status, 404);
  EXPECT_EQ(get("/docs/.env").status, 404);
}

TEST_F(SiteOptionsTest, IndexNamesAreTriedInOrder) {
  write("start.xhtml", "start");
  write("docs/home.txt", "docs");
  write("old/index.html", "not asked for");
  FileSite::Options with = options();
  with.index = {"start.xhtml", "home.txt"};
  serve_site(with);
  EXPECT_EQ(get("/").body, "start");
  EXPECT_EQ(get("/docs/").body, "docs");
  EXPECT_EQ(get("/old/").status, 404);
  write("docs/start.xhtml", "better");
  EXPECT_EQ(get("/docs/").body, "better");
}

TEST_F(SiteOptionsTest, WithoutListingsAFolderWithoutIndexIsNothing) {
  write("index.html", "home");
  write("shown/index.html", "x");
  write("secret/x", "x");
  serve_site(options());
  EXPECT_EQ(get("/shown").status, 301);
  EXPECT_EQ(get("/secret").status, 404) << "its name is not given away by a redirect";
  EXPECT_EQ(get("/secret/").status, 404);
  EXPECT_EQ(get("/secret/x").body, "x");
}

// The order of Caddy's `try_files {path} {path}.html {path}/`.
TEST_F(SiteOptionsTest, CleanUrlsFindPages) {
  write("about.html", "about");
  write("plain", "plain");
  write("plain.html", "hidden behind the file");
  write("blog.html", "all posts");
  write("blog/first.html", "first post");
  write("docs/index.html", "docs");
  FileSite::Options with = options();
  with.clean_urls = true;
  serve_site(with);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(get("/about").body, "about");
    EXPECT_TRUE(contains(get("/about").fields, "Content-Type: text/html"));
    EXPECT_EQ(get("/about.html").body, "about");
    EXPECT_EQ(get("/plain").body, "plain");
    EXPECT_EQ(get("/blog").body, "all posts");
    EXPECT_EQ(get("/blog/first").body, "first post");
  }
  EXPECT_EQ(get("/docs").status, 301);
  EXPECT_EQ(get("/about/").status, 404);
  EXPECT_EQ(get("/none").status, 404);
  write("about", "now a file");
  EXPECT_EQ(get("/about").body, "now a file");
}

TEST_F(SiteOptionsTest, CleanUrlsAreOff) {
  write("about.html", "about");
  serve_site(options());
  EXPECT_EQ(get("/about").status, 404);
}

TEST_F(SiteOptionsTest, TypesOfItsOwnComeFirst) {
  write("a.wasm", "x");
  write("b.FOO", "x");
  write("c.txt", "x");
  FileSite::Options with = options();
  with.media_types = {{"wasm", "application/x-own"}, {"foo", "text/x-foo"}};
  serve_site(with);
  EXPECT_TRUE(contains(get("/a.wasm").fields, "Content-Type: application/x-own\n"));
  EXPECT_TRUE(contains(get("/b.FOO").fields, "Content-Type: text/x-foo\n"));
  EXPECT_TRUE(contains(get("/c.txt").fields, "Content-Type: text/plain; charset=utf-8\n"));
}

// A route after the files.
class Following final : public http::Handler {
 public:
  void start(http::Exchange& exchange) override {
    exchange.explain("following");
    exchange.response().status = 200;
    exchange.respond();
  }
};

class TwoRoutes final : public http::Router {
 public:
  TwoRoutes(http::Handler& files, http::Handler& following)
      : files_{.handler = &files}, following_{.handler = &following} {}
  const http::Route& route(const RequestHead&, http::RouteSearch&) override { return files_; }
  const http::Route* next(const RequestHead&, http::RouteSearch& search) override {
    return search.position++ == 0 ? &following_ : nullptr;
  }

 private:
  void on_unreferenced() noexcept override {}

  http::Route files_;
  http::Route following_;
};

TEST_F(SiteOptionsTest, WhatIsNoFileGoesOnToTheNextRoute) {
  write("index.html", "home");
  write("folder/x", "x");
  write(".env", "secret");
  serve_site(options());
  FilesHandler files(worker->loop(), worker->helpers(), *site, {.else_next = true});
  FilesHandler last(worker->loop(), worker->helpers(), *site, {});
  Following following;
  const Ref<http::ListenerSettings> listener(new http::ListenerSettings(0, {}));
  const auto cause_of = [&](std::string_view path, http::Handler& first) {
    TwoRoutes router(first, following);
    NotingStream stream;
    http::Exchange exchange;
    RequestHead head;
    head.method = Method::get;
    head.path = path;
    exchange.begin(stream, head, *listener, worker->loop().now());
    exchange.start(router);
    const std::string cause(exchange.explanation().cause);
    exchange.end();
    return cause;
  };
  EXPECT_EQ(cause_of("/", files), "");
  for (const std::string path : {"/none", "/none/", "/index.html/x", "/folder", "/folder/"}) {
    EXPECT_EQ(cause_of(path, files), "following") << path;
    EXPECT_NE(cause_of(path, last), "following") << path;
  }
  EXPECT_EQ(cause_of("/" + std::string(300, 'a'), files), "following");
  EXPECT_EQ(cause_of("/.env", files), "names that start with a dot are hidden");
  EXPECT_EQ(cause_of("/a%00", files), "path does not decode to a file name");
}

// In the browser the application owns every path without a file; what its scripts ask for is the
// next route's.
TEST_F(SiteOptionsTest, AFallbackComesBeforeTheNextRoute) {
  write("index.html", "app");
  FileSite::Options with = options();
  with.spa = true;
  serve_site(with);
  FilesHandler files(worker->loop(), worker->helpers(), *site, {.else_next = true});
  Following following;
  TwoRoutes router(files, following);
  const Ref<http::ListenerSettings> listener(new http::ListenerSettings(0, {}));
  for (const std::string mode : {"navigate", "cors"}) {
    NotingStream stream;
    http::Exchange exchange;
    RequestHead head;
    head.method = Method::get;
    head.path = "/orders";
    head.fields.add("Sec-Fetch-Mode", mode);
    exchange.begin(stream, head, *listener, worker->loop().now());
    exchange.start(router);
    EXPECT_EQ(exchange.explanation().cause, mode == "navigate" ? "" : "following");
    EXPECT_EQ(exchange.response().prepared != nullptr, mode == "navigate");
    exchange.end();
  }
}

}  // namespace
}  // namespace sluice::handler
