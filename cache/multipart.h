// multipart/byteranges (RFC 9110 section 14.6, RFC 2046 section 5.1): what stands around the parts
// of a body, so that the parts themselves can stay ranges of a file.
//
//   --B CRLF fields CRLF CRLF part CRLF --B CRLF fields CRLF CRLF part CRLF --B-- CRLF
//
// The length is known ahead. Pure. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "cache/range.h"

namespace sluice::cache {

class Multipart {
 public:
  // A boundary must not come in any part, which nobody looks through: it is made of 128 random
  // bits, new for each response. `content_type`: of the whole body, may be empty; lives as long as
  // this. `length`: of the whole body, under 2^63.
  Multipart(std::array<uint64_t, 2> random_bits, std::string_view content_type, uint64_t length);

  // The value of the response's Content-Type.
  std::string content_type() const;
  // What stands before a part; `first`: it is the response's first.
  std::string head(const ByteRange& range, bool first) const;
  // What stands behind the last part.
  std::string end() const;
  // Octets of the content that these ranges make, in this order.
  uint64_t total(std::span<const ByteRange> ranges) const;

 private:
  std::string boundary_;
  std::string_view content_type_;
  uint64_t length_;
};

}  // namespace sluice::cache
