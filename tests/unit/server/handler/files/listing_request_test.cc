// A listing's order by the query and its form by Accept.
#include "server/handler/files/listing_request.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::handler {
namespace {

TEST(ListingOrder, IsReadFromTheQuery) {
  struct Case {
    std::string_view query;
    ListingSort sort;
    bool descending;
  };
  const std::vector<Case> cases = {
      {"", ListingSort::name, false},
      {"sort=size", ListingSort::size, false},
      {"sort=time&order=desc", ListingSort::time, true},
      {"order=desc&sort=name", ListingSort::name, true},
      {"sort=SIZE", ListingSort::name, false},
      {"xsort=size", ListingSort::name, false},
      {"sortx=size&sort", ListingSort::name, false},
      {"&&sort=size&&&order=up", ListingSort::size, false},
      {"sort=size&sort=time", ListingSort::time, false},
      {"sort=%73ize", ListingSort::name, false},
  };
  for (const Case& one : cases) {
    const ListingOrder order = listing_order(one.query);
    EXPECT_EQ(order.sort, one.sort) << one.query;
    EXPECT_EQ(order.descending, one.descending) << one.query;
  }
}

bool json_for(const std::vector<std::string_view>& accept) {
  FieldList fields;
  for (const std::string_view value : accept) fields.add("Accept", value, FieldId::accept);
  return prefers_json(fields);
}

TEST(ListingForm, FollowsAccept) {
  EXPECT_FALSE(json_for({}));
  EXPECT_FALSE(json_for({"*/*"}));
  EXPECT_FALSE(json_for({"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}));
  EXPECT_TRUE(json_for({"application/json"}));
  EXPECT_TRUE(json_for({"Application/JSON"}));
  EXPECT_TRUE(json_for({"application/*"}));
  EXPECT_TRUE(json_for({"application/json, text/plain, */*;q=0.1"}));
  EXPECT_TRUE(json_for({"text/html;q=0.5, application/json;q=0.51"}));
  EXPECT_TRUE(json_for({"text/html ; q=0.5 , application/json"}));
  EXPECT_FALSE(json_for({"text/html, application/json"}));
  EXPECT_FALSE(json_for({"text/html, application/json;q=0.999"}));
  EXPECT_FALSE(json_for({"application/json;q=0"}));
  EXPECT_FALSE(json_for({"application/json;q=0, */*"}));
  EXPECT_TRUE(json_for({"text/html;q=0, */*"}));
  EXPECT_TRUE(json_for({"text/plain", "application/json"})) << "two lines are one list";
}

TEST(ListingForm, SurvivesNonsense) {
  for (const std::string_view value : {"", ",", ";;;", "/", "json", "*/json", "application/json/",
                                       ",,;q=1,", "text/html;q=9.9.9", "a/b;q="}) {
    EXPECT_FALSE(json_for({value})) << value;
  }
  EXPECT_TRUE(json_for({"application/json;q=x"})) << "a malformed weight is none";
}

}  // namespace
}  // namespace sluice::handler
