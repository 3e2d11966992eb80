// Whether a request is a navigation: a person opens a page, and not a page its parts.
//
// Browsers say so in Sec-Fetch-Mode (W3C Fetch Metadata Request Headers), and what it says counts.
// Who does not send it (curl, crawlers, pages without TLS, for which browsers leave it out) names
// text/html in Accept; "*/*", which scripts and programs send, is not enough.
#pragma once

#include "protocol/fields.h"

namespace sluice::handler {

// Requires: the request's method is GET or HEAD.
bool is_navigation(const FieldList& fields) noexcept;

}  // namespace sluice::handler
