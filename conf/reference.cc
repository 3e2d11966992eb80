// From the tables of keys and limits to Markdown.
#include "conf/reference.h"

#include <string_view>

#include "conf/keys.h"
#include "conf/limit_scopes.h"
#include "conf/limits.h"

namespace sluice::conf {

namespace {

constexpr std::string_view kOpening =
    R"(# All keys and limits

Printed by `sluice check --reference`; do not edit. `sluice check -c FILE` says what is wrong with a file, and
`conf/sluice.schema.json` teaches it to editors. The examples in `conf/examples/` are a better place to begin.

- Unknown keys are errors. Every key may be left out unless it is marked as required.
- `${NAME}` and `${NAME:-default}` in any string stand for a variable of the environment; `$${` is `${` itself. The
  default also holds for an empty variable. A string with a variable may stand for a number, or for true or false.
- Relative paths start from the folder of the file that they stand in.
- Limits, response fields, rules for caches and the keys about files hold for inner tables, too, unless these say
  otherwise.
- Octets are integers, or strings such as "8KiB", "1MiB", "1GiB"; times are strings such as "500ms", "10s", "2m", "1h".
- Routes are tried in this order: exact paths first; then all others by the number of octets before their first
  wildcard (a prefix ends with one), longest first; ties by more literal octets, then patterns before prefixes, then as
  written. `sluice check` prints the order. A site's `root` makes a prefix route "/" that comes last.
- Routes go by the path of the request, not by the file that answers it: whoever hides /secret.html behind a route hides
  /secret, too, where `clean_urls` is on. Rules for caches go by either.
)";

std::string kinds_of(const Key& key) {
  const std::string expected = expected_of(key).substr(std::string_view("expected ").size());
  return expected.substr(0, expected.find(", for example"));
}

// A cell's text: '|' would end it.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

std::string code(std::string_view text) {
  return text.empty() ? std::string() : "`" + std::string(text) + "`";
}

std::string key_row(const Key& key) {
  std::string row = "| ";
  row += key.name == "*" ? "*any*" : code(key.name);
  row += " | " + cell(kinds_of(key)) + " | ";
  row += key.required ? "*required*" : cell(key.fallback);
  row += " | " + cell(key.about);
  if (!key.example.empty()) row += " For example " + code(cell(key.example)) + ".";
  return row + " |\n";
}

bool is_limits(const Table& table) { return table.title.find("limits") != std::string_view::npos; }

std::string table_section(const Table& table) {
  const bool file = &table == &file_table();
  std::string text = "\n## " + (file ? std::string("The file") : code(table.title)) + "\n\n";
  text += "| key | value | default | meaning |\n|---|---|---|---|\n";
  if (table.any != nullptr) return text + key_row(*table.any);
  for (const Key& key : table.keys) text += key_row(key);
  return text;
}

std::string_view unit_text(Unit unit) {
  switch (unit) {
    case Unit::octets:
      return "octets";
    case Unit::count:
      return "number";
    case Unit::time:
      return "time";
    case Unit::octets_per_second:
      return "octets per second";
  }
  return {};
}

std::string_view places_text(std::string_view name) {
  switch (scope_of_limit(name)) {
    case LimitScope::process:
      return "`[limits]`";
    case LimitScope::listener:
      return "`[limits]`, listener";
    case LimitScope::site:
      return "`[limits]`, site";
  }
  return {};
}

std::string limits_section() {
  std::string text = R"(
## Limits

In `[limits]` each holds everywhere; the third column says where else it may be set. The last one is what a peer sees
when it is met.

| limit | default | where | unit | reason | answer |
|---|---|---|---|---|---|
)";
  for (const LimitInfo& info : all_limits()) {
    text += "| " + code(info.name) + " | " + limit_text(Limits(), info) + " | ";
    text.append(places_text(info.name)).append(" | ").append(unit_text(info.unit)).append(" | ");
    text += cell(info.reason) + " | " + cell(info.answer) + " |\n";
  }
  return text;
}

}  // namespace

std::string reference_text() {
  std::string text(kOpening);
  for (const Table* table : all_tables()) {
    if (!is_limits(*table)) text += table_section(*table);
  }
  return text + limits_section();
}

}  // namespace sluice::conf
