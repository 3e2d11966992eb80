// What is called unreachable is unreachable: random routes and rules, compared with every short
// path.
#include "conf/reading/shadow.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "conf/path_matcher.h"
#include "conf/reader.h"
#include "tests/support/memory_files.h"

namespace sluice::conf {
namespace {

// Every path of up to six octets of "/", "a" and "b".
const std::vector<std::string>& all_paths() {
  static const std::vector<std::string> kPaths = [] {
    std::vector<std::string> paths = {"/"};
    for (size_t i = 0; i < paths.size() && paths[i].size() < 6; ++i) {
      for (const char c : {'/', 'a', 'b'}) paths.push_back(paths[i] + c);
    }
    return paths;
  }();
  return kPaths;
}

std::string random_text(std::mt19937& random, bool pattern, std::string text) {
  static constexpr std::string_view kPieces[] = {"/", "a", "b", "*", "**"};
  for (size_t i = random() % 4; i > 0; --i) {
    const std::string_view piece = kPieces[random() % (pattern ? 5 : 3)];
    if (piece.starts_with('*') && text.ends_with('*')) continue;
    text += piece;
  }
  return text;
}

Route random_route(std::mt19937& random) {
  const auto kind = static_cast<PathMatch::Kind>(random() % 3);
  Route route{.match = {kind, random_text(random, kind == PathMatch::Kind::pattern, "/")},
              .action = RespondAction()};
  if (random() % 4 == 0) route.action = FilesAction{.root = "/", .else_next = true};
  return route;
}

// The routes that answer some path, or are asked for one before another answers it.
std::set<uint32_t> reached(const std::vector<Route>& routes) {
  std::set<uint32_t> found;
  std::vector<PathMatcher> matchers;
  for (const Route& route : routes) matchers.emplace_back(route.match);
  const std::vector<uint32_t> order = route_order(routes);
  for (const std::string& path : all_paths()) {
    for (const uint32_t index : order) {
      if (!matchers[index].matches(path)) continue;
      found.insert(index);
      if (std::holds_alternative<RespondAction>(routes[index].action)) break;
    }
  }
  return found;
}

TEST(Shadow, RoutesThatAreCalledHiddenAreNeverReached) {
  std::mt19937 random(1);
  size_t warned = 0, missed = 0;
  for (int round = 0; round < 2000; ++round) {
    std::vector<Route> routes;
    std::vector<Place> places;
    for (uint32_t i = 0; i < 5; ++i) {
      routes.push_back(random_route(random));
      places.push_back(
          {.source = 0, .line = i + 1, .column = 1, .end_line = i + 1, .end_column = 2});
    }
    Report report;
    report.add_source("routes", "1\n2\n3\n4\n5\n");
    warn_of_hidden_routes(routes, places, report);
    const std::set<uint32_t> seen = reached(routes);
    const Diagnostics found = report.take();
    for (const Diagnostic& one : found) {
      EXPECT_FALSE(seen.contains(one.line - 1))
          << one.message << " " << routes[one.line - 1].match.text;
    }
    warned += found.size();
    missed += routes.size() - seen.size() - found.size();
  }
  EXPECT_GT(warned, 200U);
  // Some are hidden by several routes together, or by patterns that only happen to be wider.
  EXPECT_LT(missed, warned);
}

TEST(Shadow, RulesForCachesThatAreCalledUnreachableDecideNothing) {
  std::mt19937 random(2);
  size_t warned = 0;
  for (int round = 0; round < 1000; ++round) {
    std::vector<std::string> rules;
    std::string text = "[[site]]\nroot = \"/public\"\ncache = [\n";
    for (int i = 0; i < 5; ++i) {
      std::string rule = random_text(random, true, random() % 3 == 0 ? "*" : "/");
      if (random() % 8 == 0) rule = "**";
      if (!PathPattern::problem(rule).empty()) rule = "/a";
      rules.push_back(rule);
      text += "{ match = \"" + rule + "\", store = \"no-cache\" },\n";
    }
    test::MemoryFiles files({{"/main.toml", text + "]\n"}}, {"/public"});
    const Reading reading = read_configuration(
        "/main.toml", [](std::string_view) { return std::nullopt; }, files);
    std::set<size_t> deciding;
    for (const std::string& path : all_paths()) {
      for (size_t i = 0; i < rules.size(); ++i) {
        if (!PathPattern(rules[i]).matches(path)) continue;
        deciding.insert(i);
        break;
      }
    }
    for (const Diagnostic& one : reading.diagnostics) {
      if (one.code != "unreachable-cache-rule") continue;
      ++warned;
      EXPECT_FALSE(deciding.contains(one.line - 4)) << one.message << "\n" << text;
    }
  }
  EXPECT_GT(warned, 100U);
}

}  // namespace
}  // namespace sluice::conf
