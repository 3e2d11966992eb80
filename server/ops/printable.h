// A peer's text on a person's terminal: letters of every script, but nothing that moves the cursor,
// colours, or ends the line.
#pragma once

#include <string>
#include <string_view>

namespace sluice::ops {

// Controls (those of Unicode too), backslashes and octets that are no UTF-8 as \xHH.
[[nodiscard]] std::string printable(std::string_view text);

// Columns that printable text takes: one for each character.
[[nodiscard]] size_t columns_of(std::string_view text) noexcept;

}  // namespace sluice::ops
