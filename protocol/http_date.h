// HTTP's date (RFC 9110 section 5.6.7): written as IMF-fixdate, read in all three forms.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace sluice {

inline constexpr size_t kHttpDateSize = 29;

// Writes the date of `seconds` since 1970 (UTC; years 0 to 9999, others are clamped) into `out`.
void write_http_date(int64_t seconds, std::span<char, kHttpDateSize> out) noexcept;

// Reads a date, seconds since 1970; nothing unless all of `text` is one, case and blanks included:
//   Sun, 06 Nov 1994 08:49:37 GMT      IMF-fixdate
//   Sunday, 06-Nov-94 08:49:37 GMT     RFC 850: the latest such year that is not more than 50 years
//                                      after `now`, the clock's seconds since 1970
//   Sun Nov  6 08:49:37 1994           asctime()
// The day's name must be one; whether it is the right one is not asked. A leap second counts as the
// next minute's first.
std::optional<int64_t> parse_http_date(std::string_view text, int64_t now) noexcept;

}  // namespace sluice
