// Where frames that nghttp2 passes over begin in what a peer says.
//
// nghttp2 tells of each frame but those that it ignores: of types that it does not know, DATA on
// streams that are over, CONTINUATION of field blocks that it gave up. These cost nothing to send
// and must be counted too, so that octets are given to it up to behind each such header: if it did
// not tell of a frame then, it will not.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::h2 {

class FrameWalk {
 public:
  // `skip`: octets before the first frame (the client's preface).
  explicit FrameWalk(uint32_t skip) noexcept : left_(skip) {}

  // How many of `octets`, which follow those of the last step, to give to nghttp2 next: all, or up
  // to behind a header of a frame that it may pass over; at_header() tells. At least one, if there
  // is one.
  size_t step(std::string_view octets) noexcept;
  bool at_header() const noexcept { return at_header_; }
  // Of that header (RFC 9113 section 4.1).
  uint32_t length() const noexcept { return left_; }
  uint8_t type() const noexcept { return header_[3]; }
  uint8_t flags() const noexcept { return header_[4]; }

 private:
  uint32_t left_;  // octets until the next frame
  std::array<uint8_t, 9> header_{};
  size_t taken_ = 0;  // of a header that is not complete
  bool at_header_ = false;
};

// Octets that a frame of content has in any case, when it is not known how many its padding takes.
constexpr uint32_t content_at_least(uint32_t length, bool padded) noexcept {
  constexpr uint32_t kMostPadding = 256;  // with the octet that says how much
  if (!padded) return length;
  return length > kMostPadding ? length - kMostPadding : 0;
}

}  // namespace sluice::h2
