// What tells one state of a representation from another (RFC 9110 section 8.8).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::cache {

struct Validators {
  // A well-formed one (section 8.8.3): with quotes, W/ before them if weak; or empty. Kept alive by
  // whoever made this.
  std::string_view entity_tag = {};
  std::optional<int64_t> last_modified = {};  // seconds since 1970; not in the future
};

}  // namespace sluice::cache
