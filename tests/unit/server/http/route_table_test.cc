// The route table is a linear scan in the documented order, only faster.
#include "server/http/route_table.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace sluice::http {
namespace {

using enum conf::PathMatch::Kind;

std::vector<conf::Route> routes_of(const std::vector<conf::PathMatch>& matches) {
  std::vector<conf::Route> routes;
  for (const conf::PathMatch& match : matches) routes.push_back({.match = match, .action = {}});
  return routes;
}

// The indices of all routes that match, as `next` finds them one after the other.
std::vector<uint32_t> all_of(const RouteTable& table, std::string_view path) {
  std::vector<uint32_t> found;
  for (auto match = table.find(path); match; match = table.find(path, match->position + 1))
    found.push_back(match->route);
  return found;
}

TEST(RouteTable, FindsOneAfterTheOther) {
  const RouteTable table(routes_of({{prefix, "/"},
                                    {exact, "/docs/a"},
                                    {prefix, "/docs/"},
                                    {pattern, "/docs/*"},
                                    {exact, "/docs/a"},
                                    {prefix, "/do"},
                                    {prefix, "/docs/b"}}));
  EXPECT_EQ(all_of(table, "/docs/a"), (std::vector<uint32_t>{1, 4, 3, 2, 0}));
  EXPECT_EQ(all_of(table, "/docs/b/c"), (std::vector<uint32_t>{6, 2, 0}));
  EXPECT_EQ(all_of(table, "/docsx"), (std::vector<uint32_t>{0}));
  EXPECT_EQ(all_of(table, "*"), (std::vector<uint32_t>{}));
  EXPECT_EQ(all_of(RouteTable({}), "/"), (std::vector<uint32_t>{}));
}

std::string random_path(std::mt19937& random, std::string_view alphabet, size_t most) {
  std::string text = "/";
  for (size_t left = random() % most; left > 0; --left)
    text += alphabet[random() % alphabet.size()];
  return text;
}

conf::PathMatch random_match(std::mt19937& random) {
  switch (random() % 3) {
    case 0:
      return {exact, random_path(random, "ab/", 5)};
    case 1:
      return {prefix, random_path(random, "ab/", 5)};
    default:
      for (;;) {
        std::string text = random_path(random, "ab/*", 6);
        if (conf::PathPattern::problem(text).empty()) return {pattern, std::move(text)};
      }
  }
}

TEST(RouteTable, IsALinearScan) {
  std::mt19937 random(7);
  size_t found = 0;
  for (int round = 0; round < 400; ++round) {
    std::vector<conf::PathMatch> matches;
    for (size_t left = random() % 40; left > 0; --left) matches.push_back(random_match(random));
    const std::vector<conf::Route> routes = routes_of(matches);
    const RouteTable table(routes);
    const std::vector<uint32_t> order = conf::route_order(routes);
    EXPECT_EQ(table.order(), order);
    for (int i = 0; i < 20; ++i) {
      const std::string path = random_path(random, "ab/", 8);
      std::vector<uint32_t> expected;
      for (const uint32_t index : order) {
        if (conf::PathMatcher(matches[index]).matches(path)) expected.push_back(index);
      }
      ASSERT_EQ(all_of(table, path), expected) << path;
      found += expected.size();
    }
  }
  EXPECT_GT(found, 10'000U);
}

}  // namespace
}  // namespace sluice::http
