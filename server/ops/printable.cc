// One character after the other.
#include "server/ops/printable.h"

#include <algorithm>

#include "server/ops/utf8.h"

namespace sluice::ops {
namespace {

// Besides ASCII's: C1 controls (U+0080 to U+009F), and what turns the direction of writing or is
// not seen (U+200B to U+200F, U+2028 to U+202E, U+2060 to U+206F).
bool is_control(std::string_view character) {
  const auto octet = [character](size_t i) { return static_cast<unsigned char>(character[i]); };
  if (character.size() == 1) return octet(0) < 0x20 || octet(0) == 0x7f;
  if (character.size() == 2) return octet(0) == 0xc2 && octet(1) < 0xa0;
  if (character.size() != 3 || octet(0) != 0xe2) return false;
  if (octet(1) == 0x80)
    return (octet(2) >= 0x8b && octet(2) <= 0x8f) || (octet(2) >= 0xa8 && octet(2) <= 0xae);
  return octet(1) == 0x81 && octet(2) >= 0xa0 && octet(2) <= 0xaf;
}

void append_escaped(std::string& out, std::string_view octets) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  for (const char c : octets) {
    const auto octet = static_cast<unsigned char>(c);
    out += "\\x";
    out += kDigits[octet >> 4U];
    out += kDigits[octet & 15U];
  }
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const size_t size = utf8_size(text);
    const std::string_view character = text.substr(0, std::max<size_t>(1, size));
    if (size == 0 || is_control(character) || character == "\\") {
      append_escaped(out, character);
    } else {
      out += character;
    }
    text.remove_prefix(character.size());
  }
  return out;
}

size_t columns_of(std::string_view text) noexcept {
  const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U; };
  return text.size() - static_cast<size_t>(std::count_if(text.begin(), text.end(), continues));
}

}  // namespace sluice::ops
