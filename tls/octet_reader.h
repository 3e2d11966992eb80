// Reads what TLS puts on the wire (RFC 8446 section 3): unsigned integers in network order and
// vectors with their length in front.
//
// Invariants:
// 1. It never reads outside the span it was given, whatever the octets say.
// 2. The first thing that does not fit makes the reader failed for good: what it gives then is zero
//    or empty, so that a caller may ask once, at the end of a structure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace sluice::tls {

using Octets = std::span<const uint8_t>;

class OctetReader {
 public:
  // `octets` must outlive the reader and every span taken from it.
  explicit OctetReader(Octets octets) : rest_(octets) {}

  [[nodiscard]] bool failed() const { return failed_; }
  // Whether all was read, and nothing was missing.
  [[nodiscard]] bool done() const { return !failed_ && rest_.empty(); }
  // Whether something is left; false once failed, so that loops end.
  [[nodiscard]] bool more() const { return !failed_ && !rest_.empty(); }
  [[nodiscard]] Octets rest() const { return rest_; }

  uint8_t u8() { return static_cast<uint8_t>(integer(1)); }
  uint16_t u16() { return static_cast<uint16_t>(integer(2)); }
  uint32_t u24() { return integer(3); }
  uint32_t u32() { return integer(4); }

  Octets take(size_t size) {
    if (failed_ || size > rest_.size()) {
      fail();
      return {};
    }
    const Octets taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }

  // A vector whose length is written in 1, 2 or 3 octets in front of it.
  Octets vector8() { return take(integer(1)); }
  Octets vector16() { return take(integer(2)); }
  Octets vector24() { return take(integer(3)); }

  void fail() {
    failed_ = true;
    rest_ = {};
  }

 private:
  uint32_t integer(size_t size) {
    uint32_t value = 0;
    for (const uint8_t octet : take(size)) value = value << 8 | octet;
    return value;
  }

  Octets rest_;
  bool failed_ = false;
};

}  // namespace sluice::tls
