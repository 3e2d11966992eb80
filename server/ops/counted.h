// Numbers of things, as people write them.
#pragma once

#include <cstdint>
#include <string>

namespace sluice::ops {

// "1 site", "2 sites", "no sites". `word` takes an s in the plural.
inline std::string counted(uint64_t count, const std::string& word) {
  const std::string number = count == 0 ? "no" : std::to_string(count);
  return number + " " + word + (count == 1 ? "" : "s");
}

}  // namespace sluice::ops
