// Pieces of a list, and qvalues.
#include "server/handler/files/accept.h"

#include <algorithm>
#include <cstddef>

namespace sluice::handler {

namespace {

std::string_view trim(std::string_view text) noexcept {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// Where `separator` stands first outside of quotes; the text's end when it does not.
size_t find_outside_quotes(std::string_view text, char separator) noexcept {
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') quoted = !quoted;
    if (quoted && text[i] == '\\') ++i;
    if (!quoted && text[i] == separator) return i;
  }
  return text.size();
}

// The next piece up to `separator`, trimmed. False at the end.
bool next_piece(std::string_view& rest, char separator, std::string_view& piece) noexcept {
  if (rest.empty()) return false;
  const size_t end = find_outside_quotes(rest, separator);
  piece = trim(rest.substr(0, end));
  rest.remove_prefix(std::min(rest.size(), end + 1));
  return true;
}

int weight_of(std::string_view text) noexcept {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return 1000;
  int weight = (text[0] - '0') * 1000;
  int unit = 100;
  for (size_t i = 2; i < text.size(); ++i, unit /= 10) {
    if (text[i] < '0' || text[i] > '9') return 1000;
    weight += (text[i] - '0') * unit;
  }
  return std::min(weight, 1000);
}

}  // namespace

bool next_media_range(std::string_view& rest, MediaRange& range) noexcept {
  std::string_view element;
  do {
    if (!next_piece(rest, ',', element)) return false;
  } while (element.empty());
  range = {};
  next_piece(element, ';', range.type);
  std::string_view parameter;
  while (next_piece(element, ';', parameter)) {
    if (parameter.starts_with("q=") || parameter.starts_with("Q=")) {
      range.weight = weight_of(parameter.substr(2));
    }
  }
  return true;
}

}  // namespace sluice::handler
