// The example of RFC 9110 section 5.6.7, edges, and every field against the C library's own
// calendar.
#include "protocol/http_date.h"

#include <gtest/gtest.h>

#include <array>
#include <ctime>
#include <string>

namespace sluice {
namespace {

std::string date(int64_t seconds) {
  std::array<char, kHttpDateSize> text{};
  write_http_date(seconds, text);
  return {text.data(), text.size()};
}

TEST(HttpDate, WritesTheExampleOfTheRfc) {
  EXPECT_EQ(date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST(HttpDate, ClampsYearsOutsideFourDigits) {
  EXPECT_EQ(date(253402300800), "Fri, 31 Dec 9999 23:59:59 GMT");
  EXPECT_EQ(date(INT64_MIN), "Sat, 01 Jan 0000 00:00:00 GMT");
}

TEST(HttpDate, AgreesWithTheLibraryCalendar) {
  for (time_t seconds = -1'000'000'007; seconds < 5'000'000'000; seconds += 7'654'321) {
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    std::array<char, 64> expected{};
    std::strftime(expected.data(), expected.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    ASSERT_EQ(date(seconds), expected.data());
  }
}

}  // namespace
}  // namespace sluice
