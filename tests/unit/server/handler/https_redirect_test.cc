// Where clear text is sent to, for every form that a request's target and host may have.
#include "server/handler/https_redirect.h"

#include <gtest/gtest.h>

#include "unit/server/http/connection_fixture.h"

namespace sluice::handler {
namespace {

class HttpsRedirectTest : public ::testing::Test {
 protected:
  static std::string answer(uint16_t port, const std::string& host, const std::string& request) {
    HttpsRedirectHandler handler(port, host);
    http::SingleRoute router(http::Route{.handler = &handler, .filters = {}, .body_limit = 1000});
    http::ConnectionFixture world;  // ends before what it uses
    world.context.router = Ref<http::Router>(&router);
    world.connect();
    world.send(request);
    return world.output();
  }
  // The Location of a 308; the status where there is another.
  std::string location(const std::string& request, uint16_t port = 443,
                       const std::string& host = "") {
    const std::string said = answer(port, host, request);
    if (!said.starts_with("HTTP/1.1 308 ")) return said.substr(0, said.find("\r\n"));
    const size_t begin = said.find("Location: ");
    EXPECT_NE(begin, std::string::npos);
    return said.substr(begin + 10, said.find("\r\n", begin) - begin - 10);
  }
  static std::string get(const std::string& target, const std::string& host) {
    return "GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n";
  }
};

TEST_F(HttpsRedirectTest, TheTargetStaysAsReceived) {
  EXPECT_EQ(location(get("/", "a.example")), "https://a.example/");
  EXPECT_EQ(location(get("/x/%7Ey?z=1&q=%20", "a.example")), "https://a.example/x/%7Ey?z=1&q=%20");
  EXPECT_EQ(location(get("/?", "a.example")), "https://a.example/?");
  EXPECT_EQ(location(get("/a/../b", "a.example")), "https://a.example/a/../b");
}

TEST_F(HttpsRedirectTest, OnlyOtherPortsAreSaid) {
  EXPECT_EQ(location(get("/x", "a.example:8080")), "https://a.example/x");
  EXPECT_EQ(location(get("/x", "a.example:8080"), 8443), "https://a.example:8443/x");
  EXPECT_EQ(location(get("/x", "a.example"), 8443), "https://a.example:8443/x");
}

TEST_F(HttpsRedirectTest, AddressesKeepTheirBrackets) {
  EXPECT_EQ(location(get("/x", "[2001:db8::1]:8080")), "https://[2001:db8::1]/x");
  EXPECT_EQ(location(get("/x", "[2001:db8::1]"), 8443), "https://[2001:db8::1]:8443/x");
  EXPECT_EQ(location(get("/x", "192.0.2.1:80")), "https://192.0.2.1/x");
}

TEST_F(HttpsRedirectTest, OfTheAbsoluteFormThePathIsTaken) {
  EXPECT_EQ(location(get("http://b.example:80/x?y", "b.example:80")), "https://b.example/x?y");
  EXPECT_EQ(location(get("http://b.example", "b.example")), "https://b.example/");
}

// The query was lost, or what looked like a path in it taken for the path.
TEST_F(HttpsRedirectTest, AQueryWithoutAPathIsNoPath) {
  EXPECT_EQ(location(get("http://b.example?y=1", "b.example")), "https://b.example/?y=1");
  EXPECT_EQ(location(get("http://b.example?y=/z", "b.example")), "https://b.example/?y=/z");
}

// A path that begins with two slashes names no other host.
TEST_F(HttpsRedirectTest, ThePathNamesNoOtherHost) {
  EXPECT_EQ(location(get("//evil.example/", "a.example")), "https://a.example//evil.example/");
}

TEST_F(HttpsRedirectTest, WhoNamesNoHostGetsTheOnlyOne) {
  const std::string request = "GET /x HTTP/1.0\r\n\r\n";
  EXPECT_EQ(location(request, 443, "a.example"), "https://a.example/x");
  EXPECT_EQ(location(request, 8443, "a.example"), "https://a.example:8443/x");
  EXPECT_EQ(location(request), "HTTP/1.1 400 Bad Request");
}

TEST_F(HttpsRedirectTest, WhatIsAboutNoPlaceIsRefused) {
  EXPECT_EQ(location("OPTIONS * HTTP/1.1\r\nHost: a.example\r\n\r\n"), "HTTP/1.1 400 Bad Request");
}

// RFC 9110 section 15.4.9: 308 keeps the method, and the content is not read here.
TEST_F(HttpsRedirectTest, AnswersOtherMethodsAlike) {
  EXPECT_EQ(location("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"), "https://a/x");
  EXPECT_EQ(location("HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n"), "https://a/x");
}

}  // namespace
}  // namespace sluice::handler
