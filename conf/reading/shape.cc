// Walking a tree along the tables of keys.
#include "conf/reading/shape.h"

#include <algorithm>
#include <charconv>

#include "conf/limit_scopes.h"
#include "conf/limits.h"
#include "conf/spelling.h"

namespace sluice::conf {

namespace {

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

// --- Keys nobody knows ---------------------------------------------------------------------------

// Where a key of this name would be right: "'spa' is a key of [[site]], files".
std::string elsewhere(std::string_view name, const Table& shape) {
  std::string homes;
  for (const Table* table : all_tables()) {
    if (table->any != nullptr || find_key(*table, name) == nullptr) continue;
    homes += (homes.empty() ? "" : ", ") + std::string(table->title);
    if (table == &file_table()) homes += " itself: it stands above the first [header]";
  }
  if (homes.empty()) return homes;
  const bool below = shape.title == "[[site.route]]" && homes.starts_with("[[site]]");
  return quoted(name) + " is a key of " + homes +
         (below ? "; keys of the site stand above its first [[site.route]]" : "");
}

bool is_limit(std::string_view name) {
  const auto limits = all_limits();
  return std::any_of(limits.begin(), limits.end(),
                     [name](const LimitInfo& info) { return info.name == name; });
}

std::string limit_home(std::string_view name) {
  const LimitScope scope = scope_of_limit(name);
  if (scope == LimitScope::listener) return "set it in `limits` of a [[listener]], or in [limits]";
  if (scope == LimitScope::site) return "set it in `limits` of a [[site]], or in [limits]";
  return "it holds for the whole process: set it in [limits]";
}

void unknown_key(const Entry& entry, const Table& shape, Report& report) {
  const std::string title(shape.title);
  if (title.starts_with("limits of") && is_limit(entry.key)) {
    return report.error(Code::limit_elsewhere, entry.key_place,
                        "limit " + quoted(entry.key) + " does not hold in " + title,
                        {limit_home(entry.key)});
  }
  std::vector<std::string_view> names;
  for (const Key& key : shape.keys) names.push_back(key.name);
  // A key that is right in another table is more likely misplaced than misspelt twice.
  const std::string home = elsewhere(entry.key, shape);
  const bool misspelt = home.empty() || distance(entry.key, nearest(entry.key, names)) == 1;
  std::string note = misspelt ? did_you_mean(entry.key, names) : home;
  if (note.empty() && names.size() <= 12) {
    note = "expected one of";
    for (const std::string_view name : names) {
      note.append(name == names.front() ? " " : ", ").append(name);
    }
  }
  report.error(Code::unknown_key, entry.key_place,
               "unknown key " + quoted(entry.key) + " in " + title, {note});
}

// --- Kinds ---------------------------------------------------------------------------------------

unsigned form_of(const Node& node) {
  switch (node.kind) {
    case Node::Kind::table:
      return kTable;
    case Node::Kind::array:
      return kStrings | kTables;
    case Node::Kind::string:
      return kString;
    case Node::Kind::integer:
      return kInteger;
    case Node::Kind::boolean:
      return kBoolean;
    case Node::Kind::real:
    case Node::Kind::date:
      return 0;
  }
  return 0;
}

// What somebody who wrote this probably wants.
std::string type_hint(const std::string& name, const Node& node, const Key& key) {
  const bool tables = node.kind == Node::Kind::array && !node.items.empty() &&
                      node.items.front().kind == Node::Kind::table;
  if (node.kind == Node::Kind::table && key.forms == kTables) {
    return "each one is written with two brackets: [[...]]";
  }
  if (tables && (key.forms & kTable))
    return "there is only one: write it with one pair of brackets";
  if (node.kind == Node::Kind::string && !(key.forms & kString) &&
      (node.text == "true" || node.text == "false")) {
    return "without quotes: " + name + " = " + node.text;
  }
  return {};
}

std::string described(const Node& node) {
  if (node.had_variable) return "the string " + quoted(node.text);
  return std::string(kind_text(node));
}

void wrong_type(const std::string& name, Node& node, const Key& key, Report& report) {
  node.bad = true;
  report.error(Code::wrong_type, node.place, quoted(name) + " is " + described(node),
               {expected_of(key), type_hint(name, node, key)});
}

void wrong_item(const std::string& name, Node& item, const Key& key, Report& report) {
  item.bad = true;
  report.error(Code::wrong_type, item.place,
               "an item of " + quoted(name) + " is " + described(item),
               {(key.forms & kTables) ? "expected a table" : "expected a string"});
}

// A variable's text where a number or a boolean is wanted.
void convert_variable(Node& node, const Key& key) {
  if (!node.had_variable || (key.forms & kString)) return;
  const bool truth = node.text == "true" || node.text == "false";
  if ((key.forms & kBoolean) && truth) {
    node.kind = Node::Kind::boolean;
    node.boolean = node.text == "true";
  }
  const char* end = node.text.data() + node.text.size();
  const auto [rest, error] = std::from_chars(node.text.data(), end, node.integer);
  if ((key.forms & kInteger) && error == std::errc() && rest == end) {
    node.kind = Node::Kind::integer;
  }
}

// --- Values --------------------------------------------------------------------------------------

void check_integer(const std::string& name, Node& node, const Key& key, Report& report) {
  const std::string message = quoted(name) + " is " + std::to_string(node.integer);
  const auto& numbers = key.numbers;
  if (!numbers.empty() &&
      std::find(numbers.begin(), numbers.end(), node.integer) == numbers.end()) {
    node.bad = true;
    report.error(Code::wrong_choice, node.place, message, {expected_of(key)});
  } else if (numbers.empty() && (node.integer < key.least || node.integer > key.most)) {
    node.bad = true;
    report.error(Code::out_of_range, node.place, message, {expected_of(key)});
  }
}

void check_string(const std::string& name, Node& node, const Key& key, Report& report) {
  if (node.text.find('\0') != std::string::npos) {
    node.bad = true;
    return report.error(Code::nul_in_string, node.place, quoted(name) + " has a NUL octet in it",
                        {"no name, path or field may have one; leave it out"});
  }
  const auto& choices = key.choices;
  if (choices.empty() || std::find(choices.begin(), choices.end(), node.text) != choices.end())
    return;
  node.bad = true;
  report.error(Code::wrong_choice, node.place, quoted(name) + " is " + quoted(node.text),
               {expected_of(key), choices.size() > 1 ? did_you_mean(node.text, choices) : ""});
}

void check_items(const std::string& name, Node& array, const Key& key, Report& report) {
  for (Node& item : array.items) {
    const bool right = item.kind == Node::Kind::string
                           ? (key.forms & kStrings) != 0
                           : item.kind == Node::Kind::table && (key.forms & kTables) != 0;
    if (!right) {
      wrong_item(name, item, key, report);
    } else if (item.kind == Node::Kind::table) {
      check_shape(item, *key.table, report);
    } else {
      check_string(name, item, key, report);
    }
  }
}

void check_value(const std::string& name, Node& node, const Key& key, Report& report) {
  if (node.bad) return;
  convert_variable(node, key);
  if ((form_of(node) & key.forms) == 0) return wrong_type(name, node, key, report);
  if (node.kind == Node::Kind::integer) check_integer(name, node, key, report);
  if (node.kind == Node::Kind::string) check_string(name, node, key, report);
  if (node.kind == Node::Kind::array) check_items(name, node, key, report);
  if (node.kind == Node::Kind::table) check_shape(node, *key.table, report);
}

// What seems to be missing may be there under a wrong name, of which something was said.
void check_required(const Node& table, const Table& shape, Report& report) {
  if (table.has_bad_entry()) return;
  for (const Key& key : shape.keys) {
    if (!key.required || table.entry(key.name) != nullptr) continue;
    const std::string name(key.name);
    report.error(Code::missing_key, table.place,
                 std::string(shape.title) + " has no " + quoted(name),
                 {"expected " + name + " = " + std::string(key.example)});
  }
}

}  // namespace

void check_shape(Node& table, const Table& shape, Report& report) {
  for (Entry& entry : table.entries) {
    if (const Key* key = find_key(shape, entry.key)) {
      check_value(entry.key, entry.value, *key, report);
    } else {
      entry.value.bad = true;
      unknown_key(entry, shape, report);
    }
  }
  check_required(table, shape, report);
}

}  // namespace sluice::conf
