// Reads a head or a trailer section line by line while its octets arrive (RFC 9112 sections 2.2 and
// 5).
//
// Invariants:
//   1. Every LF follows a CR and every CR precedes an LF; no line starts with white space
//   (obs-fold).
//   2. A bad octet is found when it arrives, a limit is met when it is passed: neither waits for
//   the line's end.
//   3. The cursor remembers how far the reader looked, so that octets given again are not scanned
//   again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "protocol/codec_sink.h"
#include "protocol/fields.h"

namespace sluice::h1 {

// Where in a section the reader stands, as offsets from the section's first octet.
struct SectionCursor {
  uint32_t line_start = 0;
  uint32_t scanned = 0;  // octets of the current line before this one are good
  uint32_t colon = 0;    // where the current field line's name ends; 0 while that is not known
  uint32_t fields = 0;   // field lines read
};

enum class Outcome : uint8_t { need_more, line, complete, failed };

// What bounds a section; the names are keys of conf/limits.h, `status` answers.
struct SectionLimits {
  size_t line;
  size_t octets;
  size_t fields;
  int status;
  std::string_view octets_name;
  std::string_view fields_name;
};

// The next start line: `line` once it is there, without CRLF. `limit` bounds it; checks its octets,
// not its syntax.
Outcome next_start_line(std::string_view input, size_t limit, SectionCursor& cursor,
                        std::string_view& line, ProtocolError& error) noexcept;

// The next field line: `line` and the field, checked; or `complete` after the empty line that ends
// the section, when cursor.line_start is the section's length.
Outcome next_field_line(std::string_view input, const SectionLimits& limits, SectionCursor& cursor,
                        Field& field, ProtocolError& error) noexcept;

}  // namespace sluice::h1
