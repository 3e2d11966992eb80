// Conditional requests (RFC 9110 section 13), decided in the order of section 13.2.2.
//
// Invariants:
//   1. Never a wrong 304: what cannot be read with certainty makes no response shorter.
//   If-None-Match with a flaw is still present, so that If-Modified-Since is not asked in its
//   place.
//   2. Never a change that a client forbade: If-Match with a flaw matches by the tags before it
//   only.
//   3. Lines of one field are one list. A date that comes twice is no date, and is ignored.
// Pure: the time enters as a parameter. Any thread.
#pragma once

#include <cstdint>

#include "cache/validators.h"
#include "protocol/fields.h"
#include "protocol/message.h"

namespace sluice::cache {

enum class Precondition : uint8_t { proceed, not_modified, failed };

// Whether any field asks for what this file or cache/range.h decides: most requests are done here.
bool has_conditions(const FieldList& request) noexcept;

// What the preconditions of a request say about a representation that exists, save for If-Range:
// not_modified is answered 304 (GET and HEAD only), failed 412. `now`: the clock's seconds since
// 1970.
Precondition evaluate_preconditions(Method method, const FieldList& request,
                                    const Validators& current, int64_t now) noexcept;

// Whether the Range of a request may be answered with a part, as If-Range demands it (section
// 13.1.5): true without that field, else only if it names exactly this representation by a strong
// validator.
bool range_applies(const FieldList& request, const Validators& current, int64_t now) noexcept;

}  // namespace sluice::cache
