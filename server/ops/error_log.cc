// Counting seconds by the records' own time: no clock is asked.
#include "server/ops/error_log.h"

#include <string>
#include <utility>

#include "server/ops/error_line.h"
#include "server/ops/handshake_line.h"
#include "tls/handshake_report.h"

namespace sluice::ops {

void ErrorFilter::record(const http::ExchangeRecord& record) {
  if (next_ != nullptr) next_->record(record);
  if (!wanted(record)) return;
  note_time(record.wall_microseconds);
  if (++lines_ > kLinesASecond) {
    ++left_out_;
  } else {
    errors_.record(record);
  }
}

void ErrorFilter::handshake(const http::HandshakeRecord& record) {
  if (next_ != nullptr) next_->handshake(record);
  if (is_failed_handshake(record)) {
    note_time(record.wall_microseconds);
    if (handshakes_.take(record.peer)) errors_.failed_handshake(record);
  }
  if (record.report->trace) errors_.handshake_trace(record);
}

bool ErrorFilter::wanted(const http::ExchangeRecord& record) const noexcept {
  return is_error(record) || (level_ == ErrorLevel::info && is_refusal(record));
}

void ErrorFilter::note_time(int64_t wall_microseconds) {
  const int64_t second = wall_microseconds / 1'000'000;
  if (second == second_) return;
  second_ = second;
  lines_ = 0;
  tell_left_out(std::exchange(left_out_, 0), "lines", wall_microseconds);
  tell_left_out(handshakes_.begin_second(), "failed handshakes", wall_microseconds);
}

void ErrorFilter::tell_left_out(uint64_t count, std::string_view what, int64_t wall_microseconds) {
  if (count == 0) return;
  const std::string text =
      std::to_string(count) + " more " + std::string(what) + " of one second were left out";
  errors_.record({.wall_microseconds = wall_microseconds, .cause = text});
}

}  // namespace sluice::ops
