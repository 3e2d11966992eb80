// A site's routes, found by path.
//
// A thousand routes cost a request next to nothing: exact paths are hashed; of all others only
// those are tried whose literal prefix the path starts with. These prefixes are sorted, and each
// knows the longest other one that it starts with; one binary search finds the path's neighbour,
// and every prefix of the path is that neighbour or among its ancestors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "conf/configuration.h"
#include "conf/path_matcher.h"

namespace sluice::http {

// Immutable; any thread.
class RouteTable {
 public:
  struct Match {
    uint32_t position;  // in the order in which routes are tried
    uint32_t route;     // index into what the table was made from
  };

  explicit RouteTable(const std::vector<conf::Route>& routes);
  // The indexes point into the matchers.
  RouteTable(RouteTable&&) = default;
  RouteTable& operator=(RouteTable&&) = default;
  RouteTable(const RouteTable&) = delete;
  RouteTable& operator=(const RouteTable&) = delete;

  // The routes' indices in the order in which they are tried (conf/path_matcher.h).
  const std::vector<uint32_t>& order() const noexcept { return order_; }
  // The first route from this position on that matches. Allocates nothing.
  std::optional<Match> find(std::string_view path, size_t from_position = 0) const;

 private:
  static constexpr uint32_t kNone = UINT32_MAX;

  // The routes, other than exact ones, that have this literal prefix.
  struct Prefix {
    std::string_view text;  // in a matcher
    std::vector<uint32_t> positions;
    uint32_t parent = kNone;  // the longest other prefix that this one starts with
  };

  void add_exact(uint32_t position);
  void add_prefixes();
  void link_prefixes();
  uint32_t longest_prefix_of(std::string_view path) const noexcept;
  std::optional<Match> match_at(uint32_t position) const noexcept {
    return Match{.position = position, .route = order_[position]};
  }

  std::vector<uint32_t> order_;
  std::vector<conf::PathMatcher> matchers_;                            // by position
  std::unordered_map<std::string_view, std::vector<uint32_t>> exact_;  // path -> positions
  size_t exact_count_ = 0;
  std::vector<Prefix> prefixes_;  // sorted by text
};

}  // namespace sluice::http
