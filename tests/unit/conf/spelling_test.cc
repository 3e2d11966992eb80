// Distances between words, and what is suggested.
#include "conf/spelling.h"

#include <gtest/gtest.h>

#include <array>

namespace sluice::conf {
namespace {

TEST(Spelling, CountsEachSlipAsOne) {
  EXPECT_EQ(distance("root", "root"), 0U);
  EXPECT_EQ(distance("rot", "root"), 1U);
  EXPECT_EQ(distance("rooot", "root"), 1U);
  EXPECT_EQ(distance("roct", "root"), 1U);
  EXPECT_EQ(distance("rtoo", "root"), 2U);
  EXPECT_EQ(distance("orot", "root"), 1U);
  EXPECT_EQ(distance("", "root"), 4U);
  EXPECT_EQ(distance("ca", "abc"), 3U);
}

constexpr std::array<std::string_view, 4> kWords = {"address", "add", "name", "to"};

TEST(Spelling, SuggestsTheNearestWord) {
  EXPECT_EQ(nearest("adress", kWords), "address");
  EXPECT_EQ(nearest("ad", kWords), "add");
  EXPECT_EQ(nearest("nmae", kWords), "name");
  EXPECT_EQ(nearest("t", kWords), "to");
  EXPECT_EQ(did_you_mean("nmae", kWords), "did you mean 'name'?");
}

TEST(Spelling, NamesBothWordsThatOneSlipLeadsFrom) {
  constexpr std::array<std::string_view, 4> kTied = {"root", "hosts", "hsts", "hats"};
  EXPECT_EQ(did_you_mean("hasts", kTied), "did you mean 'hosts' or 'hsts'?");
  EXPECT_EQ(did_you_mean("hossts", kTied), "did you mean 'hosts'?");
  // Two slips away from several words: one of them is enough.
  EXPECT_EQ(did_you_mean("hxxts", kTied), "did you mean 'hosts'?");
}

TEST(Spelling, DoesNotGuess) {
  EXPECT_EQ(nearest("wording", kWords), "");
  EXPECT_EQ(nearest("xy", kWords), "");
  EXPECT_EQ(nearest(std::string(1000, 'a'), kWords), "");
  EXPECT_EQ(nearest("name", {}), "");
  EXPECT_EQ(did_you_mean("wording", kWords), "");
}

}  // namespace
}  // namespace sluice::conf
