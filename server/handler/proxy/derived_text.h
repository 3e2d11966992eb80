// Octets of a head that a proxy writes anew: in memory that whoever asks has, or one allocation,
// measured beforehand, that never grows.
//
// A head's views point into it while it is written, so it may not move; who measures too little has
// broken an invariant, and the process aborts rather than writes beyond the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "protocol/slice.h"

namespace sluice::handler::proxy {

// Thread: one worker's.
class DerivedText {
 public:
  // Room for `room` octets: in `own`, which outlives the views, when that is large enough; none is
  // made for 0.
  explicit DerivedText(size_t room, std::span<char> own = {});

  DerivedText& text(std::string_view octets) noexcept;
  DerivedText& number(uint64_t value) noexcept;
  // text(), and what it wrote.
  std::string_view copy(std::string_view octets) noexcept {
    const size_t mark = size_;
    return text(octets).since(mark);
  }

  size_t size() const noexcept { return size_; }
  // What was written from octet `mark` on. Valid while the slice lives.
  std::string_view since(size_t mark) const noexcept { return {data_ + mark, size_ - mark}; }
  // Pins what was written; empty where it lies in `own`. Nothing is written after it.
  Slice slice() const noexcept { return memory_ ? Slice(memory_, data_, size_) : Slice(); }

 private:
  Ref<Owner> memory_;
  char* data_ = nullptr;
  size_t room_;
  size_t size_ = 0;
};

}  // namespace sluice::handler::proxy
