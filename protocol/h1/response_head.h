// Our own strict pass over a response's status line (RFC 9112 section 4), and what a status says
// about content.
#pragma once

#include <string_view>

#include "protocol/codec_sink.h"
#include "protocol/h1/control_fields.h"
#include "protocol/message.h"

namespace sluice::h1 {

// Reads a status line (without CRLF): HTTP/1.0 or HTTP/1.1, a status of 100 to 599. The space
// before an empty reason may be missing, as many origins leave it out. Status 0 when the line is
// good.
ProtocolError parse_status_line(std::string_view line, ResponseHead& head, bool& http_1_0) noexcept;

// True when a response has no content whatever its fields say (RFC 9112 section 6.3, rules 1 and
// 2).
bool has_no_content(Method request_method, int status) noexcept;

// Refuses framing that RFC 9112 section 6.1 and RFC 9110 section 8.6 forbid for this status.
ProtocolError check_response_framing(int status, const MessageFacts& facts) noexcept;

}  // namespace sluice::h1
