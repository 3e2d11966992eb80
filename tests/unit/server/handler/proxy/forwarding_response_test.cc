// A response's head on its way to the client: the upstream's places become ours.
#include <iterator>
#include <random>
#include <string>

#include "server/handler/proxy/forwarding.h"
#include "unit/server/handler/proxy/forwarding_fixture.h"

namespace sluice::handler::proxy {
namespace {

// A client at https://example.com/api/..., an upstream at http://10.0.0.9:3000/v1/....
struct Mounted : ForwardingFixture {
  Mounted() {
    action.strip = "/api";
    action.base = "/v1";
    client.secure = true;
    ask("/api/x");
  }
  std::string location(std::string_view value) { return answered("Location", value); }
  std::string cookie(std::string_view value) { return answered("Set-Cookie", value); }
};

TEST(ForwardingResponse, GetsViaAndIsRelayed) {
  ForwardingFixture f;
  EXPECT_EQ(f.forward(), Verdict::forward);
  f.head.fields.add("Server", "app");
  f.head.fields.add("Via", "1.0 before");
  f.forwarding->adapt_response(f.in, f.out, false, f.head);
  EXPECT_TRUE(f.head.relayed);
  EXPECT_EQ(lines(f.head.fields), "Server: app\nVia: 1.0 before\nVia: 1.1 sluice-test\n");
  EXPECT_TRUE(f.head.derived.empty());
}

TEST(ForwardingResponse, ViaSaysWhichVersionTheUpstreamSpoke) {
  ForwardingFixture f;
  EXPECT_EQ(f.forward(), Verdict::forward);
  f.out.protocol = "HTTP/2.0";
  f.forwarding->adapt_response(f.in, f.out, false, f.head);
  EXPECT_EQ(lines(f.head.fields), "Via: 2 sluice-test\n");
}

TEST(ForwardingResponse, AbsoluteReferencesToTheUpstreamBecomeOurs) {
  Mounted f;
  EXPECT_EQ(f.location("http://10.0.0.9:3000/v1/y?q#f"), "https://example.com/api/y?q#f");
  EXPECT_EQ(f.location("http://10.0.0.9:3000/v1"), "https://example.com/api");
  EXPECT_EQ(f.location("http://10.0.0.9:3000/v1?q"), "https://example.com/api?q");
  EXPECT_EQ(f.location("HTTP://10.0.0.9:3000/v1/y"), "https://example.com/api/y");
  // By the Host that it was sent, too, with or without the default port.
  EXPECT_EQ(f.location("http://example.com/v1/y"), "https://example.com/api/y");
  EXPECT_EQ(f.location("http://EXAMPLE.com:80/v1/y"), "https://example.com/api/y");
}

TEST(ForwardingResponse, OtherReferencesStayAsTheyAre) {
  Mounted f;
  for (const std::string_view value : {"",
                                       "http://10.0.0.9:3000/v2/y",
                                       "http://10.0.0.9:3000/v1x",
                                       "http://10.0.0.9:3000/",
                                       "http://10.0.0.9:3000",
                                       "http://10.0.0.9/v1/y",
                                       "http://10.0.0.9:3001/v1/y",
                                       "https://10.0.0.9:3000/v1/y",
                                       "http://user@10.0.0.9:3000/v1/y",
                                       "http://10.0.0.9:3000@evil.example/v1/y",
                                       "http://10.0.0.9:3000.evil.example/v1/y",
                                       "http://10.0.0.9:3000\\v1/y",
                                       "http:/v1/y",
                                       "http:",
                                       "http://",
                                       "ftp://10.0.0.9:3000/v1/y",
                                       "//10.0.0.9:3000/v1/y",
                                       "/\\10.0.0.9/v1/",
                                       "/v2/y",
                                       "/v1x",
                                       "/",
                                       "y",
                                       "../y",
                                       "?q",
                                       "#f",
                                       "mailto:a@example.com"}) {
    EXPECT_EQ(f.location(value), value);
    EXPECT_TRUE(f.head.derived.empty()) << value;
  }
}

TEST(ForwardingResponse, PathsGetTheClientsPrefix) {
  Mounted f;
  EXPECT_EQ(f.location("/v1/y?q#f"), "/api/y?q#f");
  EXPECT_EQ(f.location("/v1"), "/api");
  EXPECT_EQ(f.location("/v1#f"), "/api#f");
  f.action.base = "";
  EXPECT_EQ(f.location("/login"), "/api/login");
  EXPECT_EQ(f.location("/"), "/api/");
  f.action.base = "/v1";
  f.action.strip = "";
  EXPECT_EQ(f.location("/v1/y"), "/y");
  EXPECT_EQ(f.location("/v1"), "/");
  EXPECT_EQ(f.location("/v1?q"), "/?q");
}

// An upstream that adds a slash to what the client asked for must not send it to another host.
TEST(ForwardingResponse, ARestIsNeverReadAsAnotherHost) {
  Mounted f;
  f.action.strip = "";
  EXPECT_EQ(f.location("/v1//evil.example/"), "/.//evil.example/");
  EXPECT_EQ(f.location("/v1/\\evil.example/"), "/./\\evil.example/");
  EXPECT_EQ(f.location("/v1/\t/evil.example/"), "/./\t/evil.example/");
  EXPECT_EQ(f.location("http://10.0.0.9:3000/v1//evil.example"),
            "https://example.com//evil.example");
  f.action.strip = "/api";
  EXPECT_EQ(f.location("/v1//evil.example/"), "/api//evil.example/");
}

TEST(ForwardingResponse, ContentLocationIsMappedAlike) {
  Mounted f;
  EXPECT_EQ(f.answered("Content-Location", "/v1/y"), "/api/y");
  EXPECT_EQ(f.answered("content-location", "http://10.0.0.9:3000/v1/y"),
            "https://example.com/api/y");
  EXPECT_EQ(f.answered("X-Content-Locatio", "/v1/y"), "/v1/y");
}

TEST(ForwardingResponse, RefreshIsMappedWithinItsValue) {
  Mounted f;
  const auto refresh = [&f](std::string_view value) { return f.answered("Refresh", value); };
  EXPECT_EQ(refresh("5; url=/v1/y"), "5; url=/api/y");
  EXPECT_EQ(refresh("0;URL = http://10.0.0.9:3000/v1/y"), "0;URL = https://example.com/api/y");
  EXPECT_EQ(refresh("0,url='/v1/y'; more"), "0,url='/api/y'; more");
  EXPECT_EQ(refresh("0; url=\"/v1/y"), "0; url=\"/api/y");
  for (const std::string_view value :
       {"", "5", "5;", "5; url", "5; url=", "5; url=''", "5; url=\"", "5; uri=/v1/y", "5 /v1/y",
        "5; url=http://other.example/v1/y"}) {
    EXPECT_EQ(refresh(value), value);
  }
}

TEST(ForwardingResponse, CookiePathsFollow) {
  Mounted f;
  EXPECT_EQ(f.cookie("a=b; Path=/v1"), "a=b; Path=/api");
  EXPECT_EQ(f.cookie("a=b; Secure; path = /v1/y ; HttpOnly"),
            "a=b; Secure; path =/api/y; HttpOnly");
  EXPECT_EQ(f.cookie("a=b;Path=/v1/;Path=/v1"), "a=b;Path=/api/;Path=/api");
  for (const std::string_view value :
       {"", ";", "=", "a=b", "a=/v1; Path=/", "a=b; Path=/v1x", "a=b; Path=", "a=b; Path",
        "a=b; Path=\"/v1\"", "Path=/v1", "a=b; XPath=/v1", "a=b; =/v1;;"}) {
    EXPECT_EQ(f.cookie(value), value);
    EXPECT_TRUE(f.head.derived.empty()) << value;
  }
}

// The upstream's root holds everything, and so does the prefix without a slash behind it.
TEST(ForwardingResponse, TheRootsCookieIsThePrefixes) {
  Mounted f;
  f.action.base = "";
  EXPECT_EQ(f.cookie("a=b; Path=/"), "a=b; Path=/api");
  EXPECT_EQ(f.cookie("a=b; Path=/y"), "a=b; Path=/api/y");
  f.action.base = "/v1";
  f.action.strip = "";
  EXPECT_EQ(f.cookie("a=b; Path=/v1"), "a=b; Path=/");
  EXPECT_EQ(f.cookie("a=b; Path=/v1/y"), "a=b; Path=/y");
}

TEST(ForwardingResponse, ADomainOfTheUpstreamsIsDropped) {
  Mounted f;
  f.action.host_is = conf::ProxyAction::Host::given;
  f.action.host = "Inner.example:3000";
  EXPECT_EQ(f.cookie("a=b; Domain=inner.example; Secure"), "a=b; Secure");
  EXPECT_EQ(f.cookie("a=b; domain = .INNER.example"), "a=b");
  EXPECT_EQ(f.cookie("a=b; Domain=10.0.0.9; Path=/v1/y"), "a=b; Path=/api/y");
  for (const std::string_view value :
       {"a=b; Domain=example.com", "a=b; Domain=example", "a=b; Domain=", "a=b; Domain=.",
        "a=b; Domain=x.inner.example", "Domain=inner.example"}) {
    EXPECT_EQ(f.cookie(value), value);
  }
}

// Host kept: the upstream's host is the client's own, and so is the cookie's.
TEST(ForwardingResponse, TheClientsOwnDomainStays) {
  Mounted f;
  EXPECT_EQ(f.cookie("a=b; Domain=example.com"), "a=b; Domain=example.com");
}

TEST(ForwardingResponse, NothingIsWrittenWhereNothingDiffers) {
  ForwardingFixture f;
  EXPECT_EQ(f.answered("Location", "http://example.com/y"), "http://example.com/y");
  EXPECT_TRUE(f.head.derived.empty());
  EXPECT_EQ(f.answered("Location", "/y"), "/y");
  EXPECT_EQ(f.answered("Set-Cookie", "a=b; Path=/y"), "a=b; Path=/y");
  EXPECT_EQ(f.answered("Location", "http://10.0.0.9:3000/y"), "http://example.com/y");
  f.client.secure = true;
  EXPECT_EQ(f.answered("Location", "http://example.com/y"), "https://example.com/y");
}

// A site that sends its clients on to https would send them round, were this mapped back to http.
TEST(ForwardingResponse, ARedirectToHttpsIsNotUndone) {
  ForwardingFixture f;
  EXPECT_EQ(f.answered("Location", "https://example.com/y"), "https://example.com/y");
  f.action.target.tls.emplace();
  EXPECT_EQ(f.answered("Location", "https://example.com/y"), "https://example.com/y");
  EXPECT_EQ(f.answered("Location", "https://10.0.0.9:3000/y"), "http://example.com/y");
  f.action.strip = "/api";
  EXPECT_EQ(f.answered("Location", "https://example.com/y"), "https://example.com/api/y");
}

// A trusted proxy in front of us was asked there for us.
TEST(ForwardingResponse, TheClientsSideIsWhatTheUpstreamWasTold) {
  ForwardingFixture f;
  f.client.trusted = true;
  f.in.fields.add("X-Forwarded-Proto", "https");
  f.in.fields.add("X-Forwarded-Host", "shop.example");
  EXPECT_EQ(f.answered("Location", "http://10.0.0.9:3000/y"), "https://shop.example/y");
  f.in.fields.add("X-Forwarded-Proto", "javascript");
  f.in.fields.add("X-Forwarded-Host", "a b");
  EXPECT_EQ(f.answered("Location", "http://10.0.0.9:3000/y"), "http://example.com/y");
}

TEST(ForwardingResponse, WithoutAHostThePathAloneIsSaid) {
  Mounted f;
  f.in.authority = "";
  EXPECT_EQ(f.location("http://10.0.0.9:3000/v1/y"), "/api/y");
  f.action.strip = "";
  EXPECT_EQ(f.location("http://10.0.0.9:3000/v1//y"), "/.//y");
}

// Whatever an upstream says, what was measured is written, and no path of it becomes another host.
TEST(ForwardingResponse, AnyReferenceStaysOnItsSide) {
  static constexpr std::string_view kPieces[] = {
      "/",        "//", "\\", "/v1", "/api",  "http:",   "http://10.0.0.9:3000",
      "10.0.0.9", "?",  "#",  ";",   "Path=", "Domain=", "url=",
      "\"",       ",",  " ",  "\t",  "=",     "x",       "@",
      ":"};
  std::minstd_rand random(7);
  for (int round = 0; round < 5000; ++round) {
    Mounted f;
    if (round % 2 == 0) f.action.strip = "";
    std::string value = round % 3 == 0 ? "/v1" : "";
    for (auto piece = random() % 8; piece > 0; --piece) {
      value += kPieces[random() % std::size(kPieces)];
    }
    const std::string mapped = f.location(value);
    EXPECT_TRUE(mapped == value || mapped.starts_with("https://example.com") ||
                (mapped.starts_with('/') &&
                 std::string_view("/\\\t").find((mapped + "x")[1]) == std::string_view::npos))
        << value << " became " << mapped;
    (void)f.cookie(value);
    (void)f.answered("Refresh", "1;" + value);
  }
}

TEST(ForwardingResponse, ManyFieldsKeepTheirOrder) {
  Mounted f;
  EXPECT_EQ(f.forward(), Verdict::forward);
  f.head.fields.add("Date", "now");
  std::string expected = "Date: now\n";
  for (int cookie = 0; cookie < 90; ++cookie) {
    f.head.fields.add("Set-Cookie", cookie % 2 == 0 ? "a=b; Path=/v1" : "a=b");
    expected += cookie % 2 == 0 ? "Set-Cookie: a=b; Path=/api\n" : "Set-Cookie: a=b\n";
  }
  const std::string attributes(30000, ';');
  f.head.fields.add("Set-Cookie", attributes);
  f.head.fields.add("Location", "/v1/y");
  f.forwarding->adapt_response(f.in, f.out, true, f.head);
  expected += "Set-Cookie: " + attributes + "\nLocation: /api/y\nVia: 1.1 sluice-test\n";
  EXPECT_EQ(lines(f.head.fields), expected);
}

}  // namespace
}  // namespace sluice::handler::proxy
