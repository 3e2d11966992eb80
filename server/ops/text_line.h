// One exchange as one line for a person at a terminal:
//
//     12:03:44 200 GET     /index.html                        1.2 kB     0.3 ms 127.0.0.1
//
// and behind it what is unusual: `cut` when the response did not arrive whole, the cause, the
// limit. Client text is printable ASCII or \xNN, so no client can make the terminal do anything.
#pragma once

#include <cstddef>
#include <string_view>

#include "server/http/exchange_record.h"
#include "server/ops/cached_date.h"

namespace sluice::ops {

// Octets that render_text may write for this record at most.
size_t text_bound(const http::ExchangeRecord& record) noexcept;

// Writes the line with its LF at `out` (text_bound() octets) and returns its end. `date` is of
// Form::local_clock.
char* render_text(char* out, const http::ExchangeRecord& record, CachedDate& date,
                  bool colour) noexcept;

}  // namespace sluice::ops
