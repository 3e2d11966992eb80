// The kinds of matches, and the order of routes that users are told.
#include "conf/path_matcher.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::conf {
namespace {

using enum PathMatch::Kind;

std::string rest(PathMatch match, std::string_view path) {
  Captures captures;
  if (!PathMatcher(std::move(match)).matches(path, captures)) return "no";
  return captures.count == 0 ? "none" : std::string(captures.texts[0]);
}

TEST(PathMatcher, ComparesByKind) {
  EXPECT_EQ(rest({exact, "/a"}, "/a"), "none");
  EXPECT_EQ(rest({exact, "/a"}, "/a/"), "no");
  EXPECT_EQ(rest({prefix, "/docs/"}, "/docs/a/b"), "a/b");
  EXPECT_EQ(rest({prefix, "/docs/"}, "/docs/"), "");
  EXPECT_EQ(rest({prefix, "/docs/"}, "/docs"), "no");
  EXPECT_EQ(rest({prefix, "/docs"}, "/docs"), "");
  EXPECT_EQ(rest({prefix, "/docs"}, "/docs/a"), "/a");
  EXPECT_EQ(rest({prefix, "/docs"}, "/docsomething"), "no");
  EXPECT_EQ(rest({prefix, "/"}, "/x"), "x");
  EXPECT_EQ(rest({prefix, "/"}, "*"), "no");  // OPTIONS *
  EXPECT_EQ(rest({pattern, "/a/*/c"}, "/a/b/c"), "b");
}

std::vector<std::string> ordered(const std::vector<PathMatch>& matches) {
  std::vector<Route> routes;
  for (const PathMatch& match : matches) routes.push_back({.match = match, .action = {}});
  std::vector<std::string> texts;
  for (const uint32_t index : route_order(routes)) texts.push_back(matches[index].text);
  return texts;
}

TEST(RouteOrder, IsByWhatIsMostSpecific) {
  EXPECT_EQ(ordered({{prefix, "/"}, {pattern, "/a*"}, {prefix, "/abc/"}, {exact, "/"}}),
            (std::vector<std::string>{"/", "/abc/", "/a*", "/"}));
  // Equal up to the wildcard: more literal octets; a pattern before a prefix.
  EXPECT_EQ(ordered({{prefix, "/a/"}, {pattern, "/a/**"}, {pattern, "/a/*.js"}, {pattern, "*.x"}}),
            (std::vector<std::string>{"/a/*.js", "/a/**", "/a/", "*.x"}));
}

TEST(RouteOrder, IsAsWrittenAmongEquals) {
  std::vector<Route> routes(4);
  routes[0].match = {prefix, "/b"};
  routes[1].match = {exact, "/zz"};
  routes[2].match = {prefix, "/a"};
  routes[3].match = {exact, "/y"};
  EXPECT_EQ(route_order(routes), (std::vector<uint32_t>{1, 3, 0, 2}));
}

}  // namespace
}  // namespace sluice::conf
