// Building the two indexes of a site's routes, and looking into them.
#include "server/http/route_table.h"

#include <algorithm>

namespace sluice::http {

namespace {

size_t common_size(std::string_view left, std::string_view right) noexcept {
  const size_t most = std::min(left.size(), right.size());
  return static_cast<size_t>(
      std::mismatch(left.begin(), left.begin() + static_cast<ptrdiff_t>(most), right.begin())
          .first -
      left.begin());
}

}  // namespace

RouteTable::RouteTable(const std::vector<conf::Route>& routes) : order_(conf::route_order(routes)) {
  for (const uint32_t route : order_) matchers_.emplace_back(routes[route].match);
  for (uint32_t position = 0; position < matchers_.size(); ++position) add_exact(position);
  add_prefixes();
  link_prefixes();
}

// Exact routes come first in the order.
void RouteTable::add_exact(uint32_t position) {
  if (matchers_[position].kind() != conf::PathMatch::Kind::exact) return;
  exact_[matchers_[position].text()].push_back(position);
  ++exact_count_;
}

// A stable sort keeps the positions of one prefix in their order.
void RouteTable::add_prefixes() {
  std::vector<uint32_t> positions;
  for (size_t position = exact_count_; position < matchers_.size(); ++position)
    positions.push_back(static_cast<uint32_t>(position));
  const auto prefix = [&](uint32_t position) { return matchers_[position].literal_prefix(); };
  std::stable_sort(positions.begin(), positions.end(),
                   [&](uint32_t left, uint32_t right) { return prefix(left) < prefix(right); });
  for (const uint32_t position : positions) {
    if (prefixes_.empty() || prefixes_.back().text != prefix(position))
      prefixes_.push_back({.text = prefix(position), .positions = {}});
    prefixes_.back().positions.push_back(position);
  }
}

// In sorted order all that start with a prefix stand right behind it, so the way up from the one
// before leads to the parent.
void RouteTable::link_prefixes() {
  for (uint32_t i = 1; i < prefixes_.size(); ++i) {
    uint32_t parent = i - 1;
    while (parent != kNone && !prefixes_[i].text.starts_with(prefixes_[parent].text))
      parent = prefixes_[parent].parent;
    prefixes_[i].parent = parent;
  }
}

uint32_t RouteTable::longest_prefix_of(std::string_view path) const noexcept {
  const auto after = std::upper_bound(
      prefixes_.begin(), prefixes_.end(), path,
      [](std::string_view text, const Prefix& prefix) { return text < prefix.text; });
  if (after == prefixes_.begin()) return kNone;
  uint32_t at = static_cast<uint32_t>(after - prefixes_.begin() - 1);
  const size_t common = common_size(prefixes_[at].text, path);
  while (at != kNone && prefixes_[at].text.size() > common) at = prefixes_[at].parent;
  return at;
}

std::optional<RouteTable::Match> RouteTable::find(std::string_view path,
                                                  size_t from_position) const {
  if (from_position < exact_count_) {
    if (const auto found = exact_.find(path); found != exact_.end()) {
      for (const uint32_t position : found->second) {
        if (position >= from_position) return match_at(position);
      }
    }
  }
  for (uint32_t at = longest_prefix_of(path); at != kNone; at = prefixes_[at].parent) {
    for (const uint32_t position : prefixes_[at].positions) {
      if (position >= from_position && matchers_[position].matches(path)) return match_at(position);
    }
  }
  return std::nullopt;
}

}  // namespace sluice::http
