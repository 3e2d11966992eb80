// How short of memory the process is, as whoever measures it says and workers act on.
#pragma once

#include <cstdint>

namespace sluice::net {

enum class MemoryPressure : uint8_t {
  none,
  high,      // newcomers are turned away, idle connections close
  critical,  // and the connection that holds most is closed, one for each time this is said
};

}  // namespace sluice::net
