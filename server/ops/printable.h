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

// What a terminal is told to show text in colours (ECMA-48 section 8.3.117).
inline constexpr std::string_view kBold = "\x1b[1m";
inline constexpr std::string_view kRed = "\x1b[31m";
inline constexpr std::string_view kGreen = "\x1b[32m";
inline constexpr std::string_view kCyan = "\x1b[36m";
inline constexpr std::string_view kReset = "\x1b[0m";

}  // namespace sluice::ops
