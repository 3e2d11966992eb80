// Reading the query and Accept. Neither can fail: what is not understood is as if it were not
// there.
#include "server/handler/files/listing_request.h"

#include <algorithm>

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

std::string_view trim(std::string_view text) noexcept {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// The next piece up to `separator`, trimmed. False at the end.
bool next_piece(std::string_view& rest, char separator, std::string_view& piece) noexcept {
  if (rest.empty()) return false;
  const size_t end = std::min(rest.find(separator), rest.size());
  piece = trim(rest.substr(0, end));
  rest.remove_prefix(std::min(rest.size(), end + 1));
  return true;
}

// A qvalue in thousandths (RFC 9110 section 12.4.2); 1000 for anything else.
int weight_of(std::string_view text) noexcept {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return 1000;
  int weight = (text[0] - '0') * 1000;
  int unit = 100;
  for (size_t i = 2; i < text.size(); ++i, unit /= 10) {
    if (text[i] < '0' || text[i] > '9') return 1000;
    weight += (text[i] - '0') * unit;
  }
  return std::min(weight, 1000);
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
    std::string_view element;
    while (next_piece(rest, ',', element)) {
      std::string_view range;
      next_piece(element, ';', range);
      int weight = 1000;
      std::string_view parameter;
      while (next_piece(element, ';', parameter)) {
        if (parameter.starts_with("q=") || parameter.starts_with("Q=")) {
          weight = weight_of(parameter.substr(2));
        }
      }
      json.consider(range, weight);
      html.consider(range, weight);
    }
  }
  return json.weight > html.weight;
}

}  // namespace sluice::handler
