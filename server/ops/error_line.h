// One response that Sluice made or cut itself as one line of the error log, for the person who asks
// why:
//
//     2026-11-24T08:00:00.123Z error 413 POST example.com/upload: content over the route's limit
//     (limit body, by sluice.toml:12) peer=192.0.2.1 id=4bf92f3577b34da6a3ce929d0e0e4736
//
// (in one line). First when, how bad and what; then why, with the limit that was met and the line
// of the configuration that decided; then what finds the same exchange in other logs.
#pragma once

#include <cstddef>

#include "server/http/exchange_record.h"
#include "server/ops/cached_date.h"

namespace sluice::ops {

// Octets that render_error may write for this record at most.
size_t error_bound(const http::ExchangeRecord& record) noexcept;

// Writes the line with its LF at `out` (error_bound() octets) and returns its end. `date` is of
// Form::rfc3339.
char* render_error(char* out, const http::ExchangeRecord& record, CachedDate& date) noexcept;

// Whether an operator should hear of it: we failed (5xx), a limit decided, or we cut a response
// whose peer was still there.
bool is_error(const http::ExchangeRecord& record) noexcept;
// Also the other refusals: 4xx with a cause.
bool is_refusal(const http::ExchangeRecord& record) noexcept;

}  // namespace sluice::ops
