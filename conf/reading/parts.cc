// Limits and fields; rules for caches are in cache.cc.
#include "conf/reading/parts.h"

#include <algorithm>
#include <set>

#include "conf/reading/value.h"

namespace sluice::conf {

std::vector<const Node*> strings_of(const Node& node) {
  if (node.kind == Node::Kind::string) return {&node};
  std::vector<const Node*> strings;
  for (const Node& item : node.items) {
    if (!item.bad) strings.push_back(&item);
  }
  return strings;
}

bool flag_or(const Node& table, std::string_view key, bool fallback) {
  const Node* node = table.find(key);
  return node != nullptr ? node->boolean : fallback;
}

std::string text_or(const Node& table, std::string_view key, std::string_view fallback) {
  const Node* node = table.find(key);
  return node != nullptr ? node->text : std::string(fallback);
}

bool check_slash(const std::string& name, const Node& node, Report& report) {
  if (node.text.starts_with('/')) return true;
  report.error(Code::relative_path, node.place,
               "'" + name + "' is '" + node.text + "', which does not start with '/'",
               {"did you mean '/" + node.text + "'?"});
  return false;
}

std::string read_strip(const Node& strip, const PathMatch* match, Report& report) {
  std::string prefix = strip.text;
  while (prefix.ends_with('/')) prefix.pop_back();
  if (prefix.empty() || !check_slash("strip", strip, report)) return prefix;
  if (match == nullptr || match->kind == PathMatch::Kind::pattern) return prefix;
  const std::string literal = match->text.substr(0, match->text.find('*'));
  // It is taken away before a slash or at the end (server/handler/files/request_path.h).
  const bool applies = literal.starts_with(prefix) &&
                       (literal.size() == prefix.size() || literal[prefix.size()] == '/');
  if (!applies) {
    report.error(Code::strip_never_applies, strip.place,
                 "no path of this route lies below '" + prefix + "'",
                 {"the route's paths begin with '" + literal + "'"});
  }
  return prefix;
}

std::optional<std::chrono::seconds> read_age(const std::string& name, const Node& node,
                                             Report& report) {
  const auto seconds = parse_age(node.text);
  if (!seconds) {
    report.error(
        Code::bad_duration, node.place, "'" + name + "' is '" + node.text + "'",
        {"expected a time such as \"30s\", \"10m\", \"12h\" or \"365d\", at most 68 years"});
  }
  return seconds;
}

bool share_listener(const std::vector<std::string>& left, const std::vector<std::string>& right) {
  if (left.empty() || right.empty()) return true;
  return std::any_of(left.begin(), left.end(), [&](const std::string& name) {
    return std::find(right.begin(), right.end(), name) != right.end();
  });
}

// --- Limits --------------------------------------------------------------------------------------

namespace {

void remember(LimitSet& limits, const std::string& name, Origin origin) {
  const auto known = std::find_if(limits.set.begin(), limits.set.end(),
                                  [&](const auto& one) { return one.first == name; });
  if (known != limits.set.end()) {
    known->second = std::move(origin);
  } else {
    limits.set.emplace_back(name, std::move(origin));
  }
}

void read_limit(const Entry& entry, LimitSet& limits, Report& report) {
  const Node& node = entry.value;
  const bool number = node.kind == Node::Kind::integer;
  const std::string text = number ? std::to_string(node.integer) : node.text;
  const std::string problem = set_limit(limits.values, entry.key + "=" + text);
  if (problem.empty()) return remember(limits, entry.key, report.origin(entry.key_place));
  // "limit 'head' is 'x': expected a number ..." becomes a message and a note.
  const size_t colon = problem.find(": expected ");
  report.error(Code::bad_limit, node.place, problem.substr(0, colon),
               {colon == std::string::npos ? std::string() : problem.substr(colon + 2)});
}

}  // namespace

void read_limits(const Node& outer, LimitSet& limits, Report& report) {
  const Node* table = outer.find("limits");
  if (table == nullptr) return;
  for (const Entry& entry : table->entries) {
    if (!entry.value.bad) read_limit(entry, limits, report);
  }
}

// --- Fields --------------------------------------------------------------------------------------

namespace {

class FieldReader {
 public:
  // Why a field may not be changed; an empty text when it may.
  using Reserved = std::string (*)(std::string_view name);

  FieldReader(std::vector<FieldRule>& rules, Reserved reserved, Report& report)
      : rules_(rules), reserved_(reserved), report_(report) {}

  void read(const Node& fields) {
    if (const Node* remove = fields.find("remove")) read_removed(*remove);
    if (const Node* set = fields.find("set")) read_values(*set, FieldRule::Action::set);
    if (const Node* add = fields.find("add")) read_values(*add, FieldRule::Action::add);
  }

 private:
  void read_removed(const Node& remove) {
    for (const Node* name : strings_of(remove)) {
      if (good_name(name->text, name->place)) {
        rules_.push_back({FieldRule::Action::remove, name->text, {}});
      }
    }
  }

  void read_values(const Node& table, FieldRule::Action action) {
    std::set<std::string> names;
    for (const Entry& entry : table.entries) {
      if (!good_name(entry.key, entry.key_place)) continue;
      if (!names.insert(lower(entry.key)).second) {
        report_.error(Code::duplicate_field, entry.key_place,
                      "the field '" + entry.key + "' stands here twice",
                      {"names of fields compare without case"});
      }
      if (entry.value.bad) continue;
      for (const Node* value : strings_of(entry.value)) add(entry.key, *value, action);
    }
  }

  void add(const std::string& name, const Node& value, FieldRule::Action action) {
    const std::string problem = field_value_problem(value.text);
    if (problem.empty()) {
      rules_.push_back({action, name, value.text});
    } else {
      report_.error(Code::bad_field_value, value.place, "this is no value of a field: " + problem);
    }
  }

  bool good_name(const std::string& name, const Place& place) {
    if (!is_token(name)) {
      report_.error(Code::bad_field_name, place, "'" + name + "' is no name of a field",
                    {"expected letters, digits and '-', for example X-Frame-Options"});
      return false;
    }
    const std::string reserved = reserved_(name);
    if (reserved.empty()) return true;
    report_.error(Code::reserved_field, place, "the field '" + name + "' cannot be changed",
                  {reserved});
    return false;
  }

  std::vector<FieldRule>& rules_;
  Reserved reserved_;
  Report& report_;
};

}  // namespace

void read_fields(const Node& outer, std::vector<FieldRule>& rules, Report& report) {
  if (const Node* fields = outer.find("fields")) {
    FieldReader(rules, reserved_field, report).read(*fields);
  }
}

void read_request_fields(const Node& outer, std::vector<FieldRule>& rules, Report& report) {
  if (const Node* fields = outer.find("fields")) {
    FieldReader(rules, reserved_request_field, report).read(*fields);
  }
}

}  // namespace sluice::conf
