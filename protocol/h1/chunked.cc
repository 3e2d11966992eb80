// A chunk's line is bounded by its limits, so it is parsed anew from its start until all of it is
// there; data is passed on as it comes.
#include "protocol/h1/chunked.h"

#include <algorithm>

#include "protocol/grammar.h"

namespace sluice::h1 {

namespace {

constexpr size_t kMaxDigits = 16;

Outcome fail(ProtocolError& error, std::string_view cause, std::string_view limit = "") noexcept {
  error = {400, cause, limit};
  return Outcome::failed;
}

// A quoted-string's rest after its opening quote (RFC 9110 section 5.6.4); `at` ends after the
// closing one. Neither quotes nor pairs hide a CR: whoever reads them otherwise finds the same end
// of the line.
Outcome skip_quoted(const char*& at, const char* end) noexcept {
  for (; at != end; ++at) {
    if (*at == '"') return ++at, Outcome::complete;
    if (*at == '\\' && ++at == end) return Outcome::need_more;
    if (!is_field_octet(*at)) return Outcome::failed;
  }
  return Outcome::need_more;
}

// ";" name ["=" value]: one extension (RFC 9112 section 7.1.1), without the white space that is
// only allowed for old senders. `at` is on the ";".
Outcome skip_extension(const char*& at, const char* end) noexcept {
  const char* const name = ++at;
  at = skip_token(at, end);
  if (at == end) return Outcome::need_more;
  if (at == name) return Outcome::failed;
  if (*at != '=') return Outcome::complete;
  if (++at == end) return Outcome::need_more;
  if (*at == '"') return skip_quoted(++at, end);
  const char* const value = at;
  at = skip_token(at, end);
  if (at == end) return Outcome::need_more;
  return at == value ? Outcome::failed : Outcome::complete;
}

Outcome skip_extensions(const char*& at, const char* end) noexcept {
  while (at != end && *at == ';') {
    const Outcome extension = skip_extension(at, end);
    if (extension != Outcome::complete) return extension;
  }
  return at == end ? Outcome::need_more : Outcome::complete;
}

Outcome read_size(const char*& at, const char* end, uint64_t& size) noexcept {
  const char* const begin = at;
  for (; at != end && is_hex_digit(*at); ++at) {
    if (static_cast<size_t>(at - begin) == kMaxDigits) return Outcome::failed;
    size = size * 16 + hex_value(*at);
  }
  if (at == end) return Outcome::need_more;
  return at == begin ? Outcome::failed : Outcome::complete;
}

}  // namespace

Outcome parse_chunk_line(std::string_view input, size_t limit, ChunkLine& out,
                         ProtocolError& error) noexcept {
  const char* at = input.data();
  const char* const end = at + input.size();
  out = ChunkLine();
  const Outcome size = read_size(at, end, out.size);
  if (size == Outcome::failed) return fail(error, "malformed chunk size");
  const char* const extensions = at;
  const Outcome skipped = skip_extensions(at, end);
  out.extensions = static_cast<size_t>(at - extensions);
  if (out.extensions > limit) return fail(error, "chunk extensions too long", "chunk_line");
  if (skipped == Outcome::failed) return fail(error, "malformed chunk extension");
  if (skipped == Outcome::need_more) return skipped;
  if (*at != '\r') return fail(error, "malformed chunk line");
  if (++at == end) return Outcome::need_more;
  if (*at != '\n') return fail(error, "malformed chunk line");
  out.length = static_cast<size_t>(at + 1 - input.data());
  return Outcome::line;
}

void ChunkedReader::restart() noexcept {
  left_ = 0;
  extensions_ = 0;
  cursor_ = {};
  part_ = Part::size_line;
}

ChunkedReader::Step ChunkedReader::step(std::string_view input, const Limits& limits,
                                        FieldList& trailers, ProtocolError& error) {
  switch (part_) {
    case Part::size_line:
      return take_line(input, limits, error);
    case Part::data:
      return take_data(input, error);
    case Part::data_end:
      return take_data_end(input, error);
    case Part::trailers:
      return take_trailers(input, limits, trailers, error);
    case Part::done:
      break;
  }
  return {};
}

ChunkedReader::Step ChunkedReader::take_line(std::string_view input, const Limits& limits,
                                             ProtocolError& error) noexcept {
  ChunkLine line;
  if (parse_chunk_line(input, limits.chunk_line, line, error) != Outcome::line) return {};
  extensions_ += line.extensions;
  if (extensions_ > limits.chunk_extensions) {
    error = {400, "too many chunk extensions", "chunk_extensions"};
    return {};
  }
  left_ = line.size;
  part_ = left_ != 0 ? Part::data : Part::trailers;
  // Extensions mean nothing to anybody and must be ignored (RFC 9112 section 7.1.1). llhttp refuses
  // quoted pairs, and more after a value: it is not shown any.
  constexpr size_t kEnd = 2;
  const size_t digits = line.length - kEnd - line.extensions;
  const Step size = agreed(input.substr(0, digits), 0, false, error);
  if (size.consumed == 0) return {};
  agreed(input.substr(line.length - kEnd, kEnd), 0, false, error);
  return {line.length, 0};
}

ChunkedReader::Step ChunkedReader::take_data(std::string_view input,
                                             ProtocolError& error) noexcept {
  const auto size = static_cast<size_t>(std::min<uint64_t>(left_, input.size()));
  left_ -= size;
  if (left_ == 0) part_ = Part::data_end;
  return agreed(input.substr(0, size), size, false, error);
}

ChunkedReader::Step ChunkedReader::take_data_end(std::string_view input,
                                                 ProtocolError& error) noexcept {
  constexpr std::string_view kEnd = "\r\n";
  const std::string_view octets = input.substr(0, kEnd.size());
  if (kEnd.substr(0, octets.size()) != octets) {
    error = {400, "chunk data longer than its size", ""};
    return {};
  }
  if (octets.size() < kEnd.size()) return {};
  part_ = Part::size_line;
  return agreed(octets, 0, false, error);
}

ChunkedReader::Step ChunkedReader::take_trailers(std::string_view input, const Limits& limits,
                                                 FieldList& trailers, ProtocolError& error) {
  const SectionLimits section{.line = limits.field_line,
                              .octets = limits.trailers,
                              .fields = limits.trailer_fields,
                              .status = 400,
                              .octets_name = "trailers",
                              .fields_name = "trailer_fields"};
  const bool seen_from_start = cursor_.scanned == 0;
  Field field;
  Outcome outcome;
  while ((outcome = next_field_line(input, section, cursor_, field, error)) == Outcome::line) {
    if (is_forbidden_in_trailers(field.id)) error = {400, "framing field in the trailers", ""};
    if (error.status != 0) return {};
    if (!is_hop_by_hop(field)) trailers.add(field);
  }
  if (outcome != Outcome::complete) {
    trailers.clear();
    return {};
  }
  if (!seen_from_start) {  // the fields of earlier calls were dropped: all lines are good, read
                           // them once more
    cursor_ = {};
    trailers.clear();
    return take_trailers(input, limits, trailers, error);
  }
  part_ = Part::done;
  return agreed(input.substr(0, cursor_.line_start), 0, true, error);
}

ChunkedReader::Step ChunkedReader::agreed(std::string_view octets, size_t data_size, bool ends,
                                          ProtocolError& error) noexcept {
  if (opinion_.agrees_on_content(octets, data_size, ends)) return {octets.size(), data_size};
  error = {400, "parsers disagree", ""};
  return {};
}

}  // namespace sluice::h1
