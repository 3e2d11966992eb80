// Every key that a configuration file may hold, as a table.
//
// All that knows keys derives from here: the reader (unknown keys, kinds, choices, ranges), the
// JSON schema for editors, the page of reference. So they cannot disagree, and a new key is a line
// here and its meaning in conf/reading/.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace sluice::conf {

// What may stand behind a key; several are a choice.
enum Form : uint8_t {
  kBoolean = 1,
  kInteger = 2,
  kString = 4,
  kStrings = 8,  // an array of strings
  kTable = 16,   // a table, also inline
  kTables = 32,  // an array of tables
};

struct Table;

struct Key {
  std::string_view name;  // "*" stands for any, in a table whose keys are the user's
  unsigned forms = kString;
  std::string_view fallback = {};                  // what holds without the key, for people
  std::string_view about = {};                     // one line
  const Table* table = nullptr;                    // of kTable and kTables
  std::span<const std::string_view> choices = {};  // of kString: nothing else; empty: anything
  int64_t least = 0;                               // of kInteger
  int64_t most = INT64_MAX;
  std::span<const int64_t> numbers = {};  // of kInteger: nothing else; empty: the range
  std::string_view example = {};          // as it stands in a file, when the kind does not say it
  bool required = false;
  // Of kString: what it looks like, as ECMAScript's regular expressions; for editors, the reader
  // says more about what is wrong.
  std::string_view pattern = {};
};

struct Table {
  std::string_view title;  // "[[site]]", as messages name it
  std::span<const Key> keys;
  const Key* any = nullptr;     // set: keys are the user's own words, and their values are this
  std::string_view names = {};  // of these words: what they look like
};

// The file itself. A main file holds all of its keys; an included one those of included_keys().
const Table& file_table() noexcept;
std::span<const std::string_view> included_keys() noexcept;

// All tables, each once, the file first and the others as they are met.
std::span<const Table* const> all_tables() noexcept;

// The key of this name; `any` for a table that takes every name; null when it is unknown.
const Key* find_key(const Table& table, std::string_view name) noexcept;

// "true or false", "a string or an array of strings", "one of 'auto', 'json'".
std::string expected_of(const Key& key);

}  // namespace sluice::conf
