// A handshake in two lanes, the client's and the server's, message by message, in the steps that
// books on TLS count.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "tls/handshake_trace.h"

namespace sluice::ops {

struct TextStyle {
  bool colours = false;  // ANSI's, for a terminal
  size_t columns = 100;  // of the widest line; taken as 80 to 120
};

// Lines that end with a line feed each. What a peer wrote cannot leave its lane, nor reach the
// terminal as anything but text.
[[nodiscard]] std::string lanes_text(const tls::HandshakeTrace& trace, const TextStyle& style);

// `text` (printable) in lines of at most `columns`, at spaces where there are some; those after the
// first begin with `indent` spaces.
[[nodiscard]] std::vector<std::string> wrapped(std::string_view text, size_t columns,
                                               size_t indent);

}  // namespace sluice::ops
