// Collecting what was found, with the lines to show.
#include "conf/reading/report.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "conf/characters.h"

namespace sluice::conf {

namespace {

// What a line of a generated file may add to a diagnostic: enough to recognise the place, and ten
// thousand mistakes in one line of a megabyte still fit into memory.
constexpr size_t kShownBefore = 60;
constexpr size_t kShown = 160;

// Nobody reads more, and a file made to fail at every octet must not take all memory.
constexpr size_t kMostFound = 10'000;

// Messages quote what was read, which may be a page of text.
constexpr size_t kLongestMessage = 400;

std::string shortened(std::string text) {
  if (text.size() <= kLongestMessage) return text;
  const size_t size = offset_of_character(text, kLongestMessage);
  return size < text.size() ? text.substr(0, size) + "..." : text;
}

std::string_view without_end(std::string_view line) {
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

void show_line(std::string_view line, Diagnostic& diagnostic) {
  const size_t column = diagnostic.column > 0 ? diagnostic.column - 1 : 0;
  const size_t first = line.size() <= kShown || column < kShown / 2 ? 0 : column - kShownBefore;
  const std::string_view rest = line.substr(offset_of_character(line, first));
  diagnostic.source = rest.substr(0, offset_of_character(rest, kShown));
  diagnostic.source_column = static_cast<uint32_t>(first + 1);
}

// How many characters to underline: to the value's end, or to its line's end.
uint32_t width_of(const Place& place, std::string_view line) {
  const size_t end = place.end_line == place.line ? place.end_column : count_characters(line) + 1;
  return end > place.column ? static_cast<uint32_t>(end - place.column) : 1;
}

}  // namespace

uint32_t Report::add_source(std::string name, std::string text) {
  Source& source = sources_.emplace_back(Source{std::move(name), std::move(text), {0}});
  for (size_t i = 0; i < source.text.size(); ++i) {
    if (source.text[i] == '\n') source.lines.push_back(i + 1);
  }
  return static_cast<uint32_t>(sources_.size() - 1);
}

std::string_view Report::line_text(const Place& place) const {
  const Source& source = sources_[place.source];
  if (place.line == 0 || place.line > source.lines.size()) return {};
  const size_t begin = source.lines[place.line - 1];
  const size_t end =
      place.line < source.lines.size() ? source.lines[place.line] : source.text.size();
  return without_end(std::string_view(source.text).substr(begin, end - begin));
}

void Report::add(Diagnostic::Severity severity, Code code, const Place& place, std::string message,
                 Notes notes) {
  if (found_.size() >= kMostFound) return;
  const std::string_view line = line_text(place);
  Diagnostic diagnostic{.severity = severity,
                        .code = std::string(code_name(code)),
                        .file = name(place.source),
                        .line = place.line,
                        .column = place.column,
                        .width = width_of(place, line),
                        .message = shortened(std::move(message)),
                        .notes = std::move(notes)};
  std::erase(diagnostic.notes, std::string());
  for (std::string& note : diagnostic.notes) note = shortened(std::move(note));
  show_line(line, diagnostic);
  found_.push_back({place, std::move(diagnostic)});
}

void Report::error(Code code, const Place& place, std::string message, Notes notes) {
  add(Diagnostic::Severity::error, code, place, std::move(message), std::move(notes));
}

void Report::warning(Code code, const Place& place, std::string message, Notes notes) {
  add(Diagnostic::Severity::warning, code, place, std::move(message), std::move(notes));
}

Origin Report::origin(const Place& place) const {
  return name(place.source) + ":" + std::to_string(place.line);
}

Place Report::within(const Place& place, std::string_view part) const {
  const std::string_view line = line_text(place);
  const size_t begin = offset_of_character(line, place.column - 1);
  const size_t found = line.find(part, begin);
  if (found == line.npos) return place;
  const auto column = static_cast<uint32_t>(1 + count_characters(line.substr(0, found)));
  if (place.end_line == place.line && column >= place.end_column) return place;
  const auto end = static_cast<uint32_t>(column + count_characters(part));
  return {place.source, place.line, column, place.line, end};
}

Diagnostics Report::take() {
  std::stable_sort(found_.begin(), found_.end(), [](const Found& left, const Found& right) {
    const Place &l = left.place, &r = right.place;
    return std::tie(l.source, l.line, l.column) < std::tie(r.source, r.line, r.column);
  });
  Diagnostics all;
  all.reserve(found_.size());
  for (Found& found : found_) all.push_back(std::move(found.diagnostic));
  return all;
}

}  // namespace sluice::conf
