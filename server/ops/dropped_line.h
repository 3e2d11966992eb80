// The line that says how many lines are missing before it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sluice::ops {

struct DroppedLines {
  uint64_t count;
  int64_t second;        // since 1970, when it was noticed
  unsigned millisecond;  // below 1000
};

// Octets that either form may need.
inline constexpr size_t kDroppedLineBound = 256;

// {"time":"...","dropped":12,"cause":"..."}, LF. Returns the end.
char* render_dropped_json(char* out, const DroppedLines& lines) noexcept;

// The same for a terminal.
char* render_dropped_text(char* out, const DroppedLines& lines) noexcept;

}  // namespace sluice::ops
