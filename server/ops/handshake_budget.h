// How many failed handshakes of a second get a line each: few, and of one address fewer still, so
// that a scanner can neither fill a disk nor hide the others who fail.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>

namespace sluice::ops {

// Thread: the worker's.
class HandshakeBudget {
 public:
  static constexpr size_t kLinesASecond = 10;
  static constexpr size_t kOfOneAddress = 3;

  // Whether a line may be written; counts the one that may not.
  [[nodiscard]] bool take(std::string_view address) noexcept {
    const size_t hash = std::hash<std::string_view>()(address);
    size_t of_address = 0;
    for (size_t i = 0; i < lines_; ++i) of_address += addresses_[i] == hash ? 1 : 0;
    if (lines_ == kLinesASecond || of_address == kOfOneAddress) {
      ++left_out_;
      return false;
    }
    addresses_[lines_++] = hash;
    return true;
  }

  // A new second; returns how many lines of the last one were left out.
  uint64_t begin_second() noexcept {
    lines_ = 0;
    return std::exchange(left_out_, 0);
  }

 private:
  std::array<size_t, kLinesASecond> addresses_{};  // hashes, of the lines of this second
  size_t lines_ = 0;
  uint64_t left_out_ = 0;
};

}  // namespace sluice::ops
