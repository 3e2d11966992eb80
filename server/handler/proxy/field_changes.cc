// Few rules, and mostly none: names are compared one by one.
#include "server/handler/proxy/field_changes.h"

#include <algorithm>

namespace sluice::handler::proxy {

namespace {

using Action = conf::FieldRule::Action;

}  // namespace

FieldChanges::FieldChanges(const std::vector<conf::FieldRule>& rules) {
  for (auto rule = rules.begin(); rule != rules.end(); ++rule) {
    const auto undoes = [&](const conf::FieldRule& later) {
      return later.action != Action::add && equals_ignoring_case(later.name, rule->name);
    };
    if (rule->action != Action::add && !is_dropped(rule->name)) dropped_.push_back(rule->name);
    const bool undone = std::any_of(rule + 1, rules.end(), undoes);
    if (rule->action != Action::remove && !undone) added_.add(rule->name, rule->value);
  }
}

bool FieldChanges::is_dropped(std::string_view name) const noexcept {
  return std::any_of(dropped_.begin(), dropped_.end(), [name](std::string_view dropped) {
    return equals_ignoring_case(dropped, name);
  });
}

void FieldChanges::add_to(FieldList& fields) const {
  for (const Field& field : added_) fields.add(field);
}

}  // namespace sluice::handler::proxy
