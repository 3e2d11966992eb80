// One exchange as one line of JSON (RFC 8259), and its line is always valid, whatever the client
// sent.
//
// Keys, always in this order: time (RFC 3339, UTC, milliseconds), remote, method, host, target,
// protocol, status, octets, duration_ms, user_agent, referer; then, only where they say something:
// id, cause, phase, limit, rule, complete. Client text goes out as it came, but for: what RFC 8259
// section 7 wants escaped; DEL and the C1 controls, which some terminals obey; octets that are not
// UTF-8, each written as the Latin-1 character of that number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "server/http/exchange_record.h"
#include "server/ops/cached_date.h"

namespace sluice::ops {

// Octets that render_json may write for this record at most.
size_t json_bound(const http::ExchangeRecord& record) noexcept;

// Writes the line with its LF at `out` (json_bound() octets) and returns its end. `date` is of
// Form::rfc3339.
char* render_json(char* out, const http::ExchangeRecord& record, CachedDate& date) noexcept;

// Writes `text` as the inside of a JSON string, at most 6 octets for each of its own. Returns the
// end.
char* escape_json(char* out, std::string_view text) noexcept;

}  // namespace sluice::ops
