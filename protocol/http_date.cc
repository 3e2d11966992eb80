// Dates by the standard library's calendar: no locale, no time zone, no allocation.
#include "protocol/http_date.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>

namespace sluice {
namespace {

using Names = std::span<const std::string_view>;

constexpr std::array<std::string_view, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 7> kLongDays{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                    "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
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
  std::memcpy(out.data(), kDays[weekday{day}.c_encoding()].data(), 3);
  put_digits(&out[5], static_cast<unsigned>(date.day()), 2);
  std::memcpy(&out[8], kMonths[static_cast<unsigned>(date.month()) - 1].data(), 3);
  put_digits(&out[12], static_cast<unsigned>(static_cast<int>(date.year())), 4);
  put_digits(&out[17], static_cast<unsigned>(clock.hours().count()), 2);
  put_digits(&out[20], static_cast<unsigned>(clock.minutes().count()), 2);
  put_digits(&out[23], static_cast<unsigned>(clock.seconds().count()), 2);
}

// --- Reading -----------------------------------------------------------------------------------

namespace {

// Takes a date apart from its front; once something is not as expected, nothing is any more.
class Reader {
 public:
  explicit Reader(std::string_view text) noexcept : rest_(text) {}

  bool complete() const noexcept { return good_ && rest_.empty(); }
  void expect(std::string_view text) noexcept {
    if (!rest_.starts_with(text)) return fail();
    rest_.remove_prefix(text.size());
  }
  // Which of `names` comes, from 1 on; none of them starts with another of them.
  int name(Names names) noexcept {
    for (size_t i = 0; i < names.size(); ++i) {
      if (!rest_.starts_with(names[i])) continue;
      rest_.remove_prefix(names[i].size());
      return static_cast<int>(i) + 1;
    }
    fail();
    return 0;
  }
  int digits(size_t count) noexcept {
    int value = 0;
    for (size_t i = 0; i < count; ++i) {
      if (rest_.empty() || rest_.front() < '0' || rest_.front() > '9') {
        fail();
        return 0;
      }
      value = value * 10 + (rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    return value;
  }
  // Two digits, the first of which may be a blank.
  int day_of_asctime() noexcept {
    if (!rest_.starts_with(' ')) return digits(2);
    rest_.remove_prefix(1);
    return digits(1);
  }

 private:
  void fail() noexcept {
    good_ = false;
    rest_ = {};
  }

  std::string_view rest_;
  bool good_ = true;
};

struct Parts {
  int year = 0;
  int month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
};

void read_clock(Reader& reader, Parts& out) noexcept {
  out.hour = reader.digits(2);
  reader.expect(":");
  out.minute = reader.digits(2);
  reader.expect(":");
  out.second = reader.digits(2);
}

Parts read_fixdate(Reader& reader) noexcept {
  Parts parts;
  reader.name(kDays);
  reader.expect(", ");
  parts.day = reader.digits(2);
  reader.expect(" ");
  parts.month = reader.name(kMonths);
  reader.expect(" ");
  parts.year = reader.digits(4);
  reader.expect(" ");
  read_clock(reader, parts);
  reader.expect(" GMT");
  return parts;
}

Parts read_asctime(Reader& reader) noexcept {
  Parts parts;
  reader.name(kDays);
  reader.expect(" ");
  parts.month = reader.name(kMonths);
  reader.expect(" ");
  parts.day = reader.day_of_asctime();
  reader.expect(" ");
  read_clock(reader, parts);
  reader.expect(" ");
  parts.year = reader.digits(4);
  return parts;
}

// The year has two digits.
Parts read_rfc_850(Reader& reader) noexcept {
  Parts parts;
  reader.name(kLongDays);
  reader.expect(", ");
  parts.day = reader.digits(2);
  reader.expect("-");
  parts.month = reader.name(kMonths);
  reader.expect("-");
  parts.year = reader.digits(2);
  reader.expect(" ");
  read_clock(reader, parts);
  reader.expect(" GMT");
  return parts;
}

std::chrono::year_month_day day_of(const Parts& parts) noexcept {
  using namespace std::chrono;
  return year(parts.year) / month(static_cast<unsigned>(parts.month)) /
         day(static_cast<unsigned>(parts.day));
}

// A day that its month has not is counted on into the next one.
int64_t seconds_of(const Parts& parts) noexcept {
  const int64_t days = std::chrono::sys_days(day_of(parts)).time_since_epoch().count();
  return days * 86'400 + parts.hour * 3'600 + parts.minute * 60 + parts.second;
}

bool is_valid(const Parts& parts) noexcept {
  return day_of(parts).ok() && parts.hour < 24 && parts.minute < 60 && parts.second <= 60;
}

// "More than 50 years in the future" is the most recent past year with these digits.
int year_near(Parts parts, int64_t now) noexcept {
  using namespace std::chrono;
  const sys_days today = floor<days>(sys_seconds(seconds(std::clamp(now, kYearZero, kYearLast))));
  const int this_year = static_cast<int>(year_month_day(today).year());
  const int digits = parts.year;
  // Compared 50 years earlier: the latest candidate that is not after `now` there.
  int candidate = (this_year + 50) / 100 * 100 + digits;
  parts.year = candidate - 50;
  if (candidate > this_year + 50 || seconds_of(parts) > now) candidate -= 100;
  return candidate;
}

}  // namespace

std::optional<int64_t> parse_http_date(std::string_view text, int64_t now) noexcept {
  Reader reader(text);
  Parts parts;
  const bool short_day = text.size() > 3 && (text[3] == ',' || text[3] == ' ');
  const bool two_digits = !short_day;
  if (two_digits) {
    parts = read_rfc_850(reader);
  } else {
    parts = text[3] == ',' ? read_fixdate(reader) : read_asctime(reader);
  }
  if (!reader.complete()) return {};
  if (two_digits) parts.year = year_near(parts, now);
  if (!is_valid(parts)) return {};
  return seconds_of(parts);
}

}  // namespace sluice
