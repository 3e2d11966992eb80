// The units, and reading and writing by them.
#include "conf/quantity.h"

#include <array>
#include <charconv>
#include <limits>
#include <span>

namespace sluice::conf {

namespace {

struct Suffix {
  std::string_view text;
  uint64_t factor;
};
// From small to large: quantity_text takes the last one that divides the value.
constexpr std::array kOctetSuffixes = {Suffix{"", 1}, Suffix{"KiB", 1ULL << 10},
                                       Suffix{"MiB", 1ULL << 20}, Suffix{"GiB", 1ULL << 30}};
constexpr std::array kTimeSuffixes = {Suffix{"ms", 1}, Suffix{"s", 1'000}, Suffix{"m", 60'000},
                                      Suffix{"h", 3'600'000}};
constexpr std::array kCountSuffixes = {Suffix{"", 1}};

std::span<const Suffix> suffixes(Unit unit) {
  if (unit == Unit::time) return kTimeSuffixes;
  if (unit == Unit::count) return kCountSuffixes;
  return kOctetSuffixes;
}

}  // namespace

std::string expected_quantity(Unit unit) {
  switch (unit) {
    case Unit::octets:
      return "a number of octets such as 512, 8KiB, 1MiB or 1GiB";
    case Unit::octets_per_second:
      return "octets per second such as 512, 8KiB or 1MiB";
    case Unit::time:
      return "a time such as 500ms, 10s, 2m or 1h";
    case Unit::count:
      return "a number such as 100";
  }
  return {};
}

std::optional<uint64_t> parse_quantity(Unit unit, std::string_view text) {
  uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc()) return std::nullopt;
  const std::string_view suffix(rest, static_cast<size_t>(end - rest));
  for (const Suffix& candidate : suffixes(unit)) {
    if (candidate.text != suffix) continue;
    if (number > std::numeric_limits<uint64_t>::max() / candidate.factor) return std::nullopt;
    return number * candidate.factor;
  }
  return std::nullopt;
}

std::string quantity_text(Unit unit, uint64_t value) {
  const auto all = suffixes(unit);
  const Suffix* best = &all.front();
  for (const Suffix& candidate : all) {
    if (value != 0 && value % candidate.factor == 0) best = &candidate;
  }
  return std::to_string(value / best->factor).append(best->text);
}

}  // namespace sluice::conf
