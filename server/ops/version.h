// What this build calls itself.
#pragma once

#include <string_view>

namespace sluice::ops {

// "0.1.0", as CMakeLists.txt says it. Static.
std::string_view version() noexcept;

}  // namespace sluice::ops
