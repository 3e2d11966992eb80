// What a client says of a response's priority: the value of the priority field and of
// PRIORITY_UPDATE (RFC 9218 section 4), a dictionary of RFC 8941.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::h2 {

// RFC 9218 sections 4.1 and 4.2, with their defaults.
struct Priority {
  uint8_t urgency = 3;       // 0, the first to be served, to 7
  bool incremental = false;  // useful in parts, beside others

  bool operator==(const Priority&) const = default;
};

// Nothing when `value` is no dictionary. What is unknown, out of range or of another type is passed
// over.
std::optional<Priority> parse_priority(std::string_view value) noexcept;

}  // namespace sluice::h2
