// Opening logs, and putting the filter for errors before the access log.
#include "server/ops/exchange_logs.h"

#include <string_view>

namespace sluice::ops {

namespace {

LogFormat format_of(std::string_view name) noexcept {
  if (name == "json") return LogFormat::json;
  if (name == "text") return LogFormat::text;
  return name == "combined" ? LogFormat::combined : LogFormat::auto_;
}

}  // namespace

std::string ExchangeLogs::open(const conf::Log& log, size_t workers, size_t ring_octets) {
  std::string error = AccessLog::open(
      {.destination = log.access, .format = format_of(log.format), .ring_octets = ring_octets},
      access_);
  if (error.empty()) {
    const LogFormat format =
        log.error_format == "json" ? LogFormat::errors_json : LogFormat::errors;
    error = AccessLog::open(
        {.destination = log.errors, .format = format, .ring_octets = ring_octets}, errors_);
  }
  if (!error.empty()) return error;
  const ErrorLevel level = log.all_errors ? ErrorLevel::info : ErrorLevel::error;
  for (size_t i = 0; i < workers; ++i) {
    http::ExchangeLog* mine = access_->make_worker_log();
    if (WorkerLog* lines = errors_->make_worker_log()) {
      filters_.push_back(std::make_unique<ErrorFilter>(level, *lines, mine));
      mine = filters_.back().get();
    }
    of_workers_.push_back(mine);
  }
  return {};
}

void ExchangeLogs::close() {
  access_->close();
  errors_->close();
}

}  // namespace sluice::ops
