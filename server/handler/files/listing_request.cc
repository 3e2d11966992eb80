// Reading the query and Accept. Neither can fail: what is not understood is as if it were not
// there.
#include "server/handler/files/listing_request.h"

#include <algorithm>

#include "server/handler/files/accept.h"

namespace sluice::handler {

namespace {

// The value of `name` in a query, the last one when there are several.
std::string_view query_value(std::string_view query, std::string_view name) noexcept {
  std::string_view value;
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    if (pair.starts_with(name) && pair.substr(name.size()).starts_with('=')) {
      value = pair.substr(name.size() + 1);
    }
  }
  return value;
}

// How closely `range` names `type`/`subtype`: 3 exactly, 2 by "type/*", 1 by "*/*", 0 not at all.
int closeness(std::string_view range, std::string_view type, std::string_view subtype) noexcept {
  const size_t slash = range.find('/');
  if (slash == std::string_view::npos) return 0;
  const std::string_view left = range.substr(0, slash);
  const std::string_view right = range.substr(slash + 1);
  if (left == "*" && right == "*") return 1;
  if (!equals_ignoring_case(left, type)) return 0;
  if (right == "*") return 2;
  return equals_ignoring_case(right, subtype) ? 3 : 0;
}

// The weight of a type: that of the closest range which covers it.
struct Preference {
  std::string_view type;
  std::string_view subtype;
  int closest = 0;
  int weight = 0;

  void consider(std::string_view range, int range_weight) noexcept {
    const int close = closeness(range, type, subtype);
    if (close <= closest) return;
    closest = close;
    weight = range_weight;
  }
};

}  // namespace

ListingOrder listing_order(std::string_view query) noexcept {
  ListingOrder order;
  const std::string_view sort = query_value(query, "sort");
  if (sort == "size") order.sort = ListingSort::size;
  if (sort == "time") order.sort = ListingSort::time;
  order.descending = query_value(query, "order") == "desc";
  return order;
}

bool prefers_json(const FieldList& fields) noexcept {
  Preference json{"application", "json"};
  Preference html{"text", "html"};
  for (const Field& field : fields) {
    if (field.id != FieldId::accept) continue;
    std::string_view rest = field.value;
    MediaRange range;
    while (next_media_range(rest, range)) {
      json.consider(range.type, range.weight);
      html.consider(range.type, range.weight);
    }
  }
  return json.weight > html.weight;
}

}  // namespace sluice::handler
