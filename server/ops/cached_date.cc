// All forms come from the C library's calendar, once a second.
#include "server/ops/cached_date.h"

#include <algorithm>
#include <ctime>

namespace sluice::ops {

void CachedDate::render(int64_t second) noexcept {
  constexpr int64_t kEndOf9999 = 253'402'300'799;
  const time_t clamped = std::clamp<int64_t>(second, 0, kEndOf9999);
  std::tm parts{};
  form_ == Form::local_clock ? ::localtime_r(&clamped, &parts) : ::gmtime_r(&clamped, &parts);
  const char* const format = form_ == Form::rfc3339       ? "%Y-%m-%dT%H:%M:%S"
                             : form_ == Form::local_clock ? "%H:%M:%S"
                                                          : "%d/%b/%Y:%H:%M:%S +0000";
  size_ = std::strftime(text_, sizeof text_, format, &parts);
  second_ = second;
}

}  // namespace sluice::ops
