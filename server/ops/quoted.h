// Client text between quotes in a line for people and for tools that split at spaces: what a client
// wrote can neither end the line, nor the quotes, nor make a terminal do anything.
#pragma once

#include <string_view>

#include "server/ops/line_cursor.h"

namespace sluice::ops {

// As nginx escapes variables in its logs: '"', '\', controls and octets from 0x7F on as \xHH.
// Writes at most 4 octets for each of `text`.
inline void append_escaped(LineCursor& out, std::string_view text) noexcept {
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet >= 0x20 && octet < 0x7f && octet != '"' && octet != '\\') {
      out.octet(c);
      continue;
    }
    out.text("\\x");
    out.octet(kDigits[octet >> 4U]);
    out.octet(kDigits[octet & 15U]);
  }
}

}  // namespace sluice::ops
