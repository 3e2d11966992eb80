// Characters of UTF-8, as far as columns need them.
#pragma once

#include <cstddef>
#include <string_view>

namespace sluice::conf {

// How many octets the character at the text's beginning has; 1 for what is no UTF-8. Requires: not
// empty.
size_t character_size(std::string_view text) noexcept;

// How many columns of a terminal it takes: 0 for marks that combine, 2 for wide characters.
size_t character_columns(std::string_view character) noexcept;

size_t count_characters(std::string_view text) noexcept;

// The octet at which character number `characters` (from 0) begins; the text's size behind the
// last.
size_t offset_of_character(std::string_view text, size_t characters) noexcept;

}  // namespace sluice::conf
