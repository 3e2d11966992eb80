// Path patterns, against a matcher that tries everything, and on inputs made to be slow.
#include "conf/pattern.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace sluice::conf {
namespace {

// What the pattern captured, joined by '|'; "no" when it does not match.
std::string captured(std::string_view pattern, std::string_view path) {
  const PathPattern compiled(pattern);
  Captures captures;
  if (!compiled.matches(path, captures)) return "no";
  EXPECT_TRUE(compiled.matches(path));
  std::string text;
  for (size_t i = 0; i < captures.count; ++i) {
    if (i > 0) text += '|';
    text += captures.texts[i];
  }
  return text;
}

TEST(PathPattern, StarStaysWithinASegment) {
  EXPECT_EQ(captured("/blog/*/x", "/blog/2024/x"), "2024");
  EXPECT_EQ(captured("/blog/*/x", "/blog//x"), "");
  EXPECT_EQ(captured("/blog/*/x", "/blog/a/b/x"), "no");
  EXPECT_EQ(captured("/blog/*", "/blog/a/b"), "no");
  EXPECT_EQ(captured("/*.html", "/a.html.html"), "a.html");
  EXPECT_EQ(captured("/a*b*c", "/aXbYbZc"), "X|YbZ");
  EXPECT_EQ(captured("/a*a", "/a"), "no");
  EXPECT_EQ(captured("/a*ab", "/ab"), "no");
  EXPECT_EQ(captured("/same", "/same"), "");
  EXPECT_EQ(captured("/same", "/sameX"), "no");
}

TEST(PathPattern, DoubleStarCrossesSegments) {
  EXPECT_EQ(captured("/a/**", "/a/b/c"), "b/c");
  EXPECT_EQ(captured("/a/**", "/a/"), "");
  EXPECT_EQ(captured("/**/x/*", "/1/x/2/x/3"), "1/x/2|3");
  EXPECT_EQ(captured("**/x.css", "/a/b/x.css"), "/a/b");
  EXPECT_EQ(captured("/**.js", "/a.js/b.js"), "a.js/b");
}

// As few octets as the rest allows, from the left.
TEST(PathPattern, CapturesAreShort) {
  EXPECT_EQ(captured("/**/b/**", "/a/b/c/b/d"), "a|c/b/d");
  EXPECT_EQ(captured("/**a*b", "/aXaYb"), "|XaY");
  // The first 'a' is followed by a slash before any 'b'.
  EXPECT_EQ(captured("/**a*b", "/aX/aYb"), "aX/|Y");
  EXPECT_EQ(captured("/**a*/b*c/**", "/a/x/a1/b2c/3"), "a/x/|1|2|3");
}

TEST(PathPattern, NamesAreComparedWithTheLastSegment) {
  EXPECT_EQ(captured("*.css", "/a/b.css"), "b");
  EXPECT_EQ(captured("*.css", "/b.css"), "b");
  EXPECT_EQ(captured("*.css", "/a.css/b"), "no");
  EXPECT_EQ(captured("*-*.js", "/x/app-1f.js"), "app|1f");
  EXPECT_EQ(captured("*", "/x/"), "");
}

// "%20" is one octet: what is captured of a path can be put into another one.
TEST(PathPattern, NoWildcardEndsWithinAnEncoding) {
  EXPECT_EQ(captured("/v*0/**", "/v%20/x"), "no");
  EXPECT_EQ(captured("/v*0/**", "/v%200/x"), "%20|x");
  EXPECT_EQ(captured("/*B", "/a%3B"), "no");
  EXPECT_EQ(captured("/*B", "/a%3BB"), "a%3B");
  EXPECT_EQ(captured("/a*%20b*", "/a%25%20bc"), "%25|c");
  EXPECT_EQ(captured("/a%2*", "/a%20"), "no");
  EXPECT_EQ(captured("/*%2*", "/a%20"), "no");
}

TEST(PathPattern, SaysWhatIsWrong) {
  for (std::string_view good :
       {"/", "/*", "/**", "*", "**", "*.css", "/a**b*c", "**/x", "/*1*2*3*4*5*6*7*8*9"}) {
    EXPECT_EQ(PathPattern::problem(good), "") << good;
  }
  for (std::string_view bad : {"", "a", "/***", "/****", "*/x", "*.css/", "/*1*2*3*4*5*6*7*8*9*"}) {
    EXPECT_NE(PathPattern::problem(bad), "") << bad;
  }
}

TEST(PathPattern, KnowsHowSpecificItIs) {
  EXPECT_EQ(PathPattern("/a/*/bc").literal_prefix(), "/a/");
  EXPECT_EQ(PathPattern("/a/*/bc").literal_octets(), 6U);
  EXPECT_EQ(PathPattern("/a").literal_prefix(), "/a");
  EXPECT_EQ(PathPattern("*.css").literal_prefix(), "");
}

// Tries every length of every wildcard, shortest first: the definition.
bool naive(std::string_view pattern, std::string_view path, std::vector<std::string>& captures) {
  if (pattern.empty()) return path.empty();
  if (pattern.front() != '*')
    return path.starts_with(pattern.front()) && naive(pattern.substr(1), path.substr(1), captures);
  const bool crosses = pattern.starts_with("**");
  for (size_t size = 0; size <= path.size(); ++size) {
    if (!crosses && path.substr(0, size).find('/') != std::string_view::npos) return false;
    captures.emplace_back(path.substr(0, size));
    if (naive(pattern.substr(crosses ? 2 : 1), path.substr(size), captures)) return true;
    captures.pop_back();
  }
  return false;
}

std::string naive_captured(std::string_view pattern, std::string_view path) {
  std::vector<std::string> captures;
  if (!naive(pattern, path, captures)) return "no";
  std::string text;
  for (size_t i = 0; i < captures.size(); ++i) text += (i > 0 ? "|" : "") + captures[i];
  return text;
}

std::string random_text(std::mt19937& random, std::string_view alphabet, size_t most) {
  std::string text = "/";
  for (size_t left = random() % most; left > 0; --left)
    text += alphabet[random() % alphabet.size()];
  return text;
}

TEST(PathPattern, IsTheNaiveMatcher) {
  std::mt19937 random(20260101);
  int matched = 0;
  for (int round = 0; round < 100'000; ++round) {
    const std::string pattern = random_text(random, round % 2 == 0 ? "a/*" : "ab/**", 10);
    if (!PathPattern::problem(pattern).empty()) continue;
    const std::string path = random_text(random, round % 2 == 0 ? "a/" : "ab/", 14);
    const std::string expected = naive_captured(pattern, path);
    ASSERT_EQ(captured(pattern, path), expected) << pattern << " " << path;
    matched += expected == "no" ? 0 : 1;
  }
  EXPECT_GT(matched, 1000);
}

// Trying everything would take longer than the universe has been there.
TEST(PathPattern, HostilePathsAreCheap) {
  const std::string path = "/" + std::string(8 * 1024, 'a');
  std::string slashes = "/";
  for (int i = 0; i < 4 * 1024; ++i) slashes += "a/";
  for (std::string_view pattern :
       {"/*a*a*a*a*a*a*a*a*b", "/**a**a**a**a**a**a**a**a**b", "/**a*a*a*a*a*a*a*a*b",
        "/*a*a*a*a*a*a*a*b*", "/**a**a**a**a**a**a**a**b*", "/**a*a*a*a*a*a*a*b**",
        "/**aaaaaaaa*aaaaaaaa*aaaaaaaa*aaaaaaaa*b*", "/**a*/a*/a*/a*/a*/a*/a*/a*/b*",
        "/**/a**/a*/a**/a*/a**/a*/a**/b*"}) {
    for (int again = 0; again < 20; ++again) {
      EXPECT_EQ(captured(pattern, path), "no") << pattern;
      EXPECT_EQ(captured(pattern, slashes), "no") << pattern;
    }
  }
}

TEST(Substitute, ReplacesCapturesAndTheQuery) {
  Captures captures;
  captures.texts[0] = "one";
  captures.texts[1] = "two";
  captures.count = 2;
  const auto put = [&](std::string_view to) { return substitute(to, captures, true, "q=$1"); };
  EXPECT_EQ(put("/x/$2/$1"), "/x/two/one");
  EXPECT_EQ(put("/x$query"), "/x?q=$1");
  EXPECT_EQ(put("/$3/"), "//");
  EXPECT_EQ(put("/$$1/$"), "/$1/$");
  EXPECT_EQ(put("/$0$x$"), "/$0$x$");
  EXPECT_EQ(put("$1$1"), "oneone");
  EXPECT_EQ(substitute("/x$query", captures, false, ""), "/x");
  EXPECT_EQ(substitute("/x$query", captures, true, ""), "/x?");
}

}  // namespace
}  // namespace sluice::conf
