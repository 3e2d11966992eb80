// Ranges: the input's first line is the body's length, each other one a Range line. What is
// selected lies within the body and is what a slow and simple reading selects; a multipart content
// has the length that was announced.
#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cache/multipart.h"
#include "cache/range.h"
#include "tests/fuzz/feeding.h"

namespace sluice::cache {
namespace {

using fuzz::require;

std::string_view take_until(char end, std::string_view& rest) {
  const size_t at = rest.find(end);
  const std::string_view taken = rest.substr(0, at);
  rest.remove_prefix(at == std::string_view::npos ? rest.size() : at + 1);
  return taken;
}

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

// Digits as a number, digit by digit; nothing for other octets.
std::optional<uint64_t> number(std::string_view digits) {
  if (digits.empty()) return {};
  uint64_t value = 0;
  for (const char digit : digits) {
    if (digit < '0' || digit > '9') return {};
    const auto units = static_cast<uint64_t>(digit - '0');
    value = value > (UINT64_MAX - units) / 10 ? UINT64_MAX : value * 10 + units;
  }
  return value;
}

// The first position and the last, each within 64 bits; nothing for a flaw.
struct Positions {
  uint64_t first;
  uint64_t last;
};

std::optional<Positions> simple_positions(std::string_view text, uint64_t length) {
  const size_t dash = text.find('-');
  if (dash == std::string_view::npos) return {};
  const std::optional<uint64_t> left = number(text.substr(0, dash));
  const std::optional<uint64_t> right = number(text.substr(dash + 1));
  const bool open = dash + 1 == text.size();
  if (dash == 0) {
    if (!right) return {};
    if (*right == 0) return Positions{UINT64_MAX, UINT64_MAX};
    return Positions{*right > length ? 0 : length - *right, UINT64_MAX};
  }
  if (!left || (!open && !right) || (right && *right < *left)) return {};
  return Positions{*left, open ? UINT64_MAX : *right};
}

// What a reader without any thought for speed reads: nothing for a set with a flaw.
std::optional<std::vector<Positions>> simple_reading(std::string_view set, uint64_t length) {
  std::vector<Positions> all;
  while (!set.empty()) {
    const std::string_view element = trimmed(take_until(',', set));
    if (element.empty()) continue;
    const std::optional<Positions> positions = simple_positions(element, length);
    if (!positions) return {};
    all.push_back(*positions);
  }
  return all;
}

bool selects(const std::vector<Positions>& all, uint64_t octet) {
  return std::ranges::any_of(
      all, [octet](const Positions& one) { return one.first <= octet && octet <= one.last; });
}

void check_shape(const RangeSet& ranges, uint64_t length, const RangeLimits& limits) {
  require(ranges.size() <= limits.ranges, "more ranges than allowed");
  uint64_t sum = 0;
  for (const ByteRange& range : ranges.all()) {
    require(range.begin < range.end && range.end <= length, "range leaves the body");
    sum += range.size();
    for (const ByteRange& other : ranges.all()) {
      require(&range == &other || !range.touches(other), "ranges touch");
    }
  }
  require(sum <= length, "more than the body");
}

// Each octet of a small body, and the order: by the first that was asked for of each.
void check_octets(const RangeSet& ranges, const std::vector<Positions>& all, uint64_t length) {
  for (uint64_t octet = 0; octet < length; ++octet) {
    const bool selected = std::ranges::any_of(ranges.all(), [octet](const ByteRange& range) {
      return range.begin <= octet && octet < range.end;
    });
    require(selected == selects(all, octet), "an octet too many or too few");
  }
  size_t before = 0;
  for (const ByteRange& range : ranges.all()) {
    size_t asked = 0;
    while (all[asked].first < range.begin || all[asked].first >= range.end) ++asked;
    require(asked >= before, "not in the order of the request");
    before = asked;
  }
}

void check_multipart(const RangeSet& ranges, uint64_t length) {
  const Multipart multipart({length, ranges.size()}, length % 2 == 0 ? "" : "a/b", length);
  std::string naive;
  for (const ByteRange& range : ranges.all()) {
    naive += multipart.head(range, naive.empty());
    naive.append(static_cast<size_t>(range.size()), 'x');
  }
  naive += multipart.end();
  require(multipart.total(ranges.all()) == naive.size(), "length announced wrong", naive);
}

// A Content-Range asked for is the same range.
void check_content_range(const ByteRange& range, uint64_t length) {
  std::array<char, kContentRangeSize> room{};
  const std::string_view text = write_content_range(range, length, room);
  std::string asked(text.substr(0, text.find('/')));
  asked[5] = '=';
  FieldList fields;
  fields.add("Range", asked);
  RangeSet again;
  require(select_ranges(fields, length, {1, 0}, again) == RangeVerdict::parts &&
              again.size() == 1 && again[0] == range,
          "Content-Range is another range", text);
}

void check(std::string_view text) {
  const RangeLimits limits{.ranges = fuzz::hash_of(text) % 12 + 1,
                           .overlapping = fuzz::hash_of(text) / 16 % 4};
  const uint64_t length = number(take_until('\n', text)).value_or(36);
  FieldList fields;
  const std::string_view first = text.substr(0, text.find('\n'));
  while (!text.empty()) fields.add("Range", take_until('\n', text));
  RangeSet ranges;
  const RangeVerdict verdict = select_ranges(fields, length, limits, ranges);
  require((verdict == RangeVerdict::parts) == (ranges.size() > 0), "verdict without ranges");
  check_shape(ranges, length, limits);
  for (const ByteRange& range : ranges.all()) check_content_range(range, length);
  if (verdict == RangeVerdict::whole) return;
  require(fields.size() == 1 && first.size() > 6, "several lines are no set", first);
  const auto simple = simple_reading(first.substr(6), length);
  require(simple && !simple->empty() && simple->size() <= limits.ranges, "a flaw was taken", first);
  if (length > 4096) return;
  check_octets(ranges, *simple, length);
  check_multipart(ranges, length);
}

}  // namespace
}  // namespace sluice::cache

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sluice::cache::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
