// How deep dotted keys go, found before the TOML library sees the text.
//
// The library bounds how deep values are nested, but not how long a dotted key is: "a.a.a..." of a
// megabyte overflows the stack when its tables are destroyed. So dots outside of strings and
// comments are counted first. A text that is no TOML may be read differently here than there, but
// only behind the place where the library stops.
#include <algorithm>

#include "conf/document.h"

namespace sluice::conf {

namespace {

// Where a string that begins at `at` ends: behind its closing quotes, at the line's end for one
// that is not closed there, or at the text's end.
size_t skip_string(std::string_view text, size_t at) {
  const char quote = text[at];
  const std::string long_quotes(3, quote);
  const bool long_one = text.substr(at).starts_with(long_quotes);
  for (size_t i = at + (long_one ? 3 : 1); i < text.size(); ++i) {
    if (quote == '"' && text[i] == '\\') {
      ++i;
    } else if (long_one) {
      if (text.substr(i).starts_with(long_quotes)) return i + 3;
    } else if (text[i] == quote || text[i] == '\n') {
      return i + 1;
    }
  }
  return text.size();
}

Place place_at(std::string_view text, size_t offset, uint32_t source) {
  const auto before = text.substr(0, offset);
  const size_t line_begin = before.rfind('\n') == before.npos ? 0 : before.rfind('\n') + 1;
  const auto is_start = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; };
  const auto line = static_cast<uint32_t>(1 + std::count(before.begin(), before.end(), '\n'));
  const auto column = static_cast<uint32_t>(
      1 + std::count_if(before.begin() + static_cast<std::ptrdiff_t>(line_begin), before.end(),
                        is_start));
  return {source, line, column, line, column + 1};
}

}  // namespace

std::optional<Place> too_deep_key(std::string_view text, uint32_t source) {
  constexpr std::string_view kKeyEnds = "\n=,{}[]";
  size_t dots = 0;
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == '"' || c == '\'') {
      i = skip_string(text, i);
      continue;
    }
    if (c == '#') {
      i = std::min(text.find('\n', i), text.size());
      continue;
    }
    if (kKeyEnds.find(c) != kKeyEnds.npos) dots = 0;
    if (c == '.' && ++dots >= kDeepestKey) return place_at(text, i, source);
    ++i;
  }
  return std::nullopt;
}

}  // namespace sluice::conf
