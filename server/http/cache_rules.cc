// From the configuration's words to the cache's.
#include "server/http/cache_rules.h"

#include <span>

#include "protocol/http_date.h"

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

void add_freshness(Exchange& exchange, const cache::Freshness& freshness, int64_t now) {
  static_assert(kHttpDateSize + cache::kCacheControlSize <= Exchange::kValuesSize);
  const std::span<char, Exchange::kValuesSize> room = exchange.value_room();
  FieldList& fields = exchange.response().fields;
  const std::string_view control = cache::write_cache_control(
      freshness, room.subspan<kHttpDateSize, cache::kCacheControlSize>());
  if (!control.empty()) fields.add("Cache-Control", control, FieldId::cache_control);
  if (const std::optional<int64_t> after = cache::expires_after(freshness)) {
    write_http_date(now + *after, room.first<kHttpDateSize>());
    fields.add("Expires", {room.data(), kHttpDateSize}, FieldId::other);
  } else if (const std::string_view expired = cache::fixed_expires(freshness); !expired.empty()) {
    fields.add("Expires", expired, FieldId::other);
  }
}

}  // namespace sluice::http
