// Both forms come from the C library's calendar, once a second.
#include "server/ops/cached_date.h"

#include <algorithm>
#include <ctime>

namespace sluice::ops {

void CachedDate::render(int64_t second) noexcept {
  constexpr int64_t kEndOf9999 = 253'402'300'799;
  const time_t clamped = std::clamp<int64_t>(second, 0, kEndOf9999);
  const bool utc = form_ == Form::rfc3339;
  std::tm parts{};
  utc ? ::gmtime_r(&clamped, &parts) : ::localtime_r(&clamped, &parts);
  size_ = std::strftime(text_, sizeof text_, utc ? "%Y-%m-%dT%H:%M:%S" : "%H:%M:%S", &parts);
  second_ = second;
}

}  // namespace sluice::ops
