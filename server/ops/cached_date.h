// The date of a log line, rendered once a second: the calendar costs more than the rest of a line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::ops {

// One thread's. `at` never allocates; the first local date of a process may make the C library read
// the time zone.
class CachedDate {
 public:
  enum class Form : uint8_t {
    rfc3339,      // 2026-01-31T12:03:44, UTC (RFC 3339 section 5.6, without fraction and offset)
    local_clock,  // 12:03:44 where the reader is
    common,       // 31/Jan/2026:12:03:44 +0000, as in the common log format
  };

  explicit CachedDate(Form form) noexcept : form_(form) {}

  // `second` since 1970; clamped to the years 1970-9999. The view is valid until the next call.
  std::string_view at(int64_t second) noexcept {
    if (second != second_) render(second);
    return {text_, size_};
  }

 private:
  void render(int64_t second) noexcept;

  const Form form_;
  int64_t second_ = INT64_MIN;
  size_t size_ = 0;
  char text_[32];
};

}  // namespace sluice::ops
