// Every condition by itself and together (RFC 9110 sections 13.1 and 13.2.2).
#include "cache/conditional.h"

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

namespace sluice::cache {

void PrintTo(Precondition verdict, std::ostream* out) {
  *out << (verdict == Precondition::proceed        ? "proceed"
           : verdict == Precondition::not_modified ? "304"
                                                   : "412");
}

namespace {

constexpr auto k200 = Precondition::proceed;
constexpr auto k304 = Precondition::not_modified;
constexpr auto k412 = Precondition::failed;

// Last-Modified is the example of section 5.6.7, Sun, 06 Nov 1994 08:49:37 GMT.
constexpr int64_t kModified = 784'111'777;
constexpr int64_t kNow = 1'750'000'000;
constexpr Validators kStrong{.entity_tag = "\"1\"", .last_modified = kModified};
constexpr Validators kWeak{.entity_tag = "W/\"1\"", .last_modified = kModified};
constexpr Validators kTagOnly{.entity_tag = "\"1\""};
constexpr Validators kDateOnly{.last_modified = kModified};
constexpr Validators kNothing{};

constexpr std::string_view kThen = "Sun, 06 Nov 1994 08:49:37 GMT";
constexpr std::string_view kBefore = "Sun, 06 Nov 1994 08:49:36 GMT";
constexpr std::string_view kAfter = "Sun, 06 Nov 1994 08:49:38 GMT";
constexpr std::string_view kFuture = "Sun, 06 Nov 2094 08:49:37 GMT";

struct Line {
  std::string_view name;
  std::string_view value;
};
using Lines = std::vector<Line>;

FieldList fields_of(const Lines& lines) {
  FieldList fields;
  fields.add("Host", "example.com");
  for (const Line& line : lines) fields.add(line.name, line.value);
  return fields;
}

struct Case {
  Lines lines;
  Validators current;
  Precondition expected;
  Method method = Method::get;
};

void check(const std::vector<Case>& cases) {
  for (const Case& test : cases) {
    std::string shown = std::string(test.current.entity_tag) + " | ";
    for (const Line& line : test.lines) {
      shown.append(line.name).append(": ").append(line.value).append(" | ");
    }
    EXPECT_EQ(evaluate_preconditions(test.method, fields_of(test.lines), test.current, kNow),
              test.expected)
        << shown;
  }
}

TEST(Conditional, WithoutConditionsNothingIsDecided) {
  check({{{}, kStrong, k200}, {{{"Range", "bytes=0-"}}, kStrong, k200}});
  EXPECT_FALSE(has_conditions(fields_of({{"Accept", "*/*"}, {"X-If-Match", "*"}})));
  for (const std::string_view name : {"If-Match", "if-none-match", "If-Modified-Since",
                                      "If-Unmodified-Since", "If-Range", "Range"}) {
    EXPECT_TRUE(has_conditions(fields_of({{name, "x"}}))) << name;
  }
}

// Section 13.1.1: strong comparison; false is 412 for every method.
TEST(Conditional, IfMatch) {
  check({
      {{{"If-Match", "\"1\""}}, kStrong, k200},
      {{{"If-Match", "\"0\", \"1\""}}, kStrong, k200},
      {{{"If-Match", "\"0\""}, {"If-Match", "\"1\""}}, kStrong, k200},
      {{{"If-Match", "*"}}, kStrong, k200},
      {{{"If-Match", "*"}}, kNothing, k200},
      {{{"If-Match", "\"2\""}}, kStrong, k412},
      {{{"If-Match", "\"2\""}}, kStrong, k412, Method::head},
      {{{"If-Match", "\"2\""}}, kStrong, k412, Method::put},
      {{{"If-Match", "W/\"1\""}}, kStrong, k412},
      {{{"If-Match", "\"1\""}}, kWeak, k412},
      {{{"If-Match", "W/\"1\""}}, kWeak, k412},
      {{{"If-Match", "\"1\""}}, kDateOnly, k412},
      {{{"If-Match", ""}}, kStrong, k412},
      // A flaw: by the tags before it only.
      {{{"If-Match", "1"}}, kStrong, k412},
      {{{"If-Match", "\"1\", oh"}}, kStrong, k200},
      {{{"If-Match", "oh, \"1\""}}, kStrong, k412},
      {{{"If-Match", "oh"}, {"If-Match", "\"1\""}}, kStrong, k412},
      {{{"If-Match", "*, \"1\""}}, kStrong, k412},
      {{{"If-Match", "*"}, {"If-Match", "\"1\""}}, kStrong, k412},
      {{{"If-Match", "\"0\", *"}}, kStrong, k412},
      {{{"If-Match", "*, *"}}, kStrong, k412},
  });
}

// Section 13.1.4.
TEST(Conditional, IfUnmodifiedSince) {
  check({
      {{{"If-Unmodified-Since", kThen}}, kStrong, k200},
      {{{"If-Unmodified-Since", kAfter}}, kStrong, k200},
      {{{"If-Unmodified-Since", kFuture}}, kStrong, k200},
      {{{"If-Unmodified-Since", kBefore}}, kStrong, k412},
      {{{"If-Unmodified-Since", kBefore}}, kStrong, k412, Method::head},
      {{{"If-Unmodified-Since", kBefore}}, kStrong, k412, Method::delete_},
      // Ignored: no date, a list of dates, no date to compare with, If-Match.
      {{{"If-Unmodified-Since", "yesterday"}}, kStrong, k200},
      {{{"If-Unmodified-Since", kBefore}, {"If-Unmodified-Since", kBefore}}, kStrong, k200},
      {{{"If-Unmodified-Since", kBefore}}, kTagOnly, k200},
      {{{"If-Match", "\"1\""}, {"If-Unmodified-Since", kBefore}}, kStrong, k200},
      {{{"If-Match", "\"2\""}, {"If-Unmodified-Since", kAfter}}, kStrong, k412},
  });
}

// Section 13.1.2: weak comparison; false is 304 for GET and HEAD, else 412.
TEST(Conditional, IfNoneMatch) {
  check({
      {{{"If-None-Match", "\"1\""}}, kStrong, k304},
      {{{"If-None-Match", "\"1\""}}, kStrong, k304, Method::head},
      {{{"If-None-Match", "\"1\""}}, kStrong, k412, Method::put},
      {{{"If-None-Match", "W/\"1\""}}, kStrong, k304},
      {{{"If-None-Match", "\"1\""}}, kWeak, k304},
      {{{"If-None-Match", "\"0\", W/\"1\" , \"2\""}}, kStrong, k304},
      {{{"If-None-Match", "\"0\""}, {"if-none-match", "\"1\""}}, kStrong, k304},
      {{{"If-None-Match", "*"}}, kStrong, k304},
      {{{"If-None-Match", "*"}}, kNothing, k304},
      {{{"If-None-Match", "*"}}, kStrong, k412, Method::put},
      {{{"If-None-Match", "\"2\""}}, kStrong, k200},
      {{{"If-None-Match", "\"1\""}}, kDateOnly, k200},
      {{{"If-None-Match", "\"1\""}}, kNothing, k200},
      {{{"If-None-Match", ""}}, kStrong, k200},
      // A flaw.
      {{{"If-None-Match", "1"}}, kStrong, k200},
      {{{"If-None-Match", "\"1"}}, kStrong, k200},
      {{{"If-None-Match", "\"1\" \"2\""}}, kStrong, k200},
      {{{"If-None-Match", "*, \"1\""}}, kStrong, k200},
      {{{"If-None-Match", "\"0\", *"}}, kStrong, k200},
      {{{"If-None-Match", "\"0\"1\""}}, kStrong, k200},
  });
}

// Section 13.1.3.
TEST(Conditional, IfModifiedSince) {
  check({
      {{{"If-Modified-Since", kThen}}, kStrong, k304},
      {{{"If-Modified-Since", kThen}}, kDateOnly, k304},
      {{{"If-Modified-Since", kThen}}, kStrong, k304, Method::head},
      {{{"If-Modified-Since", kAfter}}, kStrong, k304},
      {{{"If-Modified-Since", "Sunday, 06-Nov-94 08:49:37 GMT"}}, kStrong, k304},
      {{{"If-Modified-Since", "Sun Nov  6 08:49:37 1994"}}, kStrong, k304},
      {{{"If-Modified-Since", kBefore}}, kStrong, k200},
      // Ignored: other methods, no date, one in the future, two, no date to compare with.
      {{{"If-Modified-Since", kThen}}, kStrong, k200, Method::post},
      {{{"If-Modified-Since", "0"}}, kStrong, k200},
      {{{"If-Modified-Since", kFuture}}, kStrong, k200},
      {{{"If-Modified-Since", kThen}, {"If-Modified-Since", kThen}}, kStrong, k200},
      {{{"If-Modified-Since", kThen}}, kTagOnly, k200},
      // If-None-Match takes precedence, also with a flaw.
      {{{"If-None-Match", "\"2\""}, {"If-Modified-Since", kThen}}, kStrong, k200},
      {{{"If-None-Match", "oh"}, {"If-Modified-Since", kThen}}, kStrong, k200},
      {{{"If-None-Match", "\"1\""}, {"If-Modified-Since", kBefore}}, kStrong, k304},
  });
}

TEST(Conditional, TheBoundaryOfTheFutureIsNow) {
  const FieldList fields = fields_of({{"If-Modified-Since", kThen}});
  EXPECT_EQ(evaluate_preconditions(Method::get, fields, kStrong, kModified), k304);
  EXPECT_EQ(evaluate_preconditions(Method::get, fields, kStrong, kModified - 1), k200);
}

// Section 13.2.2: steps 1 and 2 before 3 and 4.
TEST(Conditional, Order) {
  check({
      {{{"If-None-Match", "\"1\""}, {"If-Match", "\"2\""}}, kStrong, k412},
      {{{"If-None-Match", "\"1\""}, {"If-Match", "\"1\""}}, kStrong, k304},
      {{{"If-None-Match", "\"2\""}, {"If-Match", "\"1\""}}, kStrong, k200},
      {{{"If-Modified-Since", kThen}, {"If-Unmodified-Since", kBefore}}, kStrong, k412},
      {{{"If-Modified-Since", kThen}, {"If-Unmodified-Since", kThen}}, kStrong, k304},
      {{{"If-None-Match", "\"1\""}, {"If-Unmodified-Since", kBefore}}, kStrong, k412},
      {{{"If-Match", "\"1\""}, {"If-Modified-Since", kThen}}, kStrong, k304},
  });
}

// Section 13.1.5: strong comparison, dates exactly and only if strong (section 8.8.2.2).
TEST(Conditional, IfRange) {
  struct RangeCase {
    Lines lines;
    Validators current;
    bool applies;
    int64_t now = kNow;
  };
  const RangeCase cases[] = {
      {{}, kStrong, true},
      {{{"If-Range", "\"1\""}}, kStrong, true},
      {{{"If-Range", "\"2\""}}, kStrong, false},
      {{{"If-Range", "W/\"1\""}}, kStrong, false},
      {{{"If-Range", "\"1\""}}, kWeak, false},
      {{{"If-Range", "W/\"1\""}}, kWeak, false},
      {{{"If-Range", "\"1\""}}, kDateOnly, false},
      {{{"If-Range", "\"1\", \"2\""}}, kStrong, false},
      {{{"If-Range", "*"}}, kStrong, false},
      {{{"If-Range", "1"}}, kStrong, false},
      {{{"If-Range", ""}}, kStrong, false},
      {{{"If-Range", "\"1\""}, {"If-Range", "\"1\""}}, kStrong, false},
      {{{"If-Range", kThen}}, kStrong, true},
      {{{"If-Range", kThen}}, kDateOnly, true},
      {{{"If-Range", "Sun Nov  6 08:49:37 1994"}}, kDateOnly, true},
      {{{"If-Range", kAfter}}, kStrong, false},
      {{{"If-Range", kBefore}}, kStrong, false},
      {{{"If-Range", kThen}}, kTagOnly, false},
      {{{"If-Range", kThen}}, kDateOnly, true, kModified + 1},
      {{{"If-Range", kThen}}, kDateOnly, false, kModified},
      {{{"If-Range", kThen}}, kDateOnly, false, kModified - 1},
  };
  for (const RangeCase& test : cases) {
    EXPECT_EQ(range_applies(fields_of(test.lines), test.current, test.now), test.applies)
        << (test.lines.empty() ? "" : test.lines[0].value);
  }
}

}  // namespace
}  // namespace sluice::cache
