// Lines are scanned forward only: a name up to its colon, a value up to the first octet that no
// value may hold, which must be the line's CR. Nothing is scanned twice, however the octets arrive.
#include "protocol/h1/section.h"

#include <algorithm>

#include "protocol/grammar.h"

namespace sluice::h1 {

namespace {

// What the octet that stopped a scan means. CR and LF have rules of their own, so that the log can
// tell.
std::string_view bad_octet(char octet) noexcept {
  if (octet == '\n') return "LF without CR";
  return octet == '\r' ? "CR without LF" : "control octet in the head";
}

// At `at`, the first octet that belongs to no line's content: the line's end, or what is wrong.
Outcome line_end(const char* at, const char* end, std::string_view& cause) noexcept {
  if (at == end || (*at == '\r' && at + 1 == end)) return Outcome::need_more;
  if (at[0] == '\r' && at[1] == '\n') return Outcome::line;
  cause = bad_octet(*at);
  return Outcome::failed;
}

void start_line_after(size_t end_of_line, SectionCursor& cursor) noexcept {
  cursor.line_start = cursor.scanned = static_cast<uint32_t>(end_of_line);
  cursor.colon = 0;
}

Outcome fail(ProtocolError& error, int status, std::string_view cause,
             std::string_view limit = "") noexcept {
  error = {status, cause, limit};
  return Outcome::failed;
}

// The field's name and its colon, from where the last look ended.
Outcome scan_name(const char* begin, const char* end, SectionCursor& cursor,
                  ProtocolError& error) noexcept {
  const char* const at = skip_token(begin + cursor.scanned, end);
  cursor.scanned = static_cast<uint32_t>(at - begin);
  if (at == end) return Outcome::need_more;
  if (*at == ':' && cursor.scanned != cursor.line_start) {
    cursor.colon = cursor.scanned++;
    return Outcome::line;
  }
  if (*at == ':') return fail(error, 400, "empty field name");
  const bool blank = *at == ' ' || *at == '\t';
  if (cursor.scanned == cursor.line_start) {
    return fail(error, 400, blank ? "folded field line" : "field line starts with a bad octet");
  }
  return fail(error, 400, blank ? "space before the colon" : "bad octet in a field name");
}

// Names the bound that was met first, so that the answer does not depend on how the octets arrived.
Outcome check_limits(const SectionLimits& limits, const SectionCursor& cursor,
                     ProtocolError& error) noexcept {
  const size_t line_bound = cursor.line_start + limits.line;
  if (cursor.scanned <= std::min(line_bound, limits.octets)) return Outcome::line;
  if (limits.octets < line_bound) {
    return fail(error, limits.status, "section too large", limits.octets_name);
  }
  return fail(error, limits.status, "field line too long", "field");
}

// Name, colon and value as far as they are there; `line` when cursor.scanned stands on the line's
// CRLF.
Outcome scan_field(const char* begin, const char* end, SectionCursor& cursor,
                   ProtocolError& error) noexcept {
  if (cursor.colon == 0) {
    const Outcome name = scan_name(begin, end, cursor, error);
    if (name != Outcome::line) return name;
  }
  const char* const at = skip_field_octets(begin + cursor.scanned, end);
  cursor.scanned = static_cast<uint32_t>(at - begin);
  const Outcome ended = line_end(at, end, error.cause);
  if (ended == Outcome::failed) error.status = 400;
  return ended;
}

// The empty line that ends the section: `complete`, or `line` when this line is none.
Outcome scan_empty_line(std::string_view input, const SectionLimits& limits, SectionCursor& cursor,
                        ProtocolError& error) noexcept {
  const std::string_view rest = input.substr(cursor.line_start);
  if (rest.empty()) return Outcome::need_more;
  if (rest.front() == '\n') return fail(error, 400, bad_octet('\n'));
  if (rest.front() != '\r') return Outcome::line;
  if (rest.size() == 1) return Outcome::need_more;
  if (rest[1] != '\n') return fail(error, 400, bad_octet('\r'));
  start_line_after(cursor.line_start + size_t{2}, cursor);
  if (cursor.line_start > limits.octets) {
    return fail(error, limits.status, "section too large", limits.octets_name);
  }
  return Outcome::complete;
}

}  // namespace

Outcome next_start_line(std::string_view input, size_t limit, SectionCursor& cursor,
                        std::string_view& line, ProtocolError& error) noexcept {
  const char* const begin = input.data();
  const char* const end = begin + input.size();
  const char* const at = skip_printable(begin + cursor.scanned, end);
  const Outcome ended = line_end(at, end, error.cause);
  cursor.scanned = static_cast<uint32_t>(at - begin);
  if (cursor.scanned > limit) return fail(error, 414, "start line too long", "request_line");
  if (ended == Outcome::failed) error.status = 400;
  if (ended != Outcome::line) return ended;
  line = input.substr(0, cursor.scanned);
  start_line_after(cursor.scanned + size_t{2}, cursor);
  return Outcome::line;
}

Outcome next_field_line(std::string_view input, const SectionLimits& limits, SectionCursor& cursor,
                        Field& field, ProtocolError& error) noexcept {
  if (cursor.scanned == cursor.line_start) {
    const Outcome empty = scan_empty_line(input, limits, cursor, error);
    if (empty != Outcome::line) return empty;
    if (cursor.fields >= limits.fields) {
      return fail(error, limits.status, "too many field lines", limits.fields_name);
    }
  }
  const char* const begin = input.data();
  const Outcome scanned = scan_field(begin, begin + input.size(), cursor, error);
  if (check_limits(limits, cursor, error) == Outcome::failed) return Outcome::failed;
  if (scanned != Outcome::line) return scanned;
  field.name = {begin + cursor.line_start, cursor.colon - cursor.line_start};
  field.value = trim({begin + cursor.colon + 1, cursor.scanned - cursor.colon - size_t{1}});
  field.id = field_id(field.name);
  field.checked = true;
  ++cursor.fields;
  start_line_after(cursor.scanned + size_t{2}, cursor);
  return Outcome::line;
}

}  // namespace sluice::h1
