// Reads lengths and types of frames, nothing else.
#include "protocol/h2/frame_walk.h"

#include <algorithm>

namespace sluice::h2 {

namespace {

constexpr uint8_t kData = 0;
constexpr uint8_t kContinuation = 9;  // the last type of RFC 9113 section 6

}  // namespace

size_t FrameWalk::step(std::string_view octets) noexcept {
  size_t at = 0;
  at_header_ = false;
  while (at < octets.size() && !at_header_) {
    if (left_ > 0) {
      const auto passed = static_cast<uint32_t>(std::min<size_t>(left_, octets.size() - at));
      left_ -= passed;
      at += passed;
      continue;
    }
    header_[taken_++] = static_cast<uint8_t>(octets[at++]);
    if (taken_ < header_.size()) continue;
    taken_ = 0;
    left_ = static_cast<uint32_t>(header_[0] << 16U | header_[1] << 8U | header_[2]);
    at_header_ = type() == kData || type() >= kContinuation;
  }
  return at;
}

}  // namespace sluice::h2
