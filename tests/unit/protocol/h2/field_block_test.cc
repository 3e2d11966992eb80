// Heads and trailers from field lines, up to every limit and over it, and what RFC 9113 section
// 8.3, RFC 8441 and SECURITY section 2 say of a request's place.
#include "protocol/h2/field_block.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "unit/protocol/h2/pair.h"

namespace sluice::h2 {
namespace {

using Verdict = FieldBlock::Verdict;
using Lines = std::vector<std::pair<std::string, std::string>>;

struct Read {
  Verdict verdict;
  ProtocolError error;
};

class H2FieldBlock : public ::testing::Test {
 protected:
  // Reads a request anew.
  Read read(const Lines& lines, bool ends_stream = true) {
    block_.begin(FieldBlock::Kind::request);
    for (const auto& [name, value] : lines) block_.add(name, value, limits_);
    head_.clear();
    ProtocolError error;
    const Verdict verdict = block_.finish_request(
        {.secure = secure_, .ends_stream = ends_stream, .content_length = limits_.content_length},
        pool_, head_, error);
    return {verdict, error};
  }
  Read read_get(const Lines& more = {}) {
    Lines lines = {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a"}};
    lines.insert(lines.end(), more.begin(), more.end());
    return read(lines);
  }
  Read read_path(std::string path, std::string method = "GET") {
    return read({{":method", std::move(method)},
                 {":scheme", "http"},
                 {":path", std::move(path)},
                 {":authority", "a"}});
  }
  Read read_place(std::string authority, const Lines& more = {}) {
    Lines lines = {{":method", "GET"},
                   {":scheme", secure_ ? "https" : "http"},
                   {":path", "/"},
                   {":authority", std::move(authority)}};
    lines.insert(lines.end(), more.begin(), more.end());
    return read(lines);
  }
  void expect_refused(const Read& read, int status, std::string_view limit) {
    EXPECT_EQ(read.verdict, Verdict::refused);
    EXPECT_EQ(read.error.status, status);
    EXPECT_EQ(read.error.limit, limit);
    EXPECT_FALSE(read.error.cause.empty());
  }

  BlockPool pool_;
  Limits limits_ = test_limits();
  bool secure_ = false;
  FieldBlock block_;
  RequestHead head_;
};

TEST_F(H2FieldBlock, GivesTheHeadOfARequest) {
  const Read read = read_get({{"accept", "*/*"}, {"x-y", ""}});
  EXPECT_EQ(read.verdict, Verdict::good);
  EXPECT_EQ(read.error.status, 0);
  EXPECT_EQ(head_.method, Method::get);
  EXPECT_EQ(head_.method_text, "GET");
  EXPECT_EQ(head_.scheme, "http");
  EXPECT_EQ(head_.authority, "a");
  EXPECT_EQ(head_.path, "/");
  EXPECT_FALSE(head_.has_body);
  EXPECT_FALSE(head_.has_query);
  ASSERT_EQ(head_.fields.size(), 2U);
  EXPECT_EQ(head_.fields[0].id, FieldId::accept);
  EXPECT_EQ(head_.fields[1].name, "x-y");
  EXPECT_EQ(head_.fields[1].value, "");
}

TEST_F(H2FieldBlock, KeepsNothingOfTheBlockBefore) {
  read_get({{"x", "1"}, {"cookie", "a"}, {"cookie", "b"}});
  EXPECT_EQ(block_.lines(), 7U);
  EXPECT_EQ(read_get().verdict, Verdict::good);
  EXPECT_TRUE(head_.fields.empty());
  EXPECT_TRUE(head_.cookie.empty());
  EXPECT_EQ(block_.lines(), 4U);
}

// --- Limits --------------------------------------------------------------------------------------

TEST_F(H2FieldBlock, BoundsTheTarget) {
  limits_.target = 10;
  EXPECT_EQ(read_path("/123456789").verdict, Verdict::good);
  expect_refused(read_path("/1234567890"), 414, "request_line");
}

TEST_F(H2FieldBlock, BoundsAField) {
  limits_.field = 10;
  EXPECT_EQ(read_get({{"abc", "1234567"}}).verdict, Verdict::good);
  expect_refused(read_get({{"abc", "12345678"}}), 431, "field");
  EXPECT_EQ(block_.refusal().status, 431);
}

TEST_F(H2FieldBlock, BoundsTheNumberOfFields) {
  limits_.fields = 6;
  EXPECT_EQ(read_get({{"a", ""}, {"b", ""}}).verdict, Verdict::good);
  expect_refused(read_get({{"a", ""}, {"b", ""}, {"c", ""}}), 431, "fields");
  expect_refused(read_get({{"cookie", "a"}, {"cookie", "b"}, {"cookie", "c"}}), 431, "fields");
}

TEST_F(H2FieldBlock, BoundsTheHead) {
  // Four pseudo-fields: 10 + 11 + 6 + 11 octets, 32 each (RFC 9113 section 6.5.2).
  limits_.head = 38 + 4 * 32 + 32 + 5;
  EXPECT_EQ(read_get({{"a", "1234"}}).verdict, Verdict::good);
  expect_refused(read_get({{"a", "12345"}}), 431, "head");
}

TEST_F(H2FieldBlock, KeepsWhatRefusedItFirst) {
  limits_.field = 10;
  limits_.fields = 5;
  expect_refused(read_get({{"a", std::string(20, 'x')}, {"b", ""}, {"c", ""}}), 431, "field");
}

TEST_F(H2FieldBlock, KeepsNoMemoryForWhatIsOverALimit) {
  limits_.head = 1024;
  block_.begin(FieldBlock::Kind::request);
  const std::string value(1000, 'x');
  for (int i = 0; i < 10'000; ++i) block_.add("name", value, limits_);
  EXPECT_EQ(block_.lines(), 10'000U) << "counted all the same, for the fatal number";
  EXPECT_LT(block_.held(), 16'384U);
}

TEST_F(H2FieldBlock, BoundsTrailers) {
  const auto read_trailers = [this](const Lines& lines) {
    block_.begin(FieldBlock::Kind::trailers);
    for (const auto& [name, value] : lines) block_.add(name, value, limits_);
    return block_.refusal();
  };
  limits_.trailer_fields = 2;
  limits_.trailers = 100;
  EXPECT_EQ(read_trailers({{"a", ""}, {"b", ""}}).status, 0);
  EXPECT_EQ(read_trailers({{"a", ""}, {"b", ""}, {"c", ""}}).status, 400);
  EXPECT_EQ(block_.refusal().limit, "trailer_fields");
  EXPECT_EQ(read_trailers({{"a", std::string(67, 'x')}}).status, 0);
  EXPECT_EQ(read_trailers({{"a", std::string(68, 'x')}}).status, 400);
  EXPECT_EQ(block_.refusal().limit, "trailers");
}

TEST_F(H2FieldBlock, BoundsContentLength) {
  limits_.content_length = 100;
  EXPECT_EQ(read_get({{"content-length", "100"}}).verdict, Verdict::good);
  EXPECT_EQ(head_.content_length, 100U);
  expect_refused(read_get({{"content-length", "101"}}), 413, "body");
  for (const char* const bad : {"", "-1", "+1", "1 ", "0x1", "1,1", "18446744073709551616"}) {
    SCOPED_TRACE(bad);
    const Read read = read_get({{"content-length", bad}});
    EXPECT_EQ(read.verdict, Verdict::malformed);
    EXPECT_EQ(read.error.status, 400);
  }
}

TEST_F(H2FieldBlock, TakesHeadsOverOneBlockOfMemory) {
  limits_.head = 64 * 1024;
  limits_.target = 32 * 1024;
  const std::string large(BlockPool::kBlockSize - 20, 'x');
  const Read read = read_get({{"x-a", large}, {"x-b", large}});
  EXPECT_EQ(read.verdict, Verdict::good);
  EXPECT_EQ(head_.fields.find("x-a")->value, large);
  EXPECT_EQ(head_.fields.find("x-b")->value, large);
  EXPECT_EQ(head_.path, "/");
  const std::string segment(BlockPool::kBlockSize, 'y');
  EXPECT_EQ(read_path("/./" + segment).verdict, Verdict::good);
  EXPECT_EQ(head_.path, "/" + segment);
}

// --- Fields --------------------------------------------------------------------------------------

TEST_F(H2FieldBlock, JoinsCrumbsOfACookie) {
  read_get({{"cookie", "a=1"}, {"x", "1"}, {"cookie", "b=2"}, {"cookie", "c=3"}});
  EXPECT_EQ(head_.fields.count(FieldId::cookie), 1U);
  EXPECT_EQ(head_.fields.value(FieldId::cookie), "a=1; b=2; c=3");
  EXPECT_EQ(head_.fields[0].id, FieldId::cookie) << "where the first was";
  EXPECT_EQ(head_.fields.size(), 2U);
}

TEST_F(H2FieldBlock, LeavesAWholeCookieAsItIs) {
  read_get({{"cookie", "a=1; b=2"}});
  EXPECT_EQ(head_.fields.value(FieldId::cookie), "a=1; b=2");
  EXPECT_TRUE(head_.cookie.empty());
}

TEST_F(H2FieldBlock, TakesOutWhatIsForTheCodec) {
  EXPECT_EQ(read_get({{"te", "trailers"}, {"trailer", "x"}, {"host", "a"}, {"x", "1"}}).verdict,
            Verdict::good);
  ASSERT_EQ(head_.fields.size(), 1U);
  EXPECT_EQ(head_.fields[0].name, "x");
}

TEST_F(H2FieldBlock, TakesTheExpectationItKnows) {
  const Lines post = {{":method", "POST"},
                      {":scheme", "http"},
                      {":path", "/"},
                      {":authority", "a"},
                      {"expect", "100-Continue"}};
  EXPECT_EQ(read(post, false).verdict, Verdict::good);
  EXPECT_TRUE(head_.expects_continue);
  EXPECT_TRUE(head_.has_body);
  EXPECT_TRUE(head_.fields.empty());
  EXPECT_EQ(read(post, true).verdict, Verdict::good);
  EXPECT_FALSE(head_.expects_continue) << "there is nothing to continue with";
  expect_refused(read_get({{"expect", "more"}}), 417, "");
}

TEST_F(H2FieldBlock, HandsOnMethodsItDoesNotKnow) {
  for (const char* const method : {"BREW", "get", "PROPFIND", "!#$%&'*+-.^_`|~09azAZ"}) {
    EXPECT_EQ(read_path("/", method).verdict, Verdict::good) << method;
    EXPECT_EQ(head_.method, Method::other) << method;
    EXPECT_EQ(head_.method_text, method);
  }
}

// Over HTTP/1.1 it would be another request line.
TEST_F(H2FieldBlock, TakesOnlyTokensForMethods) {
  for (const char* const method : {"", "GET /admin", "G(T", "GET:", "\"GET\""})
    EXPECT_EQ(read_path("/", method).verdict, Verdict::malformed) << method;
}

// --- The place -----------------------------------------------------------------------------------

TEST_F(H2FieldBlock, TakesPaths) {
  EXPECT_EQ(read_path("/a/./b/../%7e?x=/../y").verdict, Verdict::good);
  EXPECT_EQ(head_.path, "/a/~");
  EXPECT_EQ(head_.query, "x=/../y");
  EXPECT_EQ(head_.target, "/a/./b/../%7e?x=/../y");
  EXPECT_EQ(read_path("//a//b").verdict, Verdict::good);
  EXPECT_EQ(head_.path, "//a//b");
  EXPECT_EQ(head_.authority, "a");
  EXPECT_EQ(read_path("/?").verdict, Verdict::good);
  EXPECT_TRUE(head_.has_query);
  EXPECT_EQ(read_path("*", "OPTIONS").verdict, Verdict::good);
  EXPECT_EQ(head_.path, "*");
}

TEST_F(H2FieldBlock, RefusesMalformedPaths) {
  for (const char* const path :
       {"",          "x",          "x/",       "?",   "#",    "/#",    "/a b", "/\x7F",
        "/\x80",     "/\xC3\xA4",  "/%",       "/%4", "/%zz", "*",     "/\"",  "/<",
        "http://a/", "https://a/", "HTTP://a", "a:1", "/?#",  "/?\xFF"}) {
    SCOPED_TRACE(path);
    EXPECT_EQ(read_path(path).verdict, Verdict::malformed);
  }
  EXPECT_EQ(read_path("*", "OPTIONS").verdict, Verdict::good);
  EXPECT_EQ(read_path("**", "OPTIONS").verdict, Verdict::malformed);
}

TEST_F(H2FieldBlock, TakesAuthorities) {
  for (const char* const authority :
       {"a", "A.example", "a:80", "a:65535", "a:", "127.0.0.1:1", "[::1]", "[::1]:443", "%41"}) {
    SCOPED_TRACE(authority);
    EXPECT_EQ(read_place(authority).verdict, Verdict::good);
    EXPECT_EQ(head_.authority, authority);
  }
}

TEST_F(H2FieldBlock, RefusesMalformedAuthorities) {
  for (const char* const authority : {"", ":80", "u@a", "u:p@a", "a:65536", "a:100000", "a:x",
                                      "a:1:2", "a/b", "a?", "a#", "a b", "[::1", "[x]", "a\xE4"}) {
    SCOPED_TRACE(authority);
    EXPECT_EQ(read_place(authority).verdict, Verdict::malformed);
  }
}

TEST_F(H2FieldBlock, TakesHostForAuthority) {
  const Lines lines = {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {"host", "a:8"}};
  EXPECT_EQ(read(lines).verdict, Verdict::good);
  EXPECT_EQ(head_.authority, "a:8");
  EXPECT_TRUE(head_.fields.empty());
}

TEST_F(H2FieldBlock, HoldsHostToTheAuthority) {
  EXPECT_EQ(read_place("a", {{"host", "A:80"}}).verdict, Verdict::good);
  EXPECT_EQ(read_place("a", {{"host", "b"}}).verdict, Verdict::malformed);
  EXPECT_EQ(read_place("a", {{"host", "a:81"}}).verdict, Verdict::malformed);
  EXPECT_EQ(read_place("a", {{"host", ""}}).verdict, Verdict::malformed);
  EXPECT_EQ(read_place("a", {{"host", "a"}, {"host", "a"}}).verdict, Verdict::malformed);
  secure_ = true;
  EXPECT_EQ(read_place("a", {{"host", "a:443"}}).verdict, Verdict::good);
  EXPECT_EQ(read_place("a", {{"host", "a:80"}}).verdict, Verdict::malformed);
}

TEST_F(H2FieldBlock, HoldsTheSchemeToTheConnection) {
  const auto read_scheme = [this](const char* scheme) {
    return read({{":method", "GET"}, {":scheme", scheme}, {":path", "/"}, {":authority", "a"}})
        .verdict;
  };
  EXPECT_EQ(read_scheme("HTTP"), Verdict::good);
  EXPECT_EQ(read_scheme("https"), Verdict::malformed);
  EXPECT_EQ(read_scheme(""), Verdict::malformed);
  secure_ = true;
  EXPECT_EQ(read_scheme("https"), Verdict::good);
  EXPECT_EQ(read_scheme("http"), Verdict::malformed);
}

TEST_F(H2FieldBlock, TakesConnect) {
  const auto connect = [this](const char* authority, const Lines& more = {}) {
    Lines lines = {{":method", "CONNECT"}, {":authority", authority}};
    lines.insert(lines.end(), more.begin(), more.end());
    return read(lines, false).verdict;
  };
  EXPECT_EQ(connect("a:443"), Verdict::good);
  EXPECT_EQ(head_.target, "a:443");
  EXPECT_EQ(head_.path, "");
  EXPECT_EQ(head_.tunnel, "");
  EXPECT_TRUE(head_.has_body);
  EXPECT_EQ(connect("a:443", {{"host", "a:443"}}), Verdict::good);
  EXPECT_EQ(connect("a:443", {{"host", "b:443"}}), Verdict::malformed);
  EXPECT_EQ(connect("a"), Verdict::malformed);
  EXPECT_EQ(connect("a:"), Verdict::malformed);
  EXPECT_EQ(connect("a:0"), Verdict::malformed);
  EXPECT_EQ(connect("u@a:1"), Verdict::malformed);
  EXPECT_EQ(connect("", {{"host", "a:1"}}), Verdict::malformed);
}

TEST_F(H2FieldBlock, TakesConnectWithAProtocol) {
  const Lines lines = {{":method", "CONNECT"},
                       {":protocol", "websocket"},
                       {":scheme", "http"},
                       {":path", "/chat?x"},
                       {":authority", "a"}};
  EXPECT_EQ(read(lines, false).verdict, Verdict::good);
  EXPECT_EQ(head_.tunnel, "websocket");
  EXPECT_EQ(head_.path, "/chat");
  EXPECT_EQ(head_.query, "x");
  secure_ = true;
  EXPECT_EQ(read(lines, false).verdict, Verdict::malformed);
}

// --- Responses and trailers ----------------------------------------------------------------------

TEST_F(H2FieldBlock, GivesTheHeadOfAResponse) {
  const auto read_response = [this](const char* status, ResponseHead& head) {
    block_.begin(FieldBlock::Kind::response);
    block_.add(":status", status, limits_);
    block_.add("content-length", "5", limits_);
    block_.add("set-cookie", "a", limits_);
    block_.add("set-cookie", "b", limits_);
    return block_.finish_response(pool_, head);
  };
  ResponseHead head;
  EXPECT_TRUE(read_response("404", head));
  EXPECT_EQ(head.status, 404);
  ASSERT_EQ(head.fields.size(), 3U) << "no crumbs are joined here";
  EXPECT_EQ(head.fields.value(FieldId::content_length), "5");
  for (const char* const bad : {"", "x", "99", "1000", "-200", "200 "}) {
    SCOPED_TRACE(bad);
    ResponseHead none;
    EXPECT_FALSE(read_response(bad, none));
  }
}

TEST_F(H2FieldBlock, GivesTrailers) {
  block_.begin(FieldBlock::Kind::trailers);
  block_.add("x-sum", "1", limits_);
  block_.add("x-other", "2", limits_);
  FieldList trailers;
  const std::optional<Slice> storage = block_.finish_trailers(pool_, trailers);
  ASSERT_TRUE(storage);
  block_.begin(FieldBlock::Kind::request);
  ASSERT_EQ(trailers.size(), 2U);
  EXPECT_EQ(trailers.find("x-sum")->value, "1");
  EXPECT_EQ(trailers.find("x-other")->value, "2");
}

}  // namespace
}  // namespace sluice::h2
