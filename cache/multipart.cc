// Rendering part heads. Several ranges are rare enough for strings.
#include "cache/multipart.h"

namespace sluice::cache {

namespace {

std::string hex_of(std::array<uint64_t, 2> bits) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (uint64_t word : bits) {
    for (int i = 0; i < 16; ++i, word >>= 4) text.push_back(kDigits[word & 15]);
  }
  return text;
}

}  // namespace

Multipart::Multipart(std::array<uint64_t, 2> random_bits, std::string_view content_type,
                     uint64_t length)
    : boundary_(hex_of(random_bits)), content_type_(content_type), length_(length) {}

std::string Multipart::content_type() const {
  return "multipart/byteranges; boundary=" + boundary_;
}

std::string Multipart::head(const ByteRange& range, bool first) const {
  std::string text = first ? "--" : "\r\n--";
  text.append(boundary_).append("\r\n");
  if (!content_type_.empty()) text.append("Content-Type: ").append(content_type_).append("\r\n");
  std::array<char, kContentRangeSize> room;
  text.append("Content-Range: ").append(write_content_range(range, length_, room));
  return text.append("\r\n\r\n");
}

std::string Multipart::end() const { return "\r\n--" + boundary_ + "--\r\n"; }

uint64_t Multipart::total(std::span<const ByteRange> ranges) const {
  uint64_t octets = end().size();
  bool first = true;
  for (const ByteRange& range : ranges) {
    octets += head(range, first).size() + range.size();
    first = false;
  }
  return octets;
}

}  // namespace sluice::cache
