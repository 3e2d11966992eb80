// Range fields and what they select (RFC 9110 sections 14.1 and 14.2).
#include "cache/range.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace sluice::cache {
namespace {

constexpr RangeLimits kLimits{.ranges = 8, .overlapping = 2};

// "whole", "none", or the first and last positions: "0-4 10-19".
std::string selected(const std::vector<std::string_view>& lines, uint64_t length,
                     const RangeLimits& limits = kLimits) {
  FieldList fields;
  for (const std::string_view line : lines) fields.add("Range", line);
  RangeSet ranges;
  const RangeVerdict verdict = select_ranges(fields, length, limits, ranges);
  EXPECT_EQ(verdict == RangeVerdict::parts, ranges.size() > 0);
  if (verdict == RangeVerdict::whole) return "whole";
  std::string text;
  for (const ByteRange& range : ranges.all()) {
    if (!text.empty()) text += " ";
    text += std::to_string(range.begin) + "-" + std::to_string(range.end - 1);
  }
  return verdict == RangeVerdict::unsatisfiable ? "none" : text;
}

struct Case {
  std::string_view value;
  uint64_t length;
  std::string_view expected;
};

void check(const std::vector<Case>& cases) {
  for (const Case& test : cases) {
    EXPECT_EQ(selected({test.value}, test.length), test.expected)
        << test.value << " of " << test.length;
  }
}

TEST(Range, Single) {
  // The examples of section 14.1.2 for 10,000 octets.
  check({{"bytes=0-499", 10'000, "0-499"},
         {"bytes=500-999", 10'000, "500-999"},
         {"bytes=-500", 10'000, "9500-9999"},
         {"bytes=9500-", 10'000, "9500-9999"},
         {"bytes=0-0", 10'000, "0-0"},
         {"bytes=0-", 10'000, "0-9999"},
         {"bytes=9999-9999", 10'000, "9999-9999"},
         {"bytes=9999-10000", 10'000, "9999-9999"},
         {"bytes=-10000", 10'000, "0-9999"},
         {"bytes=-10001", 10'000, "0-9999"},
         {"bytes=-1", 1, "0-0"},
         {"BYTES=0-0", 10, "0-0"},
         {"bytes=007-008", 10, "7-8"}});
}

TEST(Range, Several) {
  check({{"bytes=0-0,-1", 10'000, "0-0 9999-9999"},
         {"bytes=500-600, 700-799", 10'000, "500-600 700-799"},
         {"bytes=700-799,500-600", 10'000, "700-799 500-600"},
         {"bytes= 0-0 ,\t2-2 , ,, 4-4", 10, "0-0 2-2 4-4"},
         {"bytes=,0-0,", 10, "0-0"},
         // What does not lie within is left out.
         {"bytes=0-0,50-60,-0,4-4", 10, "0-0 4-4"},
         {"bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14", 100,
          "0-0 2-2 4-4 6-6 8-8 10-10 12-12 14-14"}});
}

TEST(Range, Unsatisfiable) {
  check({{"bytes=10-", 10, "none"},
         {"bytes=10-20", 10, "none"},
         {"bytes=-0", 10, "none"},
         {"bytes=10-,20-30,-0", 10, "none"},
         {"bytes=0-", 0, "none"},
         {"bytes=0-0", 0, "none"},
         {"bytes=-0", 0, "none"},
         // Satisfiable by section 14.1.2, but there is no part to show.
         {"bytes=-1", 0, "whole"},
         {"bytes=0-,-1", 0, "whole"}});
}

TEST(Range, Ignored) {
  for (const std::string_view value : {"",
                                       "bytes",
                                       "bytes=",
                                       "bytes= ",
                                       "bytes=,",
                                       "=0-1",
                                       "0-1",
                                       "bytes 0-1",
                                       "bytes:0-1",
                                       "bytes =0-1",
                                       " =0-1",
                                       "bits=0-1",
                                       "seconds=1-2",
                                       "bytes=-",
                                       "bytes=--1",
                                       "bytes=a-b",
                                       "bytes=0",
                                       "bytes=0-1-2",
                                       "bytes=0 - 1",
                                       "bytes=0- 1",
                                       "bytes=0x0-1",
                                       "bytes=+0-1",
                                       "bytes=0-+1",
                                       "bytes=1-0",
                                       "bytes=5-6,1-0",
                                       "bytes=0-1;2-3",
                                       "bytes=0-1 2-3",
                                       "bytes=*",
                                       "bytes=0-1,x",
                                       "bytes=0.0-1",
                                       "bytes=18446744073709551616-0"}) {
    EXPECT_EQ(selected({value}, 10), "whole") << value;
  }
  EXPECT_EQ(selected({}, 10), "whole");
  EXPECT_EQ(selected({"bytes=0-1", "bytes=4-5"}, 10), "whole") << "two fields are no set";
}

TEST(Range, NumbersBeyond64BitsAreVeryLarge) {
  check({{"bytes=0-18446744073709551615", 10, "0-9"},
         {"bytes=0-99999999999999999999999999999999", 10, "0-9"},
         {"bytes=-99999999999999999999999999999999", 10, "0-9"},
         {"bytes=18446744073709551615-", 10, "none"},
         {"bytes=99999999999999999999999999999999-", 10, "none"},
         {"bytes=99999999999999999999-99999999999999999999", 10, "none"},
         {"bytes=18446744073709551614-", UINT64_MAX, "18446744073709551614-18446744073709551614"},
         {"bytes=-1", UINT64_MAX, "18446744073709551614-18446744073709551614"}});
}

TEST(Range, PutsTogetherWhatOverlapsOrTouches) {
  check({{"bytes=0-4,3-8", 100, "0-8"},
         {"bytes=3-8,0-4", 100, "0-8"},
         {"bytes=0-4,5-9", 100, "0-9"},
         {"bytes=5-9,0-4", 100, "0-9"},
         {"bytes=0-4,6-9", 100, "0-4 6-9"},
         {"bytes=10-20,12-13", 100, "10-20"},
         {"bytes=0-4,20-29,5-19", 100, "0-29"},
         {"bytes=50-59,0-4,60-69", 100, "50-69 0-4"},
         {"bytes=0-0,1-1,2-2,3-3,4-4,5-5,6-6,7-7", 100, "0-7"},
         {"bytes=6-6,4-4,2-2,0-0,5-5,3-3,1-1", 100, "0-6"},
         {"bytes=0-,-5", 100, "0-99"}});
}

TEST(Range, ManyAreAnsweredWithTheWhole) {
  EXPECT_EQ(selected({"bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16"}, 100), "whole");
  EXPECT_EQ(selected({"bytes=0-0,200-,201-,202-,203-,204-,205-,206-,207-"}, 100), "whole")
      << "those that lie outside count too";
  EXPECT_EQ(selected({"bytes=0-0,2-2"}, 100, {.ranges = 1, .overlapping = 2}), "whole");
  std::string many = "bytes=0-0";
  std::string expected = "0-0";
  for (int i = 1; i < 20; ++i) {
    many += "," + std::to_string(3 * i) + "-" + std::to_string(3 * i);
    expected += " " + std::to_string(3 * i) + "-" + std::to_string(3 * i);
  }
  EXPECT_EQ(selected({many}, 100, {.ranges = 20, .overlapping = 2}), expected);
  EXPECT_EQ(selected({many + ",1-1,0-99"}, 100, {.ranges = 30, .overlapping = 30}), "0-99")
      << "putting together works on more than a few, too";
}

// Section 14.2: "more than two overlapping ranges".
TEST(Range, OverlappingOnesAreAnsweredWithTheWhole) {
  EXPECT_EQ(selected({"bytes=0-9,5-14"}, 100), "0-14");
  EXPECT_EQ(selected({"bytes=0-9,5-14,20-29"}, 100), "0-14 20-29");
  EXPECT_EQ(selected({"bytes=0-9,5-14,10-19"}, 100), "whole");
  EXPECT_EQ(selected({"bytes=0-9,5-14,50-59,55-64"}, 100), "whole");
  EXPECT_EQ(selected({"bytes=0-,0-,0-"}, 100), "whole");
  EXPECT_EQ(selected({"bytes=0-9,5-14"}, 100, {.ranges = 8, .overlapping = 1}), "whole");
  EXPECT_EQ(selected({"bytes=0-9,10-19,20-29"}, 100, {.ranges = 8, .overlapping = 0}), "0-29")
      << "neighbours do not overlap";
}

TEST(Range, WritesContentRange) {
  std::array<char, kContentRangeSize> room{};
  EXPECT_EQ(write_content_range({42, 1234}, 1234, room), "bytes 42-1233/1234");
  EXPECT_EQ(write_content_range({UINT64_MAX - 1, UINT64_MAX}, UINT64_MAX, room),
            "bytes 18446744073709551614-18446744073709551614/18446744073709551615");
  EXPECT_EQ(write_unsatisfied_range(1234, room), "bytes */1234");
  EXPECT_EQ(write_unsatisfied_range(UINT64_MAX, room), "bytes */18446744073709551615");
}

}  // namespace
}  // namespace sluice::cache
