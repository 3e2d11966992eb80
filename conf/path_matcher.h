// Which paths a route answers, and which of several routes is asked first.
//
// The order is part of what users are told: exact paths come first; then all others by the number
// of octets before their first wildcard (a prefix ends with one), longest first; ties: more literal
// octets first, a pattern before a prefix, then as written. Here, below the server, so that what
// checks a configuration and what serves it cannot disagree.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "conf/configuration.h"
#include "conf/pattern.h"

namespace sluice::conf {

// One route's match, made ready. Allocates nothing when matching. Any thread.
class PathMatcher {
 public:
  // Requires: a pattern is good (PathPattern::problem).
  explicit PathMatcher(PathMatch match);

  bool matches(std::string_view path) const noexcept;
  // The same; `captures` are the pattern's, and for a prefix the one thing that follows it.
  bool matches(std::string_view path, Captures& captures) const noexcept;

  PathMatch::Kind kind() const noexcept { return match_.kind; }
  const std::string& text() const noexcept { return match_.text; }
  // What each path that matches starts with.
  std::string_view literal_prefix() const noexcept;
  size_t literal_octets() const noexcept;

 private:
  PathMatch match_;
  std::optional<PathPattern> pattern_;
};

// Indices of `routes` in the order in which they are tried.
std::vector<uint32_t> route_order(const std::vector<Route>& routes);

}  // namespace sluice::conf
