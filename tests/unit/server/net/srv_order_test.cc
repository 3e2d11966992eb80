// RFC 2782: priorities are kept strictly, weights by lot.
#include "server/net/srv_order.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace sluice::net {
namespace {

TEST(SrvOrder, ALesserPriorityComesFirst) {
  std::mt19937 random(1);
  for (int i = 0; i < 50; ++i) {
    std::vector<SrvRecord> services = {
        {"c", 1, 30, 0}, {"a", 1, 10, 1}, {"b", 1, 20, 65535}, {"a", 2, 10, 65535}};
    order_services(services, random);
    EXPECT_EQ(services[0].target, "a");
    EXPECT_EQ(services[1].target, "a");
    EXPECT_EQ(services[2].target, "b");
    EXPECT_EQ(services[3].target, "c");
  }
}

TEST(SrvOrder, AmongEqualsTheWeightIsTheShareOfFirstPlaces) {
  std::mt19937 random(1);
  std::map<std::string, int> first;
  for (int i = 0; i < 10'000; ++i) {
    std::vector<SrvRecord> services = {{"small", 1, 1, 10}, {"none", 1, 1, 0}, {"large", 1, 1, 90}};
    order_services(services, random);
    ++first[services[0].target];
    ASSERT_EQ(services.size(), 3u);
  }
  EXPECT_NEAR(first["large"], 9'000 * 100 / 101, 200);
  EXPECT_NEAR(first["small"], 1'000 * 100 / 101, 200);
  EXPECT_GT(first["none"], 20) << "a small chance, as the RFC has it";
  EXPECT_LT(first["none"], 250);
}

TEST(SrvOrder, NoneAndOneStayAsTheyAre) {
  std::mt19937 random(1);
  std::vector<SrvRecord> none;
  order_services(none, random);
  EXPECT_TRUE(none.empty());
  std::vector<SrvRecord> one = {{"a", 1, 1, 0}};
  order_services(one, random);
  EXPECT_EQ(one, (std::vector<SrvRecord>{{"a", 1, 1, 0}}));
}

}  // namespace
}  // namespace sluice::net
