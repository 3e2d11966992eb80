// From the configuration's words to the cache's.
#include "server/http/cache_rules.h"

namespace sluice::http {

namespace {

cache::Freshness::Storing storing_of(conf::CacheRule::Storing storing) noexcept {
  switch (storing) {
    case conf::CacheRule::Storing::no_store:
      return cache::Freshness::Storing::no_store;
    case conf::CacheRule::Storing::no_cache:
      return cache::Freshness::Storing::no_cache;
    case conf::CacheRule::Storing::max_age:
      return cache::Freshness::Storing::max_age;
    case conf::CacheRule::Storing::nothing:
      break;
  }
  return cache::Freshness::Storing::nothing;
}

}  // namespace

CacheRules::CacheRules(const std::vector<conf::CacheRule>& rules) {
  for (const conf::CacheRule& rule : rules) {
    rules_.emplace_back(conf::PathPattern(rule.match),
                        cache::Freshness{.storing = storing_of(rule.storing),
                                         .max_age = static_cast<uint64_t>(rule.max_age.count()),
                                         .immutable = rule.immutable,
                                         .private_response = rule.private_response});
  }
}

std::optional<size_t> CacheRules::find(std::string_view path,
                                       std::string_view other) const noexcept {
  for (size_t i = 0; i < rules_.size(); ++i) {
    const conf::PathPattern& pattern = rules_[i].first;
    if (pattern.matches(path) || pattern.matches(other)) return i;
  }
  return std::nullopt;
}

}  // namespace sluice::http
