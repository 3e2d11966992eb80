// What is made of the tables of keys and committed is what they make now.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "conf/keys.h"
#include "conf/limit_scopes.h"
#include "conf/limits.h"
#include "conf/reference.h"
#include "conf/schema.h"

namespace sluice::conf {
namespace {

std::string contents(const std::string& path) {
  std::ifstream in(SLUICE_SOURCE_DIR "/" + path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(Generated, TheSchemaIsUpToDate) {
  EXPECT_TRUE(contents("conf/sluice.schema.json") == schema_text())
      << "keys have changed: build/debug/sluice check --schema > conf/sluice.schema.json";
}

TEST(Generated, ThePageOfReferenceIsUpToDate) {
  EXPECT_TRUE(contents("conf/REFERENCE.md") == reference_text())
      << "keys or limits have changed: build/debug/sluice check --reference > conf/REFERENCE.md";
}

TEST(Generated, ThePageHasEveryKeyAndEveryLimit) {
  const std::string page = reference_text();
  for (const Table* table : all_tables()) {
    for (const Key& key : table->keys) {
      EXPECT_NE(page.find("| `" + std::string(key.name) + "` |"), std::string::npos) << key.name;
    }
  }
  for (const LimitInfo& info : all_limits()) {
    const std::string row =
        "| `" + std::string(info.name) + "` | " + limit_text(Limits(), info) + " |";
    EXPECT_NE(page.find(row), std::string::npos) << info.name;
  }
}

TEST(Keys, EachIsNamedOncePerTableAndSaysWhatItIs) {
  for (const Table* table : all_tables()) {
    std::set<std::string_view> names;
    for (const Key& key : table->keys) {
      EXPECT_TRUE(names.insert(key.name).second) << table->title << " " << key.name;
      EXPECT_FALSE(key.about.empty()) << table->title << " " << key.name;
      const bool nested = (key.forms & (kTable | kTables)) != 0;
      EXPECT_EQ(nested, key.table != nullptr) << table->title << " " << key.name;
    }
  }
}

TEST(Keys, EveryLimitMayStandInTheFileAndAtMostOneNarrowerPlace) {
  size_t narrower = 0;
  for (const LimitInfo& info : all_limits()) {
    narrower += scope_of_limit(info.name) != LimitScope::process ? 1 : 0;
    EXPECT_NE(find_key(*find_key(file_table(), "limits")->table, info.name), nullptr) << info.name;
  }
  size_t keys = 0;
  for (const char* place : {"listener", "site"}) {
    const Key* table = find_key(file_table(), place);
    keys += find_key(*table->table, "limits")->table->keys.size();
  }
  // Fewer would mean that limit_scopes.cc names one that is no longer there.
  EXPECT_EQ(keys, narrower);
  EXPECT_EQ(narrower, 65U);
}

}  // namespace
}  // namespace sluice::conf
