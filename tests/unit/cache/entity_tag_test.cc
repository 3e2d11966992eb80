// Entity tags and their lists (RFC 9110 section 8.8.3).
#include "cache/entity_tag.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::cache {
namespace {

TEST(EntityTag, IsReadWhole) {
  for (const std::string_view good :
       {"\"xyzzy\"", "W/\"xyzzy\"", "\"\"", "\"!#~\"", "\"a,b\"", "\"W/\"", "\"\x80\xff\""}) {
    const auto tag = parse_entity_tag(good);
    ASSERT_TRUE(tag) << good;
    EXPECT_EQ(tag->weak, good.front() == 'W') << good;
    EXPECT_EQ((tag->weak ? "W/" : "") + std::string(tag->opaque), good);
  }
  for (const std::string_view bad :
       {"", "xyzzy", "\"", "\"xyzzy", "xyzzy\"", "w/\"xyzzy\"", "W\"xyzzy\"", "W/xyzzy", "W/",
        "W/ \"xyzzy\"", "\"a b\"", "\"a\tb\"", "\"a\"b\"", "\"a\" ", " \"a\"", "\"a\",\"b\"", "'a'",
        "*", "\"\x7f\""}) {
    EXPECT_FALSE(parse_entity_tag(bad)) << bad;
  }
}

// The table of section 8.8.3.2.
TEST(EntityTag, ComparesStronglyAndWeakly) {
  struct Case {
    std::string_view left, right;
    bool strong, weak;
  };
  for (const Case& test :
       {Case{"W/\"1\"", "W/\"1\"", false, true}, Case{"W/\"1\"", "W/\"2\"", false, false},
        Case{"W/\"1\"", "\"1\"", false, true}, Case{"\"1\"", "W/\"1\"", false, true},
        Case{"\"1\"", "\"1\"", true, true}, Case{"\"a\"", "\"A\"", false, false}}) {
    const auto left = parse_entity_tag(test.left);
    const auto right = parse_entity_tag(test.right);
    ASSERT_TRUE(left && right);
    EXPECT_EQ(matches_strongly(*left, *right), test.strong) << test.left << test.right;
    EXPECT_EQ(matches_weakly(*left, *right), test.weak) << test.left << test.right;
  }
}

// "1", W/"2", * and where it stopped: "." at the end, "!" at a flaw.
std::string elements(std::string_view list) {
  std::string text;
  for (;;) {
    EntityTag tag;
    switch (next_entity_tag(list, tag)) {
      case TagElement::tag:
        text.append(tag.weak ? "W" : "").append(tag.opaque);
        break;
      case TagElement::any:
        text.append("*");
        break;
      case TagElement::end:
        return text + ".";
      case TagElement::flaw:
        return text + "!";
    }
  }
}

TEST(EntityTag, ComesInLists) {
  EXPECT_EQ(elements(""), ".");
  EXPECT_EQ(elements("\"1\""), "\"1\".");
  EXPECT_EQ(elements("\"1\", W/\"2\" ,\"3\""), "\"1\"W\"2\"\"3\".");
  EXPECT_EQ(elements("\"1\",\"2\""), "\"1\"\"2\".");
  EXPECT_EQ(elements(" , \"1\",,\t,\"2\", "), "\"1\"\"2\".");
  EXPECT_EQ(elements("\"a,b\",\"c\""), "\"a,b\"\"c\".");
  EXPECT_EQ(elements("*"), "*.");
  EXPECT_EQ(elements(" * "), "*.");
  EXPECT_EQ(elements("*,\"1\""), "*\"1\".");
}

TEST(EntityTag, ListsEndAtAFlaw) {
  EXPECT_EQ(elements("1"), "!");
  EXPECT_EQ(elements("\"1\" \"2\""), "!");
  EXPECT_EQ(elements("\"1\", 2, \"3\""), "\"1\"!");
  EXPECT_EQ(elements("\"1\", \"2"), "\"1\"!");
  EXPECT_EQ(elements("\"1\"; \"2\""), "!");
  EXPECT_EQ(elements("**"), "!");
  EXPECT_EQ(elements("W/*"), "!");
  EXPECT_EQ(elements("\"1\", w/\"2\""), "\"1\"!");
}

}  // namespace
}  // namespace sluice::cache
