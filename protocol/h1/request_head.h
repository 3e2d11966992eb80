// Our own strict pass over a request's head (RFC 9112 sections 2 and 3, RFC 9110 section 7.2).
#pragma once

#include <string_view>

#include "protocol/block.h"
#include "protocol/codec_sink.h"
#include "protocol/h1/control_fields.h"
#include "protocol/message.h"
#include "protocol/slice.h"
#include "protocol/target.h"

namespace sluice::h1 {

// Reads a request line (without CRLF) into `head` and `target`; views into `line`. Status 0 when it
// is good.
ProtocolError parse_request_line(std::string_view line, RequestHead& head, Target& target) noexcept;

// Checks the whole of a head, whose lines were read, and fills what follows from them.
// `head.storage` is set by the caller; a path that needs normalising is written into memory of
// `pool`, pinned by head.derived.
ProtocolError finish_request_head(const Target& target, ControlFields& control, uint64_t largest,
                                  BlockPool& pool, RequestHead& head, MessageFacts& facts);

}  // namespace sluice::h1
