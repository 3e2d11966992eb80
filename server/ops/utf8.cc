// The table of RFC 3629 section 4 as code: the first octet decides the length and what the second
// may be.
#include "server/ops/utf8.h"

namespace sluice::ops {
namespace {

struct Form {
  size_t size;  // 0: no character begins so
  unsigned char second_low;
  unsigned char second_high;
};

Form form_of(unsigned char first) noexcept {
  if (first < 0x80) return {1, 0, 0};
  if (first < 0xc2) return {0, 0, 0};
  if (first < 0xe0) return {2, 0x80, 0xbf};
  if (first == 0xe0) return {3, 0xa0, 0xbf};  // no longer form of what fits into two
  if (first == 0xed) return {3, 0x80, 0x9f};  // no surrogates
  if (first < 0xf0) return {3, 0x80, 0xbf};
  if (first == 0xf0) return {4, 0x90, 0xbf};
  if (first < 0xf4) return {4, 0x80, 0xbf};
  if (first == 0xf4) return {4, 0x80, 0x8f};  // to U+10FFFF
  return {0, 0, 0};
}

}  // namespace

size_t utf8_size(std::string_view text) noexcept {
  if (text.empty()) return 0;
  const Form form = form_of(static_cast<unsigned char>(text[0]));
  if (form.size < 2) return form.size;
  if (text.size() < form.size) return 0;
  const auto second = static_cast<unsigned char>(text[1]);
  if (second < form.second_low || second > form.second_high) return 0;
  for (size_t i = 2; i < form.size; ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xc0U) != 0x80) return 0;
  }
  return form.size;
}

}  // namespace sluice::ops
