// From a configuration's text to the octets of an answer: hosts, routes, actions and pages for
// errors, over a scripted transport.
#include "server/snapshot_router.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "unit/server/snapshot_fixture.h"

namespace sluice {
namespace {

using SnapshotRouterTest = SnapshotFixture;

TEST_F(SnapshotRouterTest, TheHostChoosesTheSite) {
  write("one/index.html", "one");
  write("two/index.html", "two");
  serve(R"(
    [[site]]
    hosts = ["a.example"]
    root = "one"
    [[site]]
    hosts = ["b.example", "*.b.example"]
    root = "two"
  )");
  EXPECT_EQ(content(ask("/", "a.example")), "one");
  EXPECT_EQ(content(ask("/", "B.example:80")), "two");
  EXPECT_EQ(content(ask("/", "x.y.b.example")), "two");
  EXPECT_EQ(content(ask("/", "c.example")), "one") << "the first site is the default one";
}

// Files are found by any spelling of their path, so every spelling meets the same routes.
TEST_F(SnapshotRouterTest, AnotherSpellingGetsPastNoRoute) {
  write("one/admin/x.txt", "secret");
  write("one/@me/x.txt", "secret");
  write("one/docs/x.txt", "docs");
  serve(R"(
    [[listener]]
    address = "127.0.0.1:0"
    [[site]]
    root = "one"
    [[site.route]]
    prefix = "/admin/"
    respond = 403
    [[site.route]]
    prefix = "/@me/"
    respond = 403
  )");
  for (const std::string path :
       {"/admin/x.txt", "//admin/x.txt", "///admin//x.txt", "/a/..//admin/x.txt", "/%40me/x.txt"}) {
    EXPECT_EQ(status(ask(path)), 403) << path;
  }
  EXPECT_EQ(content(ask("//docs/%78.txt")), "docs");
}

TEST_F(SnapshotRouterTest, AnUnknownHostIsRefusedWhereTheFileSaysSo) {
  write("one/index.html", "one");
  serve(R"(
    unknown_host = 421
    [[site]]
    hosts = ["a.example"]
    root = "one"
  )");
  EXPECT_EQ(status(ask("/", "a.example")), 200);
  EXPECT_EQ(status(ask("/", "b.example")), 421);
}

// Which sites a connection may see is its listener's matter: one that is gone says nothing.
TEST_F(SnapshotRouterTest, AConnectionWhoseListenerIsGoneSeesNoSite) {
  write("one/index.html", "one");
  serve(R"(
    [[site]]
    root = "one"
  )");
  world.listener = Ref<http::ListenerSettings>(new http::ListenerSettings(3, {}));
  EXPECT_EQ(status(ask("/")), 421);
}

TEST_F(SnapshotRouterTest, RoutesAreTriedFromTheMostSpecificOn) {
  write("one/a/file.txt", "file");
  serve(R"(
    [[site]]
    root = "one"
    [[site.route]]
    prefix = "/a/"
    respond = "prefix"
    [[site.route]]
    pattern = "/a/b*"
    respond = "pattern"
    [[site.route]]
    path = "/a/b"
    respond = "exact"
  )");
  EXPECT_EQ(content(ask("/a/b")), "exact");
  EXPECT_EQ(content(ask("/a/bc")), "pattern");
  EXPECT_EQ(content(ask("/a/file.txt")), "prefix");
  EXPECT_EQ(status(ask("/b")), 404);
}

TEST_F(SnapshotRouterTest, ElseNextGoesOnToTheNextRoute) {
  write("one/b", "of the root");
  write("extra/a", "of the folder");
  serve(R"(
    [[site]]
    root = "one"
    [[site.route]]
    prefix = "/"
    files = "extra"
    else = "next"
    fields.set = { X-Route = "extra" }
  )");
  const std::string there = ask("/a");
  EXPECT_EQ(content(there), "of the folder");
  EXPECT_TRUE(has(there, "X-Route: extra\r\n"));
  const std::string next = ask("/b");
  EXPECT_EQ(content(next), "of the root");
  EXPECT_FALSE(has(next, "X-Route")) << "the next route's fields hold";
  EXPECT_EQ(status(ask("/c")), 404);
}

TEST_F(SnapshotRouterTest, RedirectsKeepWhatTheyCapture) {
  serve(R"(
    [[site]]
    [[site.route]]
    prefix = "/old/"
    redirect = { to = "/new/$1$query", status = 308 }
    [[site.route]]
    path = "/plain"
    redirect = "/there"
  )");
  const std::string moved = ask("/old/a?b=c", "a.example", {}, "POST");
  EXPECT_EQ(status(moved), 308);
  EXPECT_TRUE(has(moved, "Location: /new/a?b=c\r\n"));
  EXPECT_EQ(content(moved), "308 Permanent Redirect\n");
  EXPECT_EQ(status(ask("/plain")), 302);
  EXPECT_EQ(content(ask("/plain", "a.example", {}, "HEAD")), "");
}

// RFC 9110 section 15.5.6: an origin server MUST send Allow in a 405; an empty one allows none.
TEST_F(SnapshotRouterTest, A405OfTheConfigurationSaysWhatIsAllowed) {
  serve(R"(
    [[site]]
    [[site.route]]
    path = "/none"
    respond = 405
    [[site.route]]
    path = "/some"
    respond = { status = 405, body = "no" }
    fields.set = { Allow = "PUT" }
  )");
  EXPECT_TRUE(has(ask("/none"), "Allow: \r\n"));
  const std::string some = ask("/some");
  EXPECT_TRUE(has(some, "Allow: PUT\r\n") && !has(some, "Allow: \r\n"));
}

TEST_F(SnapshotRouterTest, RulesForCachesHoldForRedirectsAndErrorsToo) {
  serve(R"(
    [[site]]
    cache = [{ match = "*.never", store = "no-store" }, { match = "/**", max_age = "60s" }]
    [[site.route]]
    prefix = "/old/"
    redirect = { to = "/new/$1", status = 301 }
    [[site.route]]
    path = "/gone"
    respond = 410
  )");
  const std::string moved = ask("/old/a");
  EXPECT_TRUE(has(moved, "Cache-Control: max-age=60\r\n") && has(moved, "Expires: "));
  const std::string never = ask("/old/a.never");
  EXPECT_TRUE(has(never, "Cache-Control: no-store\r\n"));
  EXPECT_TRUE(has(ask("/gone"), "Cache-Control: max-age=60\r\n"));
  EXPECT_FALSE(has(ask("/nowhere"), "Cache-Control")) << "nobody's route";
}

TEST_F(SnapshotRouterTest, ARewriteIsRoutedAnew) {
  write("one/page.html", "page");
  serve(R"(
    [[site]]
    root = "one"
    [[site.route]]
    pattern = "/*.htm"
    rewrite = "/$1.html"
    [[site.route]]
    path = "/ping"
    rewrite = "/pong"
    [[site.route]]
    path = "/pong"
    rewrite = "/ping"
  )");
  EXPECT_EQ(content(ask("/page.htm")), "page");
  EXPECT_EQ(status(ask("/ping")), 500);
  EXPECT_EQ(world.log.entries.back().limit, "rewrites");
}

TEST_F(SnapshotRouterTest, ASitesHintsGoAheadOnceUnlessTheRouteLeadsAway) {
  write("one/page.html", "page");
  serve(R"(
    [[site]]
    root = "one"
    early_hints = ["</a.css>; rel=preload"]
    [[site.route]]
    pattern = "/*.htm"
    rewrite = "/$1.html"
    [[site.route]]
    path = "/moved"
    redirect = "/there"
    [[site.route]]
    path = "/bare"
    respond = "ok"
    fields.remove = "Link"
  )");
  const auto statuses = [&](std::string_view path, std::string_view more) {
    (void)ask(path, "a.example", more);
    for (int i = 0; i < 500 && world.statuses().back() == 103; ++i)
      world.wait(std::chrono::milliseconds(2));
    return world.statuses();
  };
  constexpr std::string_view kNavigate = "Sec-Fetch-Mode: navigate\r\n";
  const std::vector<int> hinted = {103, 200};
  EXPECT_EQ(statuses("/page.html", kNavigate), hinted);
  EXPECT_EQ(statuses("/page.htm", kNavigate), hinted) << "two routes, one 103";
  const size_t final_head = world.output().find("HTTP/1.1 200");
  EXPECT_NE(world.output().find("Link: </a.css>; rel=preload\r\n", final_head), std::string::npos);
  EXPECT_EQ(statuses("/page.html", ""), std::vector<int>{200});
  EXPECT_EQ(statuses("/moved", kNavigate), std::vector<int>{302});
  EXPECT_EQ(statuses("/bare", kNavigate), hinted);
  EXPECT_EQ(world.output().find("Link", world.output().find("200 OK")), std::string::npos);
}

TEST_F(SnapshotRouterTest, ARewrittenTargetIsBounded) {
  serve(R"(
    [[site]]
    [[site.route]]
    prefix = "/a/"
    rewrite = "/a/$1$1"
  )");
  EXPECT_EQ(status(ask("/a/" + std::string(3000, 'x'))), 414);
  EXPECT_EQ(world.log.entries.back().limit, "request_line");
}

// An exchange is routed to a site, but what a listener limits is the listener's still.
TEST_F(SnapshotRouterTest, AListenersLimitsHoldWithinASite) {
  serve(R"(
    [[listener]]
    address = "127.0.0.1:0"
    limits = { request_line = "32KiB", head = "32KiB" }
    [[site]]
    [[site.route]]
    prefix = "/a/"
    rewrite = "/b/$1$1"
    [[site.route]]
    prefix = "/b/"
    respond = "b"
  )");
  EXPECT_EQ(content(ask("/a/" + std::string(6000, 'x'))), "b");
  EXPECT_EQ(status(ask("/a/" + std::string(20'000, 'x'))), 414);
  EXPECT_TRUE(world.log.entries.back().rule.ends_with("sluice.toml:4"));
}

TEST_F(SnapshotRouterTest, AFixedResponseHasItsTypeAndFreshness) {
  serve(R"(
    [[site]]
    [[site.route]]
    prefix = "/c/"
    respond = { status = 200, body = "{}", type = "application/json" }
    cache = [{ match = "/c/a", store = "no-store" }, { match = "/c/b", max_age = "60s" }]
    [[site.route]]
    path = "/gone"
    respond = 410
    [[site.route]]
    path = "/none"
    respond = 204
    [[site.route]]
    path = "/teapot"
    respond = { status = 418, body = "short and stout" }
  )");
  const std::string a = ask("/c/a");
  EXPECT_EQ(status(a), 200);
  EXPECT_TRUE(has(a, "Content-Type: application/json\r\n"));
  EXPECT_TRUE(has(a, "Cache-Control: no-store\r\n"));
  EXPECT_EQ(content(a), "{}");
  EXPECT_TRUE(has(ask("/c/b"), "Cache-Control: max-age=60\r\n"));
  EXPECT_FALSE(has(ask("/c/x"), "Cache-Control"));
  EXPECT_EQ(content(ask("/c/a", "a.example", "Content-Length: 0\r\n", "POST")), "{}");
  EXPECT_EQ(content(ask("/gone")), "410 Gone\n");
  EXPECT_EQ(status(ask("/none")), 204);
  EXPECT_EQ(content(ask("/none")), "");
  EXPECT_EQ(content(ask("/teapot")), "short and stout");
}

TEST_F(SnapshotRouterTest, ASitesPagesAnswerForItsErrors) {
  write("one/index.html", "index");
  write("one/lost.html", "<p>lost");
  write("one/oops.html", "<p>oops");
  serve(R"(
    [[site]]
    root = "one"
    error_pages = { 404 = "/lost.html", 4xx = "/oops.html" }
    fields.set = { X-Site = "one" }
    [[site.route]]
    path = "/gone"
    respond = 410
    [[site.route]]
    path = "/told"
    respond = { status = 404, body = "told" }
  )");
  const std::string lost = ask("/nowhere");
  EXPECT_EQ(status(lost), 404);
  EXPECT_EQ(content(lost), "<p>lost");
  EXPECT_TRUE(has(lost, "Content-Type: text/html; charset=utf-8\r\n"));
  EXPECT_TRUE(has(lost, "X-Site: one\r\n"));
  EXPECT_FALSE(has(lost, "ETag")) << "the page's validators are those of another response";
  EXPECT_FALSE(has(lost, "Last-Modified"));
  EXPECT_EQ(content(ask("/gone")), "<p>oops");
  EXPECT_EQ(content(ask("/told")), "told");
  const std::string method = ask("/", "a.example", "Content-Length: 0\r\n", "POST");
  EXPECT_EQ(status(method), 405);
  EXPECT_TRUE(has(method, "Allow: GET, HEAD, OPTIONS\r\n")) << "what the status must have, stays";
  EXPECT_EQ(content(method), "<p>oops");
  EXPECT_EQ(content(ask("/nowhere", "a.example", {}, "HEAD")), "");
  write("one/lost.html", "<p>found");
  std::filesystem::last_write_time(folder / "one/lost.html",
                                   std::filesystem::file_time_type::clock::now());
  world.wait(std::chrono::milliseconds(1100));
  EXPECT_EQ(content(ask("/nowhere")), "<p>found");
  std::filesystem::remove(folder / "one/lost.html");
  world.wait(std::chrono::milliseconds(1100));
  EXPECT_EQ(content(ask("/nowhere")), "404 Not Found\n") << "a page that is missing";
}

TEST_F(SnapshotRouterTest, InnerFieldsAddToOuterOnes) {
  write("one/index.html", "x");
  serve(R"(
    [fields]
    set = { X-Everywhere = "1", X-Changed = "outer" }
    [[site]]
    root = "one"
    fields.set = { X-Site = "2" }
    [[site.route]]
    path = "/inner"
    respond = "x"
    fields.set = { X-Changed = "inner" }
    fields.remove = ["X-Site"]
  )");
  const std::string outer = ask("/");
  EXPECT_TRUE(has(outer, "X-Everywhere: 1\r\n") && has(outer, "X-Site: 2\r\n"));
  EXPECT_TRUE(has(outer, "X-Changed: outer\r\n"));
  const std::string inner = ask("/inner");
  EXPECT_TRUE(has(inner, "X-Everywhere: 1\r\n") && has(inner, "X-Changed: inner\r\n"));
  EXPECT_FALSE(has(inner, "X-Site") || has(inner, "outer"));
  EXPECT_TRUE(has(ask("/nowhere"), "X-Everywhere: 1\r\n"));
}

TEST_F(SnapshotRouterTest, TheServerAsAWholeAnswersOptions) {
  serve(R"(
    [[site]]
    [[site.route]]
    path = "/a"
    respond = "x"
  )");
  EXPECT_EQ(status(ask("*", "a.example", {}, "OPTIONS")), 204);
  EXPECT_EQ(status(ask("/b", "a.example", {}, "BREW")), 501);
}

TEST_F(SnapshotRouterTest, APathWithoutAFileGoesOnWhateverItsMethod) {
  write("one/form.html", "form");
  write("one/folder/index.html", "folder");
  serve(R"(
    [[listener]]
    address = "127.0.0.1:0"
    [[site]]
    [[site.route]]
    pattern = "/**"
    files = "one"
    else = "next"
    [[site.route]]
    prefix = "/"
    respond = "next"
  )");
  EXPECT_EQ(content(ask("/api", "a.example", "Content-Length: 0\r\n", "POST")), "next");
  EXPECT_EQ(content(ask("/api", "a.example", {}, "DELETE")), "next");
  EXPECT_EQ(status(ask("/form.html", "a.example", "Content-Length: 0\r\n", "POST")), 405);
  EXPECT_EQ(status(ask("/folder/", "a.example", {}, "DELETE")), 405);
  EXPECT_EQ(status(ask("/.env", "a.example", {}, "DELETE")), 405);
}

// RFC 9110 section 9.3.6: a 2xx to a CONNECT would open a tunnel.
TEST_F(SnapshotRouterTest, NoPatternAnswersARequestWithoutPath) {
  serve(R"(
    [[listener]]
    address = "127.0.0.1:0"
    [[site]]
    [[site.route]]
    pattern = "**"
    respond = "x"
  )");
  EXPECT_EQ(status(ask("a.example:443", "a.example:443", {}, "CONNECT")), 405);
  EXPECT_EQ(status(ask("*", "a.example", {}, "OPTIONS")), 204);
  EXPECT_EQ(content(ask("/any")), "x");
}

// The exchange has ended when the rest of its request is read.
TEST_F(SnapshotRouterTest, WhatASiteSaysOfUnwantedContentHoldsToItsEnd) {
  const std::string text = R"(
    [[listener]]
    address = "127.0.0.1:0"
    [[site]]
    [[site.route]]
    prefix = "/"
    respond = 405
    [site.limits]
    )";
  const std::string rest(100'000, 'x');
  serve(text + R"(drain = "1MiB")");
  EXPECT_EQ(status(ask("/", "a.example", "Content-Length: 100000\r\n", "POST")), 405);
  world.send(rest);
  EXPECT_FALSE(world.wire.shut_down);
  world.send(http::get("/", "Connection: close\r\n"));
  EXPECT_EQ(world.statuses(), (std::vector<int>{405, 405}));

  serve(text + R"(drain_timeout = "60ms")");
  ask("/", "a.example", "Content-Length: 9\r\n", "POST");
  EXPECT_FALSE(world.wire.shut_down);
  world.wait(std::chrono::milliseconds(300));
  EXPECT_TRUE(world.wire.shut_down);
}

}  // namespace
}  // namespace sluice
