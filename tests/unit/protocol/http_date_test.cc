// The example of RFC 9110 section 5.6.7, edges, and every field against the C library's own
// calendar.
#include "protocol/http_date.h"

#include <gtest/gtest.h>

#include <array>
#include <ctime>
#include <string>
#include <string_view>

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

constexpr int64_t kNow = 1'750'000'000;  // 15 June 2025, 15:06:40
constexpr int64_t kExample = 784'111'777;

// RFC 9110 section 5.6.7.
TEST(HttpDate, ReadsAllThreeForms) {
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT", kNow), kExample);
  EXPECT_EQ(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT", kNow), kExample);
  EXPECT_EQ(parse_http_date("Sun Nov  6 08:49:37 1994", kNow), kExample);
  EXPECT_EQ(parse_http_date("Thu, 01 Jan 1970 00:00:00 GMT", kNow), 0);
  EXPECT_EQ(parse_http_date("Wed Nov 16 08:49:37 1994", kNow), kExample + 10 * 86'400);
  EXPECT_EQ(parse_http_date("Thu, 29 Feb 2024 23:59:59 GMT", kNow), 1'709'251'199);
  EXPECT_EQ(parse_http_date("Sat, 31 Dec 2016 23:59:60 GMT", kNow), 1'483'228'800)
      << "a leap second";
}

TEST(HttpDate, RefusesWhatIsNoDate) {
  const std::string_view bad[] = {
      "",
      "0",
      "784111777",
      "Sun",
      "Sun,",
      "Sun, 06 Nov 1994 08:49:37",
      "Sun, 06 Nov 1994 08:49:37 UTC",
      "Sun, 06 Nov 1994 08:49:37 +0000",
      "Sun, 06 Nov 1994 08:49:37 GMT ",
      " Sun, 06 Nov 1994 08:49:37 GMT",
      "Sun, 06 Nov 1994 08:49:37 GMTx",
      "sun, 06 Nov 1994 08:49:37 GMT",
      "Sun, 06 nov 1994 08:49:37 GMT",
      "Sun, 06 Nov 1994 08:49:37 gmt",
      "Son, 06 Nov 1994 08:49:37 GMT",
      "Sun, 6 Nov 1994 08:49:37 GMT",
      "Sun,  6 Nov 1994 08:49:37 GMT",
      "Sun, 06  Nov 1994 08:49:37 GMT",
      "Sun, 06 Nov 94 08:49:37 GMT",
      "Sun, 06 Nov -994 08:49:37 GMT",
      "Sun, 06 Nov 1994 8:49:37 GMT",
      "Sun, 06 Nov 1994 24:00:00 GMT",
      "Sun, 06 Nov 1994 08:60:37 GMT",
      "Sun, 06 Nov 1994 08:49:61 GMT",
      "Sun, 00 Nov 1994 08:49:37 GMT",
      "Sun, 31 Nov 1994 08:49:37 GMT",
      "Tue, 29 Feb 2023 08:49:37 GMT",
      "Sunday, 06-Nov-1994 08:49:37 GMT",
      "Sunday, 06 Nov 94 08:49:37 GMT",
      "Sunday, 31-Feb-94 08:49:37 GMT",
      "Sun Nov 6 08:49:37 1994",
      "Sun Nov  6 08:49:37 94",
      "Sun Nov  6 08:49:37 1994 GMT",
      "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
  };
  for (const std::string_view text : bad) EXPECT_FALSE(parse_http_date(text, kNow)) << text;
}

TEST(HttpDate, RefusesAnExampleThatIsCutOrHasAForeignOctet) {
  for (const std::string_view good :
       {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994"}) {
    for (size_t i = 0; i < good.size(); ++i) {
      EXPECT_FALSE(parse_http_date(good.substr(0, i), kNow)) << good.substr(0, i);
      std::string changed(good);
      for (const char octet : {'\0', '\x80', '~'}) {
        changed[i] = octet;
        EXPECT_FALSE(parse_http_date(changed, kNow)) << changed;
      }
    }
  }
}

// "More than 50 years in the future" is the last such year in the past.
TEST(HttpDate, GivesTwoDigitsTheYearThatIsNear) {
  const auto year = [](std::string_view day_and_month, int digits, int64_t now) {
    std::string text = "Monday, " + std::string(day_and_month) + "-";
    text += static_cast<char>('0' + digits / 10);
    text += static_cast<char>('0' + digits % 10);
    const auto seconds = parse_http_date(text + " 15:06:40 GMT", now);
    return seconds ? date(*seconds).substr(12, 4) : "none";
  };
  EXPECT_EQ(year("15-Jun", 25, kNow), "2025");
  EXPECT_EQ(year("16-Jun", 25, kNow), "2025");
  EXPECT_EQ(year("15-Jun", 74, kNow), "2074");
  EXPECT_EQ(year("15-Jun", 75, kNow), "2075") << "exactly 50 years";
  EXPECT_EQ(year("16-Jun", 75, kNow), "1975") << "a day more";
  EXPECT_EQ(year("15-Jun", 76, kNow), "1976");
  EXPECT_EQ(year("15-Jun", 99, kNow), "1999");
  EXPECT_EQ(year("15-Jun", 0, kNow), "2000");
  EXPECT_EQ(year("01-Jan", 1, 946'684'799), "2001") << "asked in the last second of 1999";
  EXPECT_EQ(year("01-Jan", 51, 946'684'799), "1951");
  EXPECT_EQ(year("29-Feb", 24, kNow), "2024");
}

TEST(HttpDate, ReadsWhatItWrote) {
  for (int64_t seconds = -60'000'000'000; seconds < 250'000'000'000; seconds += 987'654'321) {
    ASSERT_EQ(parse_http_date(date(seconds), kNow), seconds) << date(seconds);
  }
}

}  // namespace
}  // namespace sluice
