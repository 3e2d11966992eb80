// What a configuration says about caches, looked up by path (conf::CacheRule).
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "cache/freshness.h"
#include "conf/configuration.h"
#include "conf/pattern.h"

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

}  // namespace sluice::http
