// Conditional requests: the input is a request's field lines, the first line the method and the
// representation's tag. Whatever comes, a 304 has its reason in the request, tags compare as RFC
// 9110 section 8.8.3.2 says, and dates are read as they are written.
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cache/conditional.h"
#include "cache/entity_tag.h"
#include "protocol/http_date.h"
#include "tests/fuzz/feeding.h"

namespace sluice::cache {
namespace {

using fuzz::require;

constexpr int64_t kNow = 1'750'000'000;

std::string_view take_line(std::string_view& rest) {
  const size_t end = rest.find('\n');
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return line;
}

struct Line {
  std::string name;
  std::string value;
};

std::vector<Line> lines_of(std::string_view text) {
  std::vector<Line> lines;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    const size_t colon = line.find(": ");
    if (colon == std::string_view::npos) continue;
    lines.push_back({std::string(line.substr(0, colon)), std::string(line.substr(colon + 2))});
  }
  return lines;
}

FieldList fields_of(const std::vector<Line>& lines) {
  FieldList fields;
  for (const Line& line : lines) fields.add(line.name, line.value);
  return fields;
}

// Lines of one name as one line (RFC 9110 section 5.3).
std::vector<Line> combined(const std::vector<Line>& lines) {
  std::vector<Line> joined;
  for (const Line& line : lines) {
    Line* before = nullptr;
    for (Line& other : joined) {
      if (equals_ignoring_case(other.name, line.name)) before = &other;
    }
    if (before == nullptr) {
      joined.push_back(line);
    } else {
      before->value += ", " + line.value;
    }
  }
  return joined;
}

void check_date(std::string_view text) {
  const std::optional<int64_t> seconds = parse_http_date(text, kNow);
  if (!seconds) return;
  std::array<char, kHttpDateSize> written{};
  write_http_date(*seconds, written);
  const std::string_view again(written.data(), written.size());
  if (*seconds < 253'402'300'800) {  // a leap second may end the year 9999
    require(parse_http_date(again, 0) == seconds, "a date changes when it is written", text);
  }
  const bool two_digits = text.find('-') != std::string_view::npos;
  require(two_digits || parse_http_date(text, 0) == seconds, "a date depends on now", text);
}

void check_tags(std::string_view list) {
  std::vector<EntityTag> tags;
  EntityTag tag;
  for (TagElement element = next_entity_tag(list, tag);
       element == TagElement::tag || element == TagElement::any;
       element = next_entity_tag(list, tag)) {
    if (element == TagElement::tag && tags.size() < 20) tags.push_back(tag);
  }
  for (const EntityTag& one : tags) {
    const std::string text = (one.weak ? "W/" : "") + std::string(one.opaque);
    const std::optional<EntityTag> again = parse_entity_tag(text);
    require(again && again->opaque == one.opaque && again->weak == one.weak, "a tag changes", text);
    require(matches_weakly(one, one) && matches_strongly(one, one) == !one.weak, "itself", text);
    for (const EntityTag& other : tags) {
      require(!matches_strongly(one, other) || matches_weakly(one, other), "strong, not weak");
      require(matches_weakly(one, other) == matches_weakly(other, one), "not symmetric");
    }
  }
}

bool is_star(std::string_view value) {
  const size_t begin = value.find_first_not_of(", \t");
  return begin != std::string_view::npos && value[begin] == '*' &&
         value.find_last_not_of(", \t") == begin;
}

// Whether a 304 can be explained without reading lists: the opaque tag stands in one of them.
bool has_reason(const FieldList& fields, const EntityTag& own) {
  if (fields.find(FieldId::if_none_match) == nullptr) {
    return parse_http_date(fields.value(FieldId::if_modified_since), kNow).has_value();
  }
  for (const Field& field : fields) {
    if (field.id != FieldId::if_none_match) continue;
    if (is_star(field.value) || field.value.find(own.opaque) != std::string_view::npos) return true;
  }
  return false;
}

void check_request(Method method, const EntityTag& own, const std::vector<Line>& lines) {
  const std::string text = (own.weak ? "W/" : "") + std::string(own.opaque);
  const Validators current{.entity_tag = text, .last_modified = 784'111'777};
  const FieldList fields = fields_of(lines);
  const Precondition verdict = evaluate_preconditions(method, fields, current, kNow);
  const bool reads = method == Method::get || method == Method::head;
  if (verdict == Precondition::not_modified) {
    require(reads, "304 for a method that changes");
    require(has_reason(fields, own), "304 without a reason");
  }
  require(verdict == Precondition::proceed || has_conditions(fields), "decided without conditions");
  const bool applies = range_applies(fields, current, kNow);
  require(!applies || !own.weak || fields.find(FieldId::if_range) == nullptr ||
              parse_http_date(fields.value(FieldId::if_range), kNow),
          "a weak tag allows a range");
  const std::vector<Line> joined = combined(lines);
  require(evaluate_preconditions(method, fields_of(joined), current, kNow) == verdict,
          "lines are not one list");
  std::vector<Line> stricter = {{"If-Match", "\"\x01\""}};
  stricter.insert(stricter.end(), lines.begin(), lines.end());
  require(
      evaluate_preconditions(method, fields_of(stricter), current, kNow) == Precondition::failed,
      "an If-Match that nothing matches holds");
}

void check(std::string_view text) {
  const std::string_view first = take_line(text);
  const std::vector<Line> lines = lines_of(text);
  for (const Line& line : lines) {
    check_date(line.value);
    check_tags(line.value);
  }
  check_date(first);
  const size_t blank = first.find(' ');
  if (blank == std::string_view::npos) return;
  const std::optional<EntityTag> own = parse_entity_tag(first.substr(blank + 1));
  if (own) check_request(method_of(first.substr(0, blank)), *own, lines);
}

}  // namespace
}  // namespace sluice::cache

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sluice::cache::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
