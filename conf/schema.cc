// From the tables of keys to a schema.
#include "conf/schema.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "conf/keys.h"

namespace sluice::conf {

namespace {

using Json = nlohmann::ordered_json;

// A string with a variable may stand for anything; the reader looks at what it becomes.
constexpr std::string_view kVariable = "\\$\\{";

// "[[site.route]]" -> "site_route": a name for $defs.
std::string slug(const Table& table) {
  std::string out;
  for (const char c : table.title) {
    const bool letter = (c >= 'a' && c <= 'z') || c == '_';
    if (letter) out += c;
    if ((c == '.' || c == ' ') && !out.ends_with('_')) out += '_';
  }
  return out;
}

Json reference(const Table& table) { return {{"$ref", "#/$defs/" + slug(table)}}; }

Json string_schema(const Key& key) {
  Json schema = {{"type", "string"}};
  if (!key.pattern.empty()) {
    schema["pattern"] = std::string(key.pattern).append("|").append(kVariable);
  }
  return schema;
}

Json integer_schema(const Key& key) {
  Json schema = {{"type", "integer"}};
  if (!key.numbers.empty()) return {{"enum", key.numbers}};
  schema["minimum"] = key.least;
  if (key.most != INT64_MAX) schema["maximum"] = key.most;
  return schema;
}

Json alternatives(const Key& key) {
  Json any = Json::array();
  if (key.forms & kBoolean) any.push_back({{"type", "boolean"}});
  if (key.forms & kInteger) any.push_back(integer_schema(key));
  if ((key.forms & kString) && !key.choices.empty()) any.push_back({{"enum", key.choices}});
  if ((key.forms & kString) && key.choices.empty()) any.push_back(string_schema(key));
  if (key.forms & kStrings) any.push_back({{"type", "array"}, {"items", string_schema(key)}});
  if (key.forms & kTable) any.push_back(reference(*key.table));
  if (key.forms & kTables) any.push_back({{"type", "array"}, {"items", reference(*key.table)}});
  const bool plain_string = (key.forms & kString) && key.choices.empty();
  if (!plain_string && (key.forms & (kBoolean | kInteger | kString))) {
    any.push_back({{"type", "string"}, {"pattern", kVariable}});
  }
  return any;
}

Json value_schema(const Key& key) {
  Json schema = {{"description", key.about}};
  if (!key.fallback.empty()) {
    schema["description"] = std::string(key.about).append(" Default: ").append(key.fallback);
  }
  const Json any = alternatives(key);
  if (any.size() == 1) {
    schema.update(any.front());
  } else {
    schema["anyOf"] = any;
  }
  return schema;
}

Json table_schema(const Table& table) {
  Json schema = {{"type", "object"}};
  if (table.any != nullptr) {
    schema["additionalProperties"] = value_schema(*table.any);
    if (!table.names.empty()) schema["propertyNames"] = {{"pattern", table.names}};
    return schema;
  }
  Json properties = Json::object();
  Json required = Json::array();
  for (const Key& key : table.keys) {
    properties[std::string(key.name)] = value_schema(key);
    if (key.required) required.push_back(key.name);
  }
  schema["properties"] = std::move(properties);
  if (!required.empty()) schema["required"] = std::move(required);
  schema["additionalProperties"] = false;
  return schema;
}

}  // namespace

std::string schema_text() {
  Json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                 {"title", "Sluice's configuration"},
                 {"description", "Printed by `sluice check --schema`."}};
  schema.update(table_schema(file_table()));
  Json definitions = Json::object();
  for (const Table* table : all_tables()) {
    if (table != &file_table()) definitions[slug(*table)] = table_schema(*table);
  }
  schema["$defs"] = std::move(definitions);
  return schema.dump(2) + "\n";
}

}  // namespace sluice::conf
