// Matching by kind, and the order of routes.
#include "conf/path_matcher.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace sluice::conf {

PathMatcher::PathMatcher(PathMatch match) : match_(std::move(match)) {
  if (match_.kind == PathMatch::Kind::pattern) pattern_.emplace(match_.text);
}

bool PathMatcher::matches(std::string_view path) const noexcept {
  Captures captures;
  return matches(path, captures);
}

bool PathMatcher::matches(std::string_view path, Captures& captures) const noexcept {
  if (pattern_) return pattern_->matches(path, captures);
  captures.count = 0;
  if (match_.kind == PathMatch::Kind::exact) return path == match_.text;
  if (!path.starts_with(match_.text)) return false;
  const std::string_view rest = path.substr(match_.text.size());
  if (!match_.text.ends_with('/') && !rest.empty() && rest.front() != '/') return false;
  captures.texts[0] = rest;
  captures.count = 1;
  return true;
}

std::string_view PathMatcher::literal_prefix() const noexcept {
  return pattern_ ? pattern_->literal_prefix() : std::string_view(match_.text);
}

size_t PathMatcher::literal_octets() const noexcept {
  return pattern_ ? pattern_->literal_octets() : match_.text.size();
}

namespace {

// Compares as the routes are tried: less is earlier.
struct Rank {
  explicit Rank(const PathMatcher& matcher)
      : is_exact(matcher.kind() == PathMatch::Kind::exact),
        is_prefix(matcher.kind() == PathMatch::Kind::prefix),
        prefix_size(matcher.literal_prefix().size()),
        literal_octets(matcher.literal_octets()) {}

  bool operator<(const Rank& other) const noexcept {
    if (is_exact || other.is_exact) return is_exact && !other.is_exact;
    if (prefix_size != other.prefix_size) return prefix_size > other.prefix_size;
    if (literal_octets != other.literal_octets) return literal_octets > other.literal_octets;
    return !is_prefix && other.is_prefix;
  }

  bool is_exact;
  bool is_prefix;
  size_t prefix_size;
  size_t literal_octets;
};

}  // namespace

std::vector<uint32_t> route_order(const std::vector<Route>& routes) {
  std::vector<Rank> ranks;
  for (const Route& route : routes) ranks.emplace_back(PathMatcher(route.match));
  std::vector<uint32_t> order(routes.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(),
                   [&](uint32_t left, uint32_t right) { return ranks[left] < ranks[right]; });
  return order;
}

}  // namespace sluice::conf
