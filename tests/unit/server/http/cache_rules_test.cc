// Which rule decides, and what its words become.
#include "server/http/cache_rules.h"

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

using From = conf::CacheRule::Storing;
using To = cache::Freshness::Storing;

TEST(CacheRules, TheFirstThatMatchesDecides) {
  const CacheRules rules(
      {{.match = "/a/**", .storing = From::no_store},
       {.match = "*.css", .storing = From::max_age, .max_age = std::chrono::seconds(7)},
       {.match = "/**", .storing = From::no_cache}});
  EXPECT_EQ(rules.find("/a/x.css"), 0u);
  EXPECT_EQ(rules.find("/b/x.css"), 1u);
  EXPECT_EQ(rules.find("/b"), 2u);
  EXPECT_EQ(CacheRules({}).find("/"), std::nullopt);
}

TEST(CacheRules, EachWordOfTheConfigurationHasItsOwnMeaning) {
  const CacheRules rules({{.match = "/0", .storing = From::no_store},
                          {.match = "/1", .storing = From::no_cache, .private_response = true},
                          {.match = "/2",
                           .storing = From::max_age,
                           .max_age = std::chrono::seconds(60),
                           .immutable = true},
                          {.match = "/3", .storing = From::nothing}});
  EXPECT_EQ(rules.freshness(0).storing, To::no_store);
  EXPECT_EQ(rules.freshness(1).storing, To::no_cache);
  EXPECT_TRUE(rules.freshness(1).private_response);
  EXPECT_EQ(rules.freshness(2).storing, To::max_age);
  EXPECT_EQ(rules.freshness(2).max_age, 60u);
  EXPECT_TRUE(rules.freshness(2).immutable);
  EXPECT_EQ(rules.freshness(3).storing, To::nothing);
}

}  // namespace
}  // namespace sluice::http
