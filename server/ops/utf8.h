// Tells well-formed UTF-8 from other octets (RFC 3629 section 4: shortest forms only, no
// surrogates, to U+10FFFF).
#pragma once

#include <cstddef>
#include <string_view>

namespace sluice::ops {

// Octets (1 to 4) of the well-formed character that `text` begins with; 0 when there is none.
size_t utf8_size(std::string_view text) noexcept;

}  // namespace sluice::ops
