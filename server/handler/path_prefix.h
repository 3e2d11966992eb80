// Whether a path lies below a prefix that a route takes off: the same for files and for a proxy.
#pragma once

#include <string_view>

namespace sluice::handler {

// "/docs" holds "/docs" and "/docs/a", not "/docsomething". Requires: `prefix` has no slash at its
// end; the empty one holds every path.
inline bool is_below(std::string_view path, std::string_view prefix) noexcept {
  if (!path.starts_with(prefix)) return false;
  return path.size() == prefix.size() || path[prefix.size()] == '/';
}

}  // namespace sluice::handler
