// Places in a text, and texts that the TOML library would not survive.
#include "conf/document.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::conf {
namespace {

Node parsed(const std::string& text) { return std::get<Node>(parse_document(text, 3)); }

TEST(Document, EntriesStandInTheTextsOrderWithTheirPlaces) {
  const Node root = parsed("b = 1\na = [ \"x\",\n  2 ]\n[t]\ni = { e = true }\n");
  ASSERT_EQ(root.entries.size(), 3U);
  EXPECT_EQ(root.entries[0].key, "b");
  EXPECT_EQ(root.entries[1].key, "a");
  const Node& two = root.entries[1].value.items.at(1);
  EXPECT_EQ(two.integer, 2);
  EXPECT_EQ(two.place.source, 3U);
  EXPECT_EQ(two.place.line, 3U);
  EXPECT_EQ(two.place.column, 3U);
  EXPECT_EQ(two.place.end_column, 4U);
}

TEST(Document, ColumnsCountCharacters) {
  const Node root = parsed("a = { b = \"日本\", c = true }\n");
  const Entry& c = root.entries.at(0).value.entries.at(1);
  EXPECT_EQ(c.key_place.column, 17U);
  EXPECT_TRUE(c.value.boolean);
}

TEST(Document, FindsNoBadValues) {
  Node root = parsed("a = 1\n");
  EXPECT_NE(root.find("a"), nullptr);
  EXPECT_FALSE(root.has_bad_entry());
  root.entries[0].value.bad = true;
  EXPECT_EQ(root.find("a"), nullptr);
  EXPECT_NE(root.entry("a"), nullptr);
  EXPECT_TRUE(root.has_bad_entry());
  EXPECT_EQ(root.entry("b"), nullptr);
}

std::string dotted(size_t segments) {
  std::string key = "a";
  for (size_t i = 1; i < segments; ++i) key += ".a";
  return key;
}

TEST(Document, KeysThatGoTooDeepAreFoundBeforeTheLibrarySeesThem) {
  EXPECT_FALSE(too_deep_key(dotted(kDeepestKey) + " = 1\n", 0));
  for (const std::string& text :
       {dotted(kDeepestKey + 1) + " = 1\n", "[" + dotted(100'000) + "]\n",
        "x = { " + dotted(100'000) + " = 1 }\n", "\"a\"." + dotted(kDeepestKey) + " = 1\n"}) {
    EXPECT_TRUE(too_deep_key(text, 0)) << text.substr(0, 40);
  }
  const auto place = too_deep_key("b = 1\n" + dotted(100), 0);
  ASSERT_TRUE(place);
  EXPECT_EQ(place->line, 2U);
  EXPECT_EQ(place->column, 2 * kDeepestKey);
}

TEST(Document, DotsInStringsAndCommentsAreNoKeys) {
  const std::string dots(1000, '.');
  for (const std::string& text :
       {"a = \"" + dots + "\"\n", "a = '" + dots + "'\n", "# " + dots + "\n",
        "a = \"\"\"\n" + dots + "\n\"\"\"\n", "a = '''\n" + dots + "'\n'''\n",
        "a = \"\\\"" + dots + "\"\n", std::string("a = [1.5, 1.5, 1.5]\n")}) {
    EXPECT_FALSE(too_deep_key(text, 0)) << text.substr(0, 20);
    EXPECT_TRUE(std::holds_alternative<Node>(parse_document(text, 0))) << text.substr(0, 20);
  }
}

TEST(Document, DeepValuesAreAnErrorOfTheLibrary) {
  EXPECT_TRUE(
      std::holds_alternative<SyntaxError>(parse_document("a = " + std::string(100'000, '['), 0)));
}

// Each of these was an assertion, or worse, inside of the library.
TEST(Document, WhatTheLibraryTakesForImpossibleIsASyntaxError) {
  for (const std::string text : {"[!]\n", "[[\x18]]\n", "a = Ü\n", "a = {}Ü\n", "[é]\n"}) {
    EXPECT_TRUE(std::holds_alternative<SyntaxError>(parse_document(text, 0))) << text;
  }
}

}  // namespace
}  // namespace sluice::conf
