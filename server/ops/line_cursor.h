// Where a line is being written. The caller reserved enough: nothing here checks for room.
#pragma once

#include <charconv>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace sluice::ops {

struct LineCursor {
  char* at;

  void text(std::string_view text) noexcept {
    std::memcpy(at, text.data(), text.size());
    at += text.size();
  }
  void octet(char octet) noexcept { *at++ = octet; }
  void spaces(size_t count) noexcept {
    std::memset(at, ' ', count);
    at += count;
  }
  void number(uint64_t value) noexcept { at = std::to_chars(at, at + 20, value).ptr; }
  void three_digits(unsigned value) noexcept {  // value < 1000
    at[0] = static_cast<char>('0' + value / 100);
    at[1] = static_cast<char>('0' + value / 10 % 10);
    at[2] = static_cast<char>('0' + value % 10);
    at += 3;
  }
  // Lower case, two digits.
  void hex(unsigned char octet) noexcept {
    constexpr std::string_view kDigits = "0123456789abcdef";
    at[0] = kDigits[octet >> 4U];
    at[1] = kDigits[octet & 15U];
    at += 2;
  }
};

}  // namespace sluice::ops
