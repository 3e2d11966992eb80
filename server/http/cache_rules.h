// What a configuration says about caches, looked up by path (conf::CacheRule).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "cache/freshness.h"
#include "conf/configuration.h"
#include "conf/pattern.h"
#include "server/http/exchange.h"

namespace sluice::http {

// Immutable; any thread.
class CacheRules {
 public:
  // Requires: the rules' patterns are good (conf::PathPattern::problem).
  explicit CacheRules(const std::vector<conf::CacheRule>& rules);

  size_t size() const noexcept { return rules_.size(); }
  // The first rule that matches the normalised path. Allocates nothing.
  std::optional<size_t> find(std::string_view path) const noexcept { return find(path, path); }
  // The first that matches either path.
  std::optional<size_t> find(std::string_view path, std::string_view other) const noexcept;
  const cache::Freshness& freshness(size_t rule) const noexcept { return rules_[rule].second; }

 private:
  std::vector<std::pair<conf::PathPattern, cache::Freshness>> rules_;
};

// Adds the Cache-Control and Expires that `freshness` asks for to the exchange's response, which is
// made now; with nothing to say it adds nothing. `now`: seconds since 1970. Uses the exchange's
// value_room. For responses without a representation, which has them rendered.
void add_freshness(Exchange& exchange, const cache::Freshness& freshness, int64_t now);

}  // namespace sluice::http
