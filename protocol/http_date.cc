// IMF-fixdate from the standard library's calendar: no locale, no time zone, no allocation.
#include "protocol/http_date.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>

namespace sluice {
namespace {

constexpr std::array kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr int64_t kYearZero = -62'167'219'200;  // 0000-01-01T00:00:00Z
constexpr int64_t kYearLast = 253'402'300'799;  // 9999-12-31T23:59:59Z

void put_digits(char* out, unsigned value, size_t digits) noexcept {
  for (size_t i = digits; i > 0; --i, value /= 10) out[i - 1] = static_cast<char>('0' + value % 10);
}

}  // namespace

void write_http_date(int64_t seconds, std::span<char, kHttpDateSize> out) noexcept {
  using namespace std::chrono;
  const sys_seconds time{std::chrono::seconds(std::clamp(seconds, kYearZero, kYearLast))};
  const sys_days day = floor<days>(time);
  const year_month_day date{day};
  const hh_mm_ss clock{time - day};
  std::memcpy(out.data(), "Ddd, 00 Mmm 0000 00:00:00 GMT", kHttpDateSize);
  std::memcpy(out.data(), kDays[weekday{day}.c_encoding()], 3);
  put_digits(&out[5], static_cast<unsigned>(date.day()), 2);
  std::memcpy(&out[8], kMonths[static_cast<unsigned>(date.month()) - 1], 3);
  put_digits(&out[12], static_cast<unsigned>(static_cast<int>(date.year())), 4);
  put_digits(&out[17], static_cast<unsigned>(clock.hours().count()), 2);
  put_digits(&out[20], static_cast<unsigned>(clock.minutes().count()), 2);
  put_digits(&out[23], static_cast<unsigned>(clock.seconds().count()), 2);
}

}  // namespace sluice
