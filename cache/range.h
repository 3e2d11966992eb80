// Byte ranges (RFC 9110 section 14): from a Range field to the parts of a body that answer it.
//
// Invariants of what select_ranges gives:
//   1. Every range lies within the body and is not empty; no two overlap or touch.
//   2. They stand in the order in which they were asked for; ranges that were put together stand
//   where the first of them did.
//   3. What is not understood is ignored: other units, a set with any flaw, several Range lines.
// Pure. Any thread. Allocates nothing for up to 8 ranges.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "protocol/fields.h"

namespace sluice::cache {

// The octets [begin, end).
struct ByteRange {
  uint64_t begin = 0;
  uint64_t end = 0;

  uint64_t size() const noexcept { return end - begin; }
  bool overlaps(const ByteRange& other) const noexcept {
    return begin < other.end && other.begin < end;
  }
  bool touches(const ByteRange& other) const noexcept {
    return begin <= other.end && other.begin <= end;
  }
  bool operator==(const ByteRange&) const = default;
};

// Ranges in a row: a few in place, more in memory of their own.
class RangeSet {
 public:
  static constexpr size_t kInPlace = 8;

  std::span<const ByteRange> all() const noexcept { return {begin(), size_}; }
  size_t size() const noexcept { return size_; }
  const ByteRange& operator[](size_t index) const noexcept { return begin()[index]; }
  void add(const ByteRange& range);
  void clear() noexcept;
  // Puts ranges that overlap or touch together.
  void coalesce() noexcept;

 private:
  const ByteRange* begin() const noexcept { return more_.empty() ? few_.data() : more_.data(); }
  ByteRange* begin() noexcept { return more_.empty() ? few_.data() : more_.data(); }
  void remove(size_t index) noexcept;

  std::array<ByteRange, kInPlace> few_;
  std::vector<ByteRange> more_;  // all of them, once they are more than a few
  size_t size_ = 0;
};

// What one request may ask for; more of either is answered with the whole (section 14.2).
struct RangeLimits {
  uint64_t ranges;       // of a request
  uint64_t overlapping;  // that share an octet with another of the request
};

enum class RangeVerdict : uint8_t {
  whole,          // there is no Range that counts: 200
  parts,          // 206
  unsatisfiable,  // none of them lies within the body: 416
};

// Requires: `out` is empty. It has ranges only with the verdict `parts`. `length`: of the body.
RangeVerdict select_ranges(const FieldList& request, uint64_t length, const RangeLimits& limits,
                           RangeSet& out);

inline constexpr size_t kContentRangeSize = 72;
// The value of Content-Range (section 14.4), written into `room`: of a part, and of a 416.
std::string_view write_content_range(const ByteRange& range, uint64_t length,
                                     std::span<char, kContentRangeSize> room) noexcept;
std::string_view write_unsatisfied_range(uint64_t length,
                                         std::span<char, kContentRangeSize> room) noexcept;

}  // namespace sluice::cache
