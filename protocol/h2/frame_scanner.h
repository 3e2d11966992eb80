// Follows frame boundaries in what a peer sends (RFC 9113 section 4.1), and nothing else: nghttp2
// tells neither of CONTINUATION frames nor of frames of unknown types, and both have to be counted.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::h2 {

struct FrameHeader {
  uint32_t length;
  uint8_t type;
  uint8_t flags;
  uint32_t stream;
};

class FrameScanner {
 public:
  static constexpr size_t kHeader = 9;

  // `before`: octets that come before the first frame (a client's preface).
  explicit FrameScanner(size_t before) noexcept : skip_(before) {}

  // Calls `visit` with each frame's header, as soon as all of it was seen, until that returns
  // false; then so does this.
  template <typename Visit>
  bool scan(std::string_view octets, const Visit& visit) {
    while (!octets.empty()) {
      const size_t skipped = skip_ < octets.size() ? static_cast<size_t>(skip_) : octets.size();
      skip_ -= skipped;
      octets.remove_prefix(skipped);
      const size_t taken = octets.copy(header_.data() + size_, kHeader - size_);
      size_ += taken;
      octets.remove_prefix(taken);
      if (size_ < kHeader) continue;
      size_ = 0;
      const FrameHeader header = read();
      skip_ = header.length;
      if (!visit(header)) return false;
    }
    return true;
  }

 private:
  uint32_t octet(size_t at) const noexcept { return static_cast<uint8_t>(header_[at]); }
  FrameHeader read() const noexcept {
    return {.length = octet(0) << 16U | octet(1) << 8U | octet(2),
            .type = static_cast<uint8_t>(octet(3)),
            .flags = static_cast<uint8_t>(octet(4)),
            .stream = (octet(5) & 0x7FU) << 24U | octet(6) << 16U | octet(7) << 8U | octet(8)};
  }

  uint64_t skip_;
  std::array<char, kHeader> header_{};
  size_t size_ = 0;  // octets of a header that have come
};

}  // namespace sluice::h2
