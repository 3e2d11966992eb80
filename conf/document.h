// A TOML text as a plain tree in which everything knows its place.
//
// The one user of the TOML library, so that its types and its compile time stay behind
// document.cc. Entries of a table stand in the text's order (the library sorts them by name, which
// nobody who reads diagnostics wants).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sluice::conf {

// A stretch of a source's text: lines and columns from 1, in characters; the end is exclusive.
struct Place {
  uint32_t source = 0;  // which of the sources (conf/reading/report.h)
  uint32_t line = 0;    // 0: the source as a whole
  uint32_t column = 0;
  uint32_t end_line = 0;
  uint32_t end_column = 0;
};

struct Entry;

struct Node {
  enum class Kind : uint8_t { table, array, string, integer, real, boolean, date };
  Kind kind = Kind::table;
  bool bad = false;           // something was said about it already: nobody looks at it again
  bool had_variable = false;  // a string with ${...}: may stand where a number is wanted
  bool boolean = false;
  int64_t integer = 0;
  Place place;
  std::string text;            // of a string
  std::vector<Entry> entries;  // of a table
  std::vector<Node> items;     // of an array

  // The value of a key; null when it is missing or bad.
  const Node* find(std::string_view key) const noexcept;
  const Entry* entry(std::string_view key) const noexcept;
  // Whether something was said about an entry of this table: then what seems to be missing may be
  // there under a wrong name.
  bool has_bad_entry() const noexcept;
};

struct Entry {
  std::string key;
  Place key_place;
  Node value;
};

// "a string", "an array of tables": what a person would call it.
std::string_view kind_text(const Node& node) noexcept;

struct SyntaxError {
  std::string message;  // as the library puts it
  Place place;
};

// Where a dotted key goes deeper than kDeepestKey, which would take the library's recursion through
// the stack; nothing for a text without one.
constexpr size_t kDeepestKey = 32;
std::optional<Place> too_deep_key(std::string_view text, uint32_t source);

// Parses `text` as source number `source`. Values may be nested 256 deep; the parser stops at the
// first error. Requires: too_deep_key found nothing.
std::variant<Node, SyntaxError> parse_document(std::string_view text, uint32_t source);

}  // namespace sluice::conf
