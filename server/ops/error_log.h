// A worker's side of the error log: of all exchanges those that an operator should hear of, and not
// more of them a second than a person can make use of.
//
// A flood of refusals must not fill a disk, so what goes beyond the rate is counted, and told in
// one line when the next second's first line comes. Failed handshakes have a rate of their own
// (handshake_budget.h). Traces of handshakes are for whoever turned them on, and have none: what is
// more than the log's destination takes is dropped and counted there.
#pragma once

#include <cstdint>
#include <string_view>

#include "server/http/exchange_record.h"
#include "server/ops/handshake_budget.h"
#include "server/ops/worker_log.h"

namespace sluice::ops {

enum class ErrorLevel : uint8_t {
  error,  // is_error (error_line.h)
  info,   // also is_refusal
};

// Thread: the worker's. The logs outlive it.
class ErrorFilter final : public http::ExchangeLog {
 public:
  static constexpr uint64_t kLinesASecond = 100;

  // `next`: gets every record (the access log); may be null. `errors`: gets the lines.
  ErrorFilter(ErrorLevel level, WorkerLog& errors, http::ExchangeLog* next)
      : level_(level), errors_(errors), next_(next) {}

  void record(const http::ExchangeRecord& record) override;
  void handshake(const http::HandshakeRecord& record) override;
  bool wants_all() const noexcept override { return next_ != nullptr && next_->wants_all(); }

 private:
  bool wanted(const http::ExchangeRecord& record) const noexcept;
  void note_time(int64_t wall_microseconds);
  void tell_left_out(uint64_t count, std::string_view what, int64_t wall_microseconds);

  const ErrorLevel level_;
  WorkerLog& errors_;
  http::ExchangeLog* const next_;
  int64_t second_ = -1;
  uint64_t lines_ = 0;     // of this second
  uint64_t left_out_ = 0;  // of it
  HandshakeBudget handshakes_;
};

}  // namespace sluice::ops
