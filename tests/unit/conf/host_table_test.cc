// Hosts with wildcards beside each other, and names that are not what they look like.
#include "conf/host_table.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::conf {
namespace {

class HostTableTest : public ::testing::Test {
 protected:
  // 0 when nobody has it.
  uint32_t whose(std::string_view host) const {
    const uint32_t* const found = table.find(host);
    return found != nullptr ? *found : 0;
  }
  HostTable table;
};

TEST_F(HostTableTest, WithoutHostsNobodyHasAny) {
  EXPECT_TRUE(table.empty());
  EXPECT_EQ(whose("example.com"), 0U);
  EXPECT_EQ(whose(""), 0U);
}

TEST_F(HostTableTest, TheExactNameComesBeforeWildcardsAndTheLongestOfThese) {
  table.add("*.example.com", 1);
  table.add("*.a.example.com", 2);
  table.add("x.a.example.com", 3);
  EXPECT_FALSE(table.empty());
  EXPECT_EQ(whose("b.example.com"), 1U);
  EXPECT_EQ(whose("c.b.example.com"), 1U) << "however deep";
  EXPECT_EQ(whose("a.example.com"), 1U);
  EXPECT_EQ(whose("y.a.example.com"), 2U);
  EXPECT_EQ(whose("x.a.example.com"), 3U);
  EXPECT_EQ(whose("z.x.a.example.com"), 2U);
  EXPECT_EQ(whose("example.com"), 0U) << "is not below itself";
  EXPECT_EQ(whose("com"), 0U);
  EXPECT_EQ(whose("notexample.com"), 0U);
}

TEST_F(HostTableTest, ANameThatBeginsWithADotIsNoWildcard) {
  table.add("*.example.com", 1);
  table.add("*.open.example.com", 2);
  EXPECT_EQ(whose(".open.example.com"), 1U);
  EXPECT_EQ(whose(".example.com"), 0U);
}

TEST_F(HostTableTest, TheFirstStays) {
  for (const char* const host : {"a.example", "*.a.example"}) {
    table.add(host, 1);
    table.add(host, 2);
  }
  EXPECT_EQ(whose("a.example"), 1U);
  EXPECT_EQ(whose("b.a.example"), 1U);
}

}  // namespace
}  // namespace sluice::conf
