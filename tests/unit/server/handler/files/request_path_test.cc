// What paths mean below the root: one key for each meaning, nothing hidden, nothing that climbs.
#include "server/handler/files/request_path.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::handler {
namespace {

struct Case {
  std::string path;
  PathVerdict verdict;
  std::string relative;
  std::string key;
  bool directory;
};

TEST(RequestPath, IsReadOnce) {
  const std::vector<Case> cases = {
      {"/", PathVerdict::good, "", "/", true},
      {"///", PathVerdict::good, "", "/", true},
      {"/a", PathVerdict::good, "a", "/a", false},
      {"/a/", PathVerdict::good, "a", "/a/", true},
      {"//a///b//", PathVerdict::good, "a/b", "/a/b/", true},
      {"//evil.example/x", PathVerdict::good, "evil.example/x", "/evil.example/x", false},
      {"/a%20b", PathVerdict::good, "a b", "/a%20b", false},
      {"/a%2Cb", PathVerdict::good, "a,b", "/a,b", false},
      {"/a,b", PathVerdict::good, "a,b", "/a,b", false},
      {"/%C3%A4", PathVerdict::good, "\xC3\xA4", "/%C3%A4", false},
      {"/a%2541", PathVerdict::good, "a%41", "/a%2541", false},
      {"/a%3Fb%23c", PathVerdict::good, "a?b#c", "/a%3Fb%23c", false},
      {"/.well-known/acme", PathVerdict::good, ".well-known/acme", "/.well-known/acme", false},
      {"/a/.well-known/x", PathVerdict::hidden, "", "", false},
      {"/.git/config", PathVerdict::hidden, "", "", false},
      {"/a/.htaccess", PathVerdict::hidden, "", "", false},
      {"//.git", PathVerdict::hidden, "", "", false},
      {"/..", PathVerdict::hidden, "", "", false},
      {"/a/../b", PathVerdict::hidden, "", "", false},
      {"/...", PathVerdict::hidden, "", "", false},
      {"/a%2Fb", PathVerdict::malformed, "", "", false},
      {"/a%5Cb", PathVerdict::malformed, "", "", false},
      {"/a%00", PathVerdict::malformed, "", "", false},
      {"/%C0%AF", PathVerdict::malformed, "", "", false},
      {"/%ED%A0%80", PathVerdict::malformed, "", "", false},
      {"/%FF", PathVerdict::malformed, "", "", false},
  };
  RequestPath out;
  for (const Case& one : cases) {
    ASSERT_EQ(read_request_path(one.path, "", out), one.verdict) << one.path;
    if (one.verdict != PathVerdict::good) continue;
    EXPECT_EQ(out.relative, one.relative) << one.path;
    EXPECT_EQ(out.key, one.key) << one.path;
    EXPECT_EQ(out.directory, one.directory) << one.path;
  }
}

// A key must be found by the request path that equals it and mean the same: the hit path relies on
// it.
TEST(RequestPath, KeysAreFixedPoints) {
  for (const std::string path : {"/", "/a", "/a/b/", "/a%20b", "/100%25", "/a%2Cb", "/[x]|^",
                                 "/a:b@c;d=e", "/%22%3C%3E%60"}) {
    RequestPath first;
    RequestPath second;
    ASSERT_EQ(read_request_path(path, "", first), PathVerdict::good);
    ASSERT_EQ(read_request_path(first.key, "", second), PathVerdict::good);
    EXPECT_EQ(first.key, second.key);
    EXPECT_EQ(first.relative, second.relative);
  }
}

TEST(RequestPath, EncodesWhatAUrlCannotHold) {
  std::string out;
  append_encoded(out, "a b%c\"d<e>f\\g?h#i\x7F\xC3\xA4{}`");
  EXPECT_EQ(out, "a%20b%25c%22d%3Ce%3Ef%5Cg%3Fh%23i%7F%C3%A4%7B%7D%60");
  out.clear();
  append_encoded(out, "-._~!$&'()*+,;=:@/");
  EXPECT_EQ(out, "-._~!$&'()*+,;=:@/");
}

TEST(RequestPath, APrefixIsTakenOff) {
  struct Stripped {
    std::string path;
    std::string relative;
    std::string key;
    bool lacks_slash;
  };
  const std::vector<Stripped> cases = {
      {"/docs/a%20b", "a b", "/docs/a%20b", false},
      {"/docs/", "", "/docs/", false},
      {"/docs//a/", "a", "/docs/a/", false},
      {"/docs", "", "/docs", true},
      {"/docsa", "docsa", "/docsa", false},
      {"/other/a", "other/a", "/other/a", false},
      {"/", "", "/", false},
  };
  RequestPath out;
  for (const Stripped& one : cases) {
    ASSERT_EQ(read_request_path(one.path, "/docs", out), PathVerdict::good) << one.path;
    EXPECT_EQ(out.relative, one.relative) << one.path;
    EXPECT_EQ(out.key, one.key) << one.path;
    EXPECT_EQ(out.lacks_slash(), one.lacks_slash) << one.path;
  }
}

}  // namespace
}  // namespace sluice::handler
