// One exchange as one line of the combined log format, which Apache's httpd brought up and nginx
// writes by default, so that the tools made for their logs read ours:
//
//     192.0.2.1 - - [24/Nov/2026:08:00:00 +0000] "GET / HTTP/1.1" 200 612 "-" "curl/7.88.1"
//
// The fifth field is the content's octets. Times are UTC; the user is always "-". What is empty is
// "-", what a client may not write is escaped as nginx does.
#pragma once

#include <cstddef>

#include "server/http/exchange_record.h"
#include "server/ops/cached_date.h"

namespace sluice::ops {

// Octets that render_combined may write for this record at most.
size_t combined_bound(const http::ExchangeRecord& record) noexcept;

// Writes the line with its LF at `out` (combined_bound() octets) and returns its end. `date` is of
// Form::common.
char* render_combined(char* out, const http::ExchangeRecord& record, CachedDate& date) noexcept;

}  // namespace sluice::ops
