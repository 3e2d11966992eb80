// Quantities with their units, as people write them: "8KiB", "10s".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "conf/limits.h"

namespace sluice::conf {

// Octets, or milliseconds of a time; nothing for another text, or for more than 64 bits hold.
std::optional<uint64_t> parse_quantity(Unit unit, std::string_view text);

// The form that parse_quantity reads, with the largest unit that divides the value.
std::string quantity_text(Unit unit, uint64_t value);

// "a time such as 500ms, 10s, 2m or 1h".
std::string expected_quantity(Unit unit);

}  // namespace sluice::conf
