// Counting seconds by the records' own time: no clock is asked.
#include "server/ops/error_log.h"

#include <cstdio>

#include "server/ops/error_line.h"

namespace sluice::ops {

void ErrorFilter::record(const http::ExchangeRecord& record) {
  if (next_ != nullptr) next_->record(record);
  if (!wanted(record)) return;
  const int64_t second = record.wall_microseconds / 1'000'000;
  if (second != second_) begin_second(second, record.wall_microseconds);
  if (++lines_ > kLinesASecond) {
    ++left_out_;
  } else {
    errors_.record(record);
  }
}

bool ErrorFilter::wanted(const http::ExchangeRecord& record) const noexcept {
  return is_error(record) || (level_ == ErrorLevel::info && is_refusal(record));
}

void ErrorFilter::begin_second(int64_t second, int64_t wall_microseconds) {
  if (left_out_ > 0) {
    char text[96];
    std::snprintf(text, sizeof text, "%llu more lines of one second were left out",
                  static_cast<unsigned long long>(left_out_));
    errors_.record({.wall_microseconds = wall_microseconds, .cause = text});
  }
  second_ = second;
  lines_ = left_out_ = 0;
}

}  // namespace sluice::ops
