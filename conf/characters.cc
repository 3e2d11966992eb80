// Sizes and widths of characters.
#include "conf/characters.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

namespace sluice::conf {

namespace {

struct Block {
  uint32_t first;
  uint32_t last;
};
// Unicode's blocks of combining marks and of East Asian wide characters and emoji (UAX 11), as far
// as they occur in names of files and in comments.
constexpr std::array kNarrow = {Block{0x300, 0x36F}, Block{0x200B, 0x200F}, Block{0xFE00, 0xFE0F}};
constexpr std::array kWide = {
    Block{0x1100, 0x115F},   Block{0x2E80, 0xA4CF},   Block{0xAC00, 0xD7A3},
    Block{0xF900, 0xFAFF},   Block{0xFE30, 0xFE6F},   Block{0xFF00, 0xFF60},
    Block{0x1F300, 0x1F64F}, Block{0x1F900, 0x1F9FF}, Block{0x20000, 0x3FFFD}};

bool is_in(std::span<const Block> blocks, uint32_t code) {
  return std::any_of(blocks.begin(), blocks.end(), [code](const Block& block) {
    return code >= block.first && code <= block.last;
  });
}

uint32_t code_point(std::string_view character) {
  constexpr std::array<uint32_t, 5> kMasks = {0, 0x7F, 0x1F, 0x0F, 0x07};
  uint32_t code = static_cast<unsigned char>(character[0]) & kMasks[character.size()];
  for (const char c : character.substr(1)) code = (code << 6) | (static_cast<uint8_t>(c) & 0x3F);
  return code;
}

}  // namespace

size_t character_size(std::string_view text) noexcept {
  const auto first = static_cast<unsigned char>(text.front());
  const size_t size = first < 0xC0 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF8 ? 4 : 1;
  if (size > text.size()) return 1;
  for (size_t i = 1; i < size; ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) return 1;
  }
  return size;
}

size_t character_columns(std::string_view character) noexcept {
  const uint32_t code = code_point(character);
  if (is_in(kNarrow, code)) return 0;
  return is_in(kWide, code) ? 2 : 1;
}

size_t count_characters(std::string_view text) noexcept {
  size_t count = 0;
  for (; !text.empty(); ++count) text.remove_prefix(character_size(text));
  return count;
}

size_t offset_of_character(std::string_view text, size_t characters) noexcept {
  size_t offset = 0;
  for (; characters > 0 && offset < text.size(); --characters) {
    offset += character_size(text.substr(offset));
  }
  return offset;
}

}  // namespace sluice::conf
