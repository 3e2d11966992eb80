// What a target becomes for a request; above all that it leads where the configuration says, and
// nowhere else.
#include "server/handler/redirect.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::handler {
namespace {

using Kind = conf::PathMatch::Kind;

std::string target_of(const conf::PathMatch& match, std::string to, std::string_view path,
                      std::string_view query = {}, bool has_query = false) {
  RequestHead request;
  request.path = path;
  request.query = query;
  request.has_query = has_query || !query.empty();
  return RouteTarget(match, std::move(to)).of(request);
}

TEST(RedirectTarget, APatternsWildcardsAreItsCaptures) {
  const conf::PathMatch match{Kind::pattern, "/*/x/**.htm"};
  EXPECT_EQ(target_of(match, "/$2/$1.html", "/a/x/b/c.htm"), "/b/c/a.html");
  EXPECT_EQ(target_of(match, "/$1$1", "/a/x/b.htm"), "/aa");
}

TEST(RedirectTarget, APrefixHasTheRestOfThePath) {
  EXPECT_EQ(target_of({Kind::prefix, "/old/"}, "/new/$1", "/old/a/b"), "/new/a/b");
  EXPECT_EQ(target_of({Kind::prefix, "/old"}, "/new$1", "/old/a"), "/new/a");
  EXPECT_EQ(target_of({Kind::prefix, "/old"}, "/new$1", "/old"), "/new");
}

TEST(RedirectTarget, TheQueryGoesAlongOnlyWhereItIsAskedFor) {
  const conf::PathMatch match{Kind::exact, "/a"};
  EXPECT_EQ(target_of(match, "/b$query", "/a", "x=1&y=$1"), "/b?x=1&y=$1");
  EXPECT_EQ(target_of(match, "/b$query", "/a"), "/b");
  EXPECT_EQ(target_of(match, "/b$query", "/a", "", true), "/b?");
  EXPECT_EQ(target_of(match, "/b", "/a", "x=1"), "/b");
}

TEST(RedirectTarget, ADollarIsWrittenTwice) {
  EXPECT_EQ(target_of({Kind::exact, "/a"}, "/cost$$5", "/a"), "/cost$5");
}

TEST(RedirectTarget, WhatIsCapturedNamesNoOtherHost) {
  const conf::PathMatch match{Kind::prefix, "/go/"};
  EXPECT_EQ(target_of(match, "/$1", "/go//example.net/"), "/example.net/");
  EXPECT_EQ(target_of(match, "/$1", "/go////example.net"), "/example.net");
  EXPECT_EQ(target_of(match, "/$1", "/go/\\example.net"), "/example.net");
  EXPECT_EQ(target_of(match, "/$1", "/go/\\/example.net"), "/example.net");
  EXPECT_EQ(target_of({Kind::prefix, "/"}, "/$1", "//example.net"), "/example.net");
}

TEST(RedirectTarget, AUrlStaysOfItsHost) {
  const conf::PathMatch match{Kind::prefix, "/shop/"};
  EXPECT_EQ(target_of(match, "https://shop.example.com/$1", "/shop//evil.example/"),
            "https://shop.example.com//evil.example/");
}

}  // namespace
}  // namespace sluice::handler
