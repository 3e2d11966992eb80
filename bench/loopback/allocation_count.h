// Heap allocations of one thread, counted completely: this program's malloc, calloc, realloc,
// aligned_alloc and operator new stand before the C library's.
#pragma once

#include <cstdint>

namespace sluice::bench {

struct Allocations {
  uint64_t by_new = 0;
  uint64_t by_malloc = 0;  // malloc, calloc, realloc and the aligned ones, not through operator new
  uint64_t octets = 0;

  uint64_t all() const noexcept { return by_new + by_malloc; }
};

// From here on the calling thread's allocations are counted.
void count_allocations_of_this_thread() noexcept;

// What the counted threads allocated so far. Any thread.
Allocations allocations() noexcept;

inline Allocations operator-(const Allocations& after, const Allocations& before) noexcept {
  return {.by_new = after.by_new - before.by_new,
          .by_malloc = after.by_malloc - before.by_malloc,
          .octets = after.octets - before.octets};
}

}  // namespace sluice::bench
