// Rules for caches.
#include <set>

#include "conf/pattern.h"
#include "conf/reading/parts.h"
#include "conf/reading/value.h"

namespace sluice::conf {

namespace {

CacheRule::Storing storing_of(const std::string& store) {
  if (store == "no-store") return CacheRule::Storing::no_store;
  return store == "no-cache" ? CacheRule::Storing::no_cache : CacheRule::Storing::nothing;
}

// What the rules so far leave for those behind them.
class Covered {
 public:
  // Why no path gets as far as this rule; empty when some may.
  std::string by(const std::string& match) const {
    if (const auto same = matches_.find(match); same != matches_.end()) return *same;
    for (size_t size = 0; size <= match.size(); ++size) {
      const auto found = beginnings_.find(match.substr(0, size));
      if (found != beginnings_.end() && (size > 0 || everything_)) return *found + "**";
    }
    return {};
  }

  void add(const std::string& match) {
    matches_.insert(match);
    if (match == "*" || match == "**") match_everything();
    // "/docs/**" takes all that begins with "/docs/"; so does "/**" with names such as "*.css".
    const std::string_view beginning(match.data(), match.size() - (match.ends_with("**") ? 2 : 0));
    if (match.starts_with('/') && match.ends_with("**") && beginning.find('*') == beginning.npos) {
      beginnings_.emplace(beginning);
    }
    if (match == "/**") match_everything();
  }

 private:
  void match_everything() {
    everything_ = true;
    beginnings_.emplace();
  }

  std::set<std::string> matches_;
  std::set<std::string> beginnings_;  // literal ones, of rules that take all that begins so
  bool everything_ = false;
};

void read_answer(const Node& table, CacheRule& rule, Report& report) {
  const Node *store = table.find("store"), *age = table.find("max_age");
  const bool says_store = table.entry("store") != nullptr,
             says_age = table.entry("max_age") != nullptr;
  if (says_store && says_age) {
    report.error(Code::cache_rule_with_two_answers, table.entry("max_age")->key_place,
                 "a rule has `store` or `max_age`, not both");
  } else if (!says_store && !says_age && !table.has_bad_entry()) {
    report.error(Code::cache_rule_without_answer, table.place, "the rule does not say what to do",
                 {"expected max_age = \"1h\", or store = \"no-cache\""});
  }
  if (store != nullptr) rule.storing = storing_of(store->text);
  if (age == nullptr) return;
  rule.storing = CacheRule::Storing::max_age;
  rule.max_age = read_age("max_age", *age, report).value_or(rule.max_age);
}

void read_rule(const Node& table, CacheRule& rule, Report& report) {
  read_answer(table, rule, report);
  rule.immutable = flag_or(table, "immutable", false);
  rule.private_response = flag_or(table, "private", false);
  rule.origin = report.origin(table.place);
  if (rule.immutable && table.entry("max_age") == nullptr) {
    report.error(Code::immutable_without_max_age, table.entry("immutable")->key_place,
                 "'immutable' holds as long as a response is fresh, and this rule has no max_age",
                 {"add max_age = \"365d\""});
  }
}

bool read_match(const Node& table, CacheRule& rule, Covered& covered, Report& report) {
  const Node* match = table.find("match");
  if (match == nullptr) return false;
  rule.match = match->text;
  if (const std::string problem = PathPattern::problem(match->text); !problem.empty()) {
    report.error(Code::bad_pattern, match->place,
                 "'" + match->text + "' is no pattern: " + problem);
    return false;
  }
  if (const std::string before = covered.by(match->text); !before.empty()) {
    report.warning(Code::unreachable_cache_rule, match->place,
                   "no path gets to this rule: '" + before + "' before it takes them all",
                   {"the first rule that matches decides: put the narrow ones first"});
  } else if (const std::string never = never_problem(match->text); !never.empty()) {
    report.warning(Code::never_matches, match->place, "no path can match this: " + never);
  }
  covered.add(match->text);
  return true;
}

}  // namespace

void read_cache(const Node& outer, std::vector<CacheRule>& rules, Report& report) {
  const Node* array = outer.find("cache");
  if (array == nullptr) return;
  Covered covered;
  for (const Node& table : array->items) {
    if (table.bad) continue;
    CacheRule rule;
    read_rule(table, rule, report);
    if (read_match(table, rule, covered, report)) rules.push_back(std::move(rule));
  }
}

}  // namespace sluice::conf
