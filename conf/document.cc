// From the library's tree to ours.
#include "conf/document.h"

// The library takes for granted that a header begins with a letter, and reports it properly where
// that is checked: without its assertions "[!]" is a syntax error, with them it ends the process,
// and where NDEBUG makes them assumptions, anything may happen.
#undef NDEBUG
#define TOML_ASSERT(expression) static_assert(true)
// Errors as values, no writing of TOML: less to compile.
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include <algorithm>
#include <tuple>

namespace sluice::conf {

namespace {

Place place_of(const toml::source_region& region, uint32_t source) {
  return {source, region.begin.line, region.begin.column, region.end.line, region.end.column};
}

Node convert(const toml::node& from, uint32_t source);

void convert_entries(const toml::table& from, uint32_t source, Node& to) {
  to.entries.reserve(from.size());
  for (const auto& [key, value] : from) {
    to.entries.push_back(
        {std::string(key.str()), place_of(key.source(), source), convert(value, source)});
  }
  std::sort(to.entries.begin(), to.entries.end(), [](const Entry& left, const Entry& right) {
    return std::tie(left.key_place.line, left.key_place.column) <
           std::tie(right.key_place.line, right.key_place.column);
  });
}

void convert_items(const toml::array& from, uint32_t source, Node& to) {
  to.items.reserve(from.size());
  for (const toml::node& item : from) to.items.push_back(convert(item, source));
}

Node convert(const toml::node& from, uint32_t source) {
  Node to;
  to.place = place_of(from.source(), source);
  if (const toml::table* table = from.as_table()) {
    convert_entries(*table, source, to);
  } else if (const toml::array* array = from.as_array()) {
    to.kind = Node::Kind::array;
    convert_items(*array, source, to);
  } else if (const auto* string = from.as_string()) {
    to.kind = Node::Kind::string;
    to.text = string->get();
  } else if (const auto* integer = from.as_integer()) {
    to.kind = Node::Kind::integer;
    to.integer = integer->get();
  } else if (const auto* boolean = from.as_boolean()) {
    to.kind = Node::Kind::boolean;
    to.boolean = boolean->get();
  } else {
    to.kind = from.is_floating_point() ? Node::Kind::real : Node::Kind::date;
  }
  return to;
}

}  // namespace

const Entry* Node::entry(std::string_view key) const noexcept {
  for (const Entry& entry : entries) {
    if (entry.key == key) return &entry;
  }
  return nullptr;
}

const Node* Node::find(std::string_view key) const noexcept {
  const Entry* found = entry(key);
  return found != nullptr && !found->value.bad ? &found->value : nullptr;
}

bool Node::has_bad_entry() const noexcept {
  return std::any_of(entries.begin(), entries.end(),
                     [](const Entry& entry) { return entry.value.bad; });
}

std::string_view kind_text(const Node& node) noexcept {
  switch (node.kind) {
    case Node::Kind::table:
      return "a table";
    case Node::Kind::array: {
      const bool tables = !node.items.empty() && node.items.front().kind == Node::Kind::table;
      return tables ? "an array of tables" : "an array";
    }
    case Node::Kind::string:
      return "a string";
    case Node::Kind::integer:
      return "an integer";
    case Node::Kind::real:
      return "a number with a fraction";
    case Node::Kind::boolean:
      return "a boolean";
    case Node::Kind::date:
      return "a date or time";
  }
  return {};
}

std::variant<Node, SyntaxError> parse_document(std::string_view text, uint32_t source) {
  const toml::parse_result result = toml::parse(text);
  if (!result) {
    return SyntaxError{std::string(result.error().description()),
                       place_of(result.error().source(), source)};
  }
  return convert(result.table(), source);
}

}  // namespace sluice::conf
