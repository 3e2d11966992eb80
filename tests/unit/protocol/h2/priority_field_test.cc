// What a dictionary of RFC 8941 says of a priority (RFC 9218 section 4).
#include "protocol/h2/priority_field.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>

namespace sluice::h2 {
namespace {

TEST(H2PriorityField, SaysUrgencyAndWhetherPartsAreOfUse) {
  const struct {
    std::string_view value;
    Priority expected;
  } kCases[] = {
      {"", {3, false}},
      {"   ", {3, false}},
      {"u=0", {0, false}},
      {"u=7", {7, false}},
      {"i", {3, true}},
      {"i=?1", {3, true}},
      {"i=?0", {3, false}},
      {"u=5, i", {5, true}},
      {"u=5,i", {5, true}},
      {"i \t,\tu=1", {1, true}},
      {"  u=2  ", {2, false}},
      {"u=1, u=6", {6, false}},
      {"i, i=?0", {3, false}},
      {"u=-0", {0, false}},
      // Not of the range or type (section 4): passed over.
      {"u=8", {3, false}},
      {"u=-1", {3, false}},
      {"u=10", {3, false}},
      {"u=999999999999999", {3, false}},
      {"u=1.0", {3, false}},
      {"u=?1", {3, false}},
      {"u", {3, false}},
      {"u=\"1\"", {3, false}},
      {"u=(1)", {3, false}},
      {"i=1", {3, false}},
      {"u=1, u=x", {3, false}},
      // Members and parameters that are not known.
      {"u=1;x, i;y=?0;z=\"a,b\"", {1, true}},
      {"x=tok/en:*, *y=:Zm8=:, z-_.*1=\"\\\"\\\\\", u=4", {4, false}},
      {"x=(1 \"a\" t;p=2  ?0 );q, l=(), i", {3, true}},
      {"x=1.125, u=1", {1, false}},
      {"u=1; x", {1, false}},
  };
  for (const auto& one : kCases) {
    const std::optional<Priority> said = parse_priority(one.value);
    ASSERT_TRUE(said) << one.value;
    EXPECT_EQ(said->urgency, one.expected.urgency) << one.value;
    EXPECT_EQ(said->incremental, one.expected.incremental) << one.value;
  }
}

TEST(H2PriorityField, SaysNothingWhenItIsNoDictionary) {
  using namespace std::string_view_literals;
  for (const std::string_view value : {"u=1,"sv,
                                       ","sv,
                                       "u=1,,i"sv,
                                       "U=1"sv,
                                       "1=u"sv,
                                       "u="sv,
                                       "u =1"sv,
                                       "u= 1"sv,
                                       "u=1 i"sv,
                                       "i=?"sv,
                                       "i=?2"sv,
                                       "u=-"sv,
                                       "u=1."sv,
                                       "u=1.1234"sv,
                                       "u=1234567890123.1"sv,
                                       "u=1234567890123456"sv,
                                       "x=\"a"sv,
                                       "x=\"\\a\""sv,
                                       "x=\"\x7F\""sv,
                                       "x=\"\0\""sv,
                                       "x=:a"sv,
                                       "x=:a b:"sv,
                                       "x=("sv,
                                       "x=(1"sv,
                                       "x=(1\"a\")"sv,
                                       "x=(1,2)"sv,
                                       "u=1;"sv,
                                       "u=1;A"sv,
                                       "u=1;a="sv,
                                       "\tu=1"sv,
                                       "u=1\0"sv,
                                       "x=\xC3\xA4"sv,
                                       "u=+1"sv,
                                       "x=(a;)"sv})
    EXPECT_FALSE(parse_priority(value)) << value;
}

// Wherever it breaks off, it is read without a step beyond its end.
TEST(H2PriorityField, IsReadAsFarAsItGoes) {
  const std::string whole = "u=1;x=\"a\\\"\", i=?1, y=(1.5 :Zg==: tok);q=-3, *z";
  ASSERT_TRUE(parse_priority(whole));
  for (size_t size = 0; size < whole.size(); ++size) {
    const std::string cut(whole, 0, size);
    EXPECT_LE(parse_priority(cut).value_or(Priority()).urgency, 7) << cut;
  }
}

}  // namespace
}  // namespace sluice::h2
