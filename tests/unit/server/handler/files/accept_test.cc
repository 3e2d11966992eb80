// Media ranges, as clients write them and as they should not.
#include "server/handler/files/accept.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::handler {
namespace {

// "type=weight" of each range.
std::string ranges(std::string_view value) {
  std::string text;
  MediaRange range;
  while (next_media_range(value, range)) {
    text.append(text.empty() ? "" : " ").append(range.type).append("=");
    text.append(std::to_string(range.weight));
  }
  return text;
}

TEST(Accept, TakesRangesApart) {
  EXPECT_EQ(ranges("text/html"), "text/html=1000");
  EXPECT_EQ(ranges("text/html , */*;q=0.8"), "text/html=1000 */*=800");
  EXPECT_EQ(ranges("text/html;level=1; q=0.123,text/*;Q=0"), "text/html=123 text/*=0");
  EXPECT_EQ(ranges("text/html\t;\tq=1.000"), "text/html=1000");
}

TEST(Accept, QuotedStringsAreNoLists) {
  EXPECT_EQ(ranges(R"(a/b;x=",text/html;q=1";q=0.5, c/d)"), "a/b=500 c/d=1000");
  EXPECT_EQ(ranges(R"(a/b;x="\",text/html,")"), "a/b=1000");
  EXPECT_EQ(ranges(R"(a/b;x="open, text/html)"), "a/b=1000");
  EXPECT_EQ(ranges("a/b;x=\"\\"), "a/b=1000");
}

TEST(Accept, EmptyElementsAreSkipped) {
  EXPECT_EQ(ranges(""), "");
  EXPECT_EQ(ranges(" , ,, text/html,"), "text/html=1000");
}

TEST(Accept, WeightsThatCannotBeReadCountAsOne) {
  for (const std::string weight : {"", "2", "0.5x", "-1", "0.12345", "x"}) {
    EXPECT_EQ(ranges("a/b;q=" + weight), "a/b=1000") << weight;
  }
  EXPECT_EQ(ranges("a/b;q=1.9"), "a/b=1000");
  EXPECT_EQ(ranges("a/b;q=0."), "a/b=0");
}

}  // namespace
}  // namespace sluice::handler
