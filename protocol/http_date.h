// HTTP's date, IMF-fixdate (RFC 9110 section 5.6.7): "Sun, 06 Nov 1994 08:49:37 GMT".
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace sluice {

inline constexpr size_t kHttpDateSize = 29;

// Writes the date of `seconds` since 1970 (UTC; years 0 to 9999, others are clamped) into `out`.
void write_http_date(int64_t seconds, std::span<char, kHttpDateSize> out) noexcept;

}  // namespace sluice
