// Reading Range. A set is read whole before anything is answered: one flaw in it and it is ignored.
#include "cache/range.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace sluice::cache {

void RangeSet::add(const ByteRange& range) {
  if (more_.empty() && size_ < kInPlace) {
    few_[size_++] = range;
    return;
  }
  if (more_.empty()) more_.assign(few_.begin(), few_.end());
  more_.push_back(range);
  ++size_;
}

void RangeSet::clear() noexcept {
  more_.clear();
  size_ = 0;
}

void RangeSet::remove(size_t index) noexcept {
  ByteRange* const at = begin() + index;
  std::copy(at + 1, begin() + size_, at);
  if (!more_.empty()) more_.pop_back();
  --size_;
}

// One that has grown may touch those before it now, so that the search starts anew.
void RangeSet::coalesce() noexcept {
  for (size_t i = 0; i < size_; ++i) {
    ByteRange& kept = begin()[i];
    for (size_t j = i + 1; j < size_;) {
      const ByteRange other = begin()[j];
      if (!kept.touches(other)) {
        ++j;
        continue;
      }
      kept = {std::min(kept.begin, other.begin), std::max(kept.end, other.end)};
      remove(j);
      j = i + 1;
    }
  }
}

namespace {

constexpr std::string_view kUnit = "bytes";

bool is_digit(char octet) noexcept { return octet >= '0' && octet <= '9'; }

// Takes a number off the front; one beyond 64 bits counts as the largest. False when there is none.
bool take_number(std::string_view& rest, uint64_t& value) noexcept {
  if (rest.empty() || !is_digit(rest.front())) return false;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
  if (error != std::errc()) value = UINT64_MAX;
  rest.remove_prefix(static_cast<size_t>(end - rest.data()));
  return true;
}

enum class Reading : uint8_t {
  satisfiable,
  unsatisfiable,
  empty,  // satisfiable (section 14.1.2), but of an empty body: no Content-Range could say so
  flaw,
};

// "-5": the last octets.
Reading read_suffix(std::string_view digits, uint64_t length, ByteRange& out) noexcept {
  uint64_t count = 0;
  if (!take_number(digits, count) || !digits.empty()) return Reading::flaw;
  out = {length - std::min(count, length), length};
  if (count == 0) return Reading::unsatisfiable;
  return length > 0 ? Reading::satisfiable : Reading::empty;
}

// "5-", "5-9": from the first to the last position (section 14.1.2).
Reading read_positions(std::string_view text, uint64_t length, ByteRange& out) noexcept {
  uint64_t first = 0;
  uint64_t last = UINT64_MAX;
  if (!take_number(text, first) || !text.starts_with('-')) return Reading::flaw;
  text.remove_prefix(1);
  if (!text.empty() && (!take_number(text, last) || !text.empty())) return Reading::flaw;
  if (last < first) return Reading::flaw;
  if (first >= length) return Reading::unsatisfiable;
  out = {first, std::min(last, length - 1) + 1};
  return Reading::satisfiable;
}

Reading read_range(std::string_view text, uint64_t length, ByteRange& out) noexcept {
  if (text.starts_with('-')) return read_suffix(text.substr(1), length, out);
  return read_positions(text, length, out);
}

size_t overlapping(std::span<const ByteRange> ranges) noexcept {
  return static_cast<size_t>(std::ranges::count_if(ranges, [ranges](const ByteRange& one) {
    return std::ranges::any_of(
        ranges, [&one](const ByteRange& other) { return &one != &other && one.overlaps(other); });
  }));
}

// The set of a Range value, or an empty text when it is not one of bytes (section 14.1).
std::string_view byte_ranges_of(std::string_view value) noexcept {
  if (value.size() <= kUnit.size() || value[kUnit.size()] != '=') return {};
  if (!equals_ignoring_case(value.substr(0, kUnit.size()), kUnit)) return {};
  return value.substr(kUnit.size() + 1);
}

// Reads a set without regard to how its ranges lie to each other.
RangeVerdict read_set(std::string_view rest, uint64_t length, uint64_t max_ranges, RangeSet& out) {
  uint64_t count = 0;
  bool any_empty = false;
  std::string_view element;
  while (next_list_element(rest, element)) {
    ByteRange range;
    const Reading reading = read_range(element, length, range);
    if (reading == Reading::flaw || ++count > max_ranges) return RangeVerdict::whole;
    if (reading == Reading::satisfiable) out.add(range);
    any_empty = any_empty || reading == Reading::empty;
  }
  if (count == 0 || any_empty) return RangeVerdict::whole;
  return out.size() > 0 ? RangeVerdict::parts : RangeVerdict::unsatisfiable;
}

}  // namespace

RangeVerdict select_ranges(const FieldList& request, uint64_t length, const RangeLimits& limits,
                           RangeSet& out) {
  if (request.count(FieldId::range) != 1) return RangeVerdict::whole;
  const std::string_view set = byte_ranges_of(request.value(FieldId::range));
  RangeVerdict verdict = read_set(set, length, limits.ranges, out);
  if (overlapping(out.all()) > limits.overlapping) verdict = RangeVerdict::whole;
  if (verdict == RangeVerdict::parts) {
    out.coalesce();
  } else {
    out.clear();
  }
  return verdict;
}

// --- Content-Range ------------------------------------------------------------------------------

namespace {

char* put(char* at, std::string_view text) noexcept {
  std::memcpy(at, text.data(), text.size());
  return at + text.size();
}

}  // namespace

// "bytes 18446744073709551614-18446744073709551614/18446744073709551615" has 68 octets.
std::string_view write_content_range(const ByteRange& range, uint64_t length,
                                     std::span<char, kContentRangeSize> room) noexcept {
  char* const end = room.data() + room.size();
  char* at = put(room.data(), "bytes ");
  at = put(std::to_chars(at, end, range.begin).ptr, "-");
  at = put(std::to_chars(at, end, range.end - 1).ptr, "/");
  at = std::to_chars(at, end, length).ptr;
  return {room.data(), static_cast<size_t>(at - room.data())};
}

std::string_view write_unsatisfied_range(uint64_t length,
                                         std::span<char, kContentRangeSize> room) noexcept {
  char* at = put(room.data(), "bytes */");
  at = std::to_chars(at, room.data() + room.size(), length).ptr;
  return {room.data(), static_cast<size_t>(at - room.data())};
}

}  // namespace sluice::cache
