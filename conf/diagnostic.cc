// Showing a diagnostic: the line as it is, and a caret under what it is about.
//
// The underline repeats the line's tabs, so that it stays right whatever a terminal makes of them,
// and counts columns rather than characters (conf/characters.h). Octets that would steer a terminal
// are replaced: a configuration may come from somebody else.
#include "conf/diagnostic.h"

#include <algorithm>
#include <string_view>

#include "conf/characters.h"

namespace sluice::conf {

namespace {

struct Colours {
  std::string_view error, warning, place, note, reset;
};
constexpr Colours kNoColours{};
constexpr Colours kTerminal{"\x1b[1;31m", "\x1b[1;35m", "\x1b[1m", "\x1b[36m", "\x1b[0m"};

bool steers(std::string_view character) {
  const auto octet = static_cast<unsigned char>(character.front());
  // The second form is U+0080 to U+009F, which some terminals still obey.
  const bool late_control =
      character.size() == 2 && octet == 0xC2 && static_cast<unsigned char>(character[1]) < 0xA0;
  const bool stray = character.size() == 1 && octet >= 0x80;
  return (octet < 0x20 && octet != '\t') || octet == 0x7F || late_control || stray;
}

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::string_view character = text.substr(0, character_size(text));
    out.append(steers(character) ? "?" : character);
    text.remove_prefix(character.size());
  }
  return out;
}

std::string underline(const Diagnostic& diagnostic) {
  std::string out;
  std::string_view rest = diagnostic.source;
  uint32_t column = diagnostic.source_column;
  const uint32_t end = diagnostic.column + std::max<uint32_t>(diagnostic.width, 1);
  while (column < end) {
    const size_t size = rest.empty() ? 0 : character_size(rest);
    const std::string_view character = rest.substr(0, size);
    const size_t columns = rest.empty() || steers(character) ? 1 : character_columns(character);
    if (column < diagnostic.column) {
      out += character == "\t" ? "\t" : std::string(columns, ' ');
    } else {
      if (rest.empty() && column > diagnostic.column) break;
      out += column == diagnostic.column ? "^" + std::string(columns > 1 ? 1 : 0, '~')
                                         : std::string(columns, '~');
    }
    rest.remove_prefix(size);
    ++column;
  }
  return out;
}

std::string head(const Diagnostic& diagnostic, const Colours& colours) {
  const bool error = diagnostic.severity == Diagnostic::Severity::error;
  std::string text(colours.place);
  text += printable(diagnostic.file) + ":";
  if (diagnostic.line > 0) {
    text += std::to_string(diagnostic.line) + ":" + std::to_string(diagnostic.column) + ":";
  }
  text.append(colours.reset).append(" ").append(error ? colours.error : colours.warning);
  text.append(error ? "error:" : "warning:").append(colours.reset).append(" ");
  return text + printable(diagnostic.message) + "\n";
}

std::string numbered(const std::string& number, std::string_view separator) {
  return std::string(number.size() < 5 ? 5 - number.size() : 0, ' ') + number +
         std::string(separator);
}

}  // namespace

std::string render(const Diagnostic& diagnostic, bool colours) {
  const Colours& colour = colours ? kTerminal : kNoColours;
  const bool error = diagnostic.severity == Diagnostic::Severity::error;
  std::string text = head(diagnostic, colour);
  if (diagnostic.line > 0) {
    text += numbered(std::to_string(diagnostic.line), " | ") + printable(diagnostic.source) + "\n";
    text += numbered("", " | ");
    text.append(error ? colour.error : colour.warning);
    text.append(underline(diagnostic)).append(colour.reset).append("\n");
  }
  for (const std::string& note : diagnostic.notes) {
    text += numbered("", " = ");
    text.append(colour.note).append(printable(note)).append(colour.reset).append("\n");
  }
  return text;
}

bool has_errors(const Diagnostics& diagnostics) noexcept {
  return std::any_of(diagnostics.begin(), diagnostics.end(), [](const Diagnostic& diagnostic) {
    return diagnostic.severity == Diagnostic::Severity::error;
  });
}

}  // namespace sluice::conf
