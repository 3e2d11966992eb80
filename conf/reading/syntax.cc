// What the TOML library says about a text that it cannot read, and what to do about it.
//
// The library's words are about its grammar; people make a dozen mistakes again and again, and each
// of these gets a sentence that says what to type.
#include "conf/reading/syntax.h"

#include <algorithm>
#include <array>
#include <string>
#include <variant>

#include "conf/characters.h"

namespace sluice::conf {

namespace {

struct Hint {
  std::string_view said;  // by the library
  std::string_view note;
};
constexpr std::array kHints = {
    Hint{"(dangling comma)", "leave the last comma away: an inline table has none at its end"},
    Hint{"parsing inline table: expected key or closing '}', saw the line's end",
         "an inline table stands on one line; a longer one is written below a [header]"},
    Hint{"parsing boolean", "true and false are written in small letters, without quotes"},
    Hint{"escape sequence",
         "a backslash in \"...\" begins an escape: write \\\\, or use '...' where it stands for "
         "itself"},
    Hint{"expected '=', saw ':'", "a key and its value are joined by '='"},
    Hint{"whitespace or comments, saw '/'", "a comment begins with '#'"},
    Hint{"leading zeroes", "write the number without the zero in front"},
    Hint{"as array-of-tables", "use [name] or [[name]] for it, not both"},
    Hint{"unescaped control characters", "write it as an escape such as \\n, or leave it out"},
    Hint{"invalid UTF-8", "a configuration is written in UTF-8"},
    Hint{"expected comma or closing ']'", "the array that begins before here has no ']'"},
    Hint{"table header: expected ']'", "as many brackets close a header as open it"},
};

// What the library says of every value that it cannot begin to read.
constexpr std::string_view kNoValue = "could not determine value type";

bool has(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  for (size_t at = text.find(what); at != text.npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
  return text;
}

std::string_view line_at(std::string_view text, uint32_t line) {
  for (; line > 1 && has(text, "\n"); --line) text.remove_prefix(text.find('\n') + 1);
  return text.substr(0, text.find_first_of("\r\n"));
}

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") + 1 - first);
}

// What stands behind the line's '=', when it is a word without quotes that was meant as a string.
std::string_view bare_value(std::string_view line) {
  const size_t equals = line.find('=');
  if (equals == line.npos) return {};
  const std::string_view rest = line.substr(equals + 1);
  const std::string_view value = trimmed(rest.substr(0, rest.find('#')));
  return value.find_first_of("\"'[]{},=") == value.npos ? value : std::string_view();
}

std::string hint_for(std::string_view said, const Place& place, std::string_view line) {
  if (has(said, kNoValue) && place.column <= line.find('=') && has(line, "=")) {
    return "a value was expected, and here is a key: does an array above lack its ']'?";
  }
  const bool about_value = has(said, kNoValue) || has(said, "comment or whitespace") ||
                           has(said, "integer: expected") || has(said, "floating-point");
  if (about_value && (has(line, "\u201C") || has(line, "\u2018") || has(line, "\u201D"))) {
    return "these are typographic quotes; TOML knows \" and '";
  }
  if (about_value && !bare_value(line).empty()) {
    return "a string stands in quotes: \"" + std::string(bare_value(line)) + "\"";
  }
  const auto hint = std::find_if(kHints.begin(), kHints.end(),
                                 [said](const Hint& known) { return has(said, known.said); });
  return hint != kHints.end() ? std::string(hint->note) : std::string();
}

// "Error while parsing array: expected ..." -> "expected ... (while reading array)".
std::string message_of(const std::string& said) {
  constexpr std::string_view kPrefix = "Error while parsing ";
  if (has(said, kNoValue)) return "this is no value of TOML";
  if (!said.starts_with(kPrefix)) return said;
  const size_t colon = said.find(": ");
  if (colon == said.npos) return said;
  return said.substr(colon + 2) + " (while reading " +
         said.substr(kPrefix.size(), colon - kPrefix.size()) + ")";
}

// The name in "cannot redefine existing table 'log'"; empty when it is about something else.
std::string_view redefined(std::string_view said) {
  const size_t at = said.find("cannot redefine existing");
  if (at == said.npos) return {};
  const std::string_view rest = said.substr(said.find('\'', at) + 1);
  return rest.substr(0, rest.find('\''));
}

Place on_line(const Place& place, std::string_view line, std::string_view word) {
  const size_t at = line.find(word);
  if (at == line.npos) return place;
  const auto column = static_cast<uint32_t>(1 + count_characters(line.substr(0, at)));
  const auto end = static_cast<uint32_t>(column + count_characters(word));
  return {place.source, place.line, column, place.line, end};
}

void report_duplicate(const std::string& said, const Place& place, std::string_view line,
                      Report& report) {
  const std::string name(redefined(said));
  const bool header = line.starts_with('[');
  report.error(Code::duplicate_key, on_line(place, line, name.substr(name.rfind('.') + 1)),
               "'" + name + "' is defined a second time",
               {header ? hint_for(said, place, line) : std::string(),
                header ? "write all of its keys below one header" : "keep one of the two"});
}

void report_syntax(SyntaxError error, Report& report) {
  const std::string_view line = line_at(report.text(error.place.source), error.place.line);
  std::string said = replaced(error.message, "'\\n'", "the line's end");
  said = replaced(std::move(said), "'\\r'", "the line's end");
  said = replaced(std::move(said), "Encountered invalid utf-8", "invalid UTF-8");
  if (!redefined(said).empty()) return report_duplicate(said, error.place, line, report);
  const bool at_end = error.place.column > count_characters(line);
  if (at_end && has(said, "unescaped control characters")) {
    return report.error(Code::toml_syntax, error.place, "the string has no closing quote",
                        {"close it on this line; a text of several lines stands in \"\"\""});
  }
  report.error(Code::toml_syntax, error.place, message_of(said),
               {hint_for(said, error.place, line)});
}

}  // namespace

std::optional<Node> parse_source(uint32_t source, Report& report) {
  if (const std::optional<Place> place = too_deep_key(report.text(source), source)) {
    report.error(Code::nested_too_deep, *place, "a key with more than 32 dots",
                 {"no key of Sluice has more than a few"});
    return std::nullopt;
  }
  auto parsed = parse_document(report.text(source), source);
  if (auto* node = std::get_if<Node>(&parsed)) return std::optional<Node>(std::move(*node));
  report_syntax(std::move(std::get<SyntaxError>(parsed)), report);
  return std::nullopt;
}

}  // namespace sluice::conf
