// The tables of limits.
#include "conf/limit_keys.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "conf/limit_scopes.h"
#include "conf/limits.h"

namespace sluice::conf {

namespace {

const std::vector<std::string>& limit_defaults() {
  static const std::vector<std::string> kTexts = [] {
    std::vector<std::string> texts;
    for (const LimitInfo& info : all_limits()) texts.push_back(limit_text(Limits(), info));
    return texts;
  }();
  return kTexts;
}

std::string_view example_of(Unit unit) {
  if (unit == Unit::time) return "\"10s\"";
  return unit == Unit::count ? "100" : "\"8KiB\"";
}

std::string_view pattern_of(Unit unit) {
  if (unit == Unit::time) return "^[0-9]+(ms|s|m|h)$";
  return unit == Unit::count ? "^[0-9]+$" : "^[0-9]+(KiB|MiB|GiB)?$";
}

std::vector<Key> limit_keys(bool all, LimitScope scope) {
  std::vector<Key> keys;
  const auto limits = all_limits();
  for (size_t i = 0; i < limits.size(); ++i) {
    if (!all && scope_of_limit(limits[i].name) != scope) continue;
    const bool time = limits[i].unit == Unit::time;
    keys.push_back({.name = limits[i].name,
                    .forms = time ? unsigned{kString} : unsigned{kInteger | kString},
                    .fallback = limit_defaults()[i],
                    .about = limits[i].reason,
                    .least = time ? 0 : static_cast<int64_t>(limits[i].least),
                    .most = time ? INT64_MAX : static_cast<int64_t>(limits[i].most),
                    .example = example_of(limits[i].unit),
                    .pattern = pattern_of(limits[i].unit)});
  }
  return keys;
}

}  // namespace

const Table& process_limits() noexcept {
  static const std::vector<Key> kKeys = limit_keys(true, LimitScope::process);
  static const Table kLimits{"[limits]", kKeys};
  return kLimits;
}

const Table& listener_limits() noexcept {
  static const std::vector<Key> kKeys = limit_keys(false, LimitScope::listener);
  static const Table kLimits{"limits of [[listener]]", kKeys};
  return kLimits;
}

const Table& site_limits() noexcept {
  static const std::vector<Key> kKeys = limit_keys(false, LimitScope::site);
  static const Table kLimits{"limits of [[site]]", kKeys};
  return kLimits;
}

}  // namespace sluice::conf
