// The steps of RFC 9110 section 13.2.2, one function each.
#include "cache/conditional.h"

#include <optional>
#include <string_view>

#include "cache/entity_tag.h"
#include "protocol/http_date.h"

namespace sluice::cache {

namespace {

using Comparison = bool (*)(const EntityTag&, const EntityTag&) noexcept;

// Our own tag's parts, unread: what equals a tag that was read from a request is well-formed too.
EntityTag split_tag(std::string_view text) noexcept {
  const bool weak = text.starts_with("W/");
  return {.opaque = text.substr(weak ? 2 : 0), .weak = weak};
}

// Whether the list that all lines of this field make names the current representation: by its tag,
// or as "*", which stands alone.
bool names_current(const FieldList& request, FieldId id, const Validators& current,
                   Comparison matches) noexcept {
  const EntityTag own = split_tag(current.entity_tag);
  bool any = false;
  bool tags = false;
  for (const Field& field : request) {
    if (field.id != id) continue;
    // A browser has one tag, and mostly just the current one: there is nothing to read then.
    if (!any && !own.opaque.empty() && field.value == current.entity_tag && matches(own, own))
      return true;
    std::string_view rest = field.value;
    EntityTag tag;
    TagElement element = next_entity_tag(rest, tag);
    for (; element != TagElement::end; element = next_entity_tag(rest, tag)) {
      if (element == TagElement::flaw || any) return false;
      if (element == TagElement::any && tags) return false;
      any = element == TagElement::any;
      tags = true;
      if (!any && matches(tag, own)) return true;
    }
  }
  return any;
}

// The date that the only line of this field gives.
std::optional<int64_t> date_of(const FieldList& request, FieldId id, int64_t now) noexcept {
  if (request.count(id) != 1) return {};
  return parse_http_date(request.value(id), now);
}

// Steps 1 and 2: whether the representation is still the one that the client means.
bool is_as_expected(const FieldList& request, const Validators& current, int64_t now) noexcept {
  if (request.find(FieldId::if_match) != nullptr) {
    return names_current(request, FieldId::if_match, current, matches_strongly);
  }
  const std::optional<int64_t> date = date_of(request, FieldId::if_unmodified_since, now);
  return !date || !current.last_modified || *current.last_modified <= *date;
}

// Step 4. A date in the future is none (section 13.1.3): a clock that is wrong must not keep an old
// copy alive.
bool is_unmodified_since(const FieldList& request, const Validators& current,
                         int64_t now) noexcept {
  const std::optional<int64_t> date = date_of(request, FieldId::if_modified_since, now);
  return date && *date <= now && current.last_modified && *current.last_modified <= *date;
}

}  // namespace

bool has_conditions(const FieldList& request) noexcept {
  for (const Field& field : request) {
    switch (field.id) {
      case FieldId::if_match:
      case FieldId::if_modified_since:
      case FieldId::if_none_match:
      case FieldId::if_range:
      case FieldId::if_unmodified_since:
      case FieldId::range:
        return true;
      default:
        break;
    }
  }
  return false;
}

Precondition evaluate_preconditions(Method method, const FieldList& request,
                                    const Validators& current, int64_t now) noexcept {
  if (!is_as_expected(request, current, now)) return Precondition::failed;
  const bool reads = method == Method::get || method == Method::head;
  if (request.find(FieldId::if_none_match) != nullptr) {
    if (!names_current(request, FieldId::if_none_match, current, matches_weakly)) {
      return Precondition::proceed;
    }
    return reads ? Precondition::not_modified : Precondition::failed;
  }
  return reads && is_unmodified_since(request, current, now) ? Precondition::not_modified
                                                             : Precondition::proceed;
}

// A date is a strong validator only when no second change can hide in its second (section 8.8.2.2):
// at least one has passed since.
bool range_applies(const FieldList& request, const Validators& current, int64_t now) noexcept {
  const size_t lines = request.count(FieldId::if_range);
  if (lines == 0) return true;
  if (lines > 1) return false;
  const std::string_view value = request.value(FieldId::if_range);
  if (const std::optional<EntityTag> tag = parse_entity_tag(value)) {
    return matches_strongly(*tag, split_tag(current.entity_tag));
  }
  const std::optional<int64_t> date = parse_http_date(value, now);
  return date && current.last_modified && *date == *current.last_modified && *date < now;
}

}  // namespace sluice::cache
