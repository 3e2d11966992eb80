// Applying rules to a head whose fields are a list, prepared lines, or both.
#include "server/http/field_rules.h"

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::http {

namespace {

using Action = conf::FieldRule::Action;

// Representation metadata (RFC 9110 section 8) that rules may set.
constexpr std::array<std::string_view, 4> kOfContent = {"Content-Type", "Content-Encoding",
                                                        "Content-Language", "Content-Disposition"};

bool describes_content(std::string_view name) noexcept {
  return std::any_of(kOfContent.begin(), kOfContent.end(),
                     [&](std::string_view other) { return equals_ignoring_case(name, other); });
}

bool has(const ResponseHead& head, std::string_view name) noexcept {
  return head.fields.find(name) != nullptr ||
         (head.prepared != nullptr && head.prepared->fields.find(name) != nullptr);
}

bool has_parts(const ResponseHead& head) noexcept {
  return head.status == 206 &&
         head.fields.value(FieldId::content_type).starts_with("multipart/byteranges");
}

}  // namespace

FieldRules::FieldRules(const std::vector<conf::FieldRule>& rules) {
  for (const conf::FieldRule& rule : rules) {
    rules_.push_back({.action = rule.action,
                      .name = rule.name,
                      .value = rule.value,
                      .id = field_id(rule.name),
                      .describes_content = describes_content(rule.name)});
  }
}

BodySourcePointer FieldRules::on_response(Exchange&, ResponseHead& head, BodySourcePointer source) {
  const bool without_content = head.status == 204 || head.status == 304;
  const bool parts = has_parts(head);
  for (const Rule& rule : rules_) {
    if (parts && rule.id == FieldId::content_type) continue;
    if (without_content && rule.describes_content && !has(head, rule.name)) continue;
    apply(rule, head);
  }
  return source;
}

void FieldRules::apply(const Rule& rule, ResponseHead& head) {
  if (rule.action != Action::add) {
    erase(rule.name, head);
    if (rule.id == FieldId::cache_control) erase("Expires", head);
  }
  if (rule.action != Action::remove) head.fields.add(rule.name, rule.value, rule.id);
}

// Prepared lines are shared and sent as they are: to lose one, all others become the response's
// own.
void FieldRules::erase(std::string_view name, ResponseHead& head) {
  if (!has(head, name)) return;
  scratch_.clear();
  const auto keep = [&](const FieldList& fields) {
    for (const Field& field : fields) {
      if (!equals_ignoring_case(field.name, name)) scratch_.add(field);
    }
  };
  keep(head.fields);
  if (head.prepared != nullptr) keep(head.prepared->fields);
  std::swap(head.fields, scratch_);
  head.prepared = nullptr;  // its owner stays: the views need it
}

}  // namespace sluice::http
