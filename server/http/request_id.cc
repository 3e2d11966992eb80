// Steele, Lea and Flood's SplitMix64, begun at a random place: one addition and a mix for each
// half, no system call for a request.
#include "server/http/request_id.h"

#include <sys/random.h>

#include <algorithm>
#include <chrono>

namespace sluice::http {

RequestIds::RequestIds() {
  if (::getrandom(&state_, sizeof state_, 0) == sizeof state_) return;
  state_ = static_cast<uint64_t>(std::chrono::system_clock::now().time_since_epoch().count());
}

uint64_t RequestIds::next() noexcept {
  uint64_t mixed = state_ += 0x9e37'79b9'7f4a'7c15;
  mixed = (mixed ^ (mixed >> 30U)) * 0xbf58'476d'1ce4'e5b9;
  mixed = (mixed ^ (mixed >> 27U)) * 0x94d0'49bb'1331'11eb;
  return mixed ^ (mixed >> 31U);
}

void RequestIds::make(std::span<char, kSize> out) noexcept {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  size_t at = 0;
  for (uint64_t half : {next(), next()}) {
    for (int digit = 0; digit < 16; ++digit, half >>= 4U) out[at++] = kDigits[half & 15U];
  }
}

bool is_request_id(std::string_view text) noexcept {
  const auto allowed = [](char octet) {
    const auto lower = static_cast<char>(octet | 0x20);
    return (lower >= 'a' && lower <= 'z') || (octet >= '0' && octet <= '9') || octet == '.' ||
           octet == '_' || octet == '-';
  };
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), allowed);
}

}  // namespace sluice::http
