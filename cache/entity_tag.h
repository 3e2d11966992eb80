// Entity tags (RFC 9110 section 8.8.3) and the lists of them in If-Match and If-None-Match.
//
// What comes from a client is hostile. A list with a flaw is worth its tags before the flaw and
// nothing behind it: nobody gets a 304 for a tag that was not there whole.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::cache {

struct EntityTag {
  std::string_view opaque;  // with its quotes; part of the text it was read from
  bool weak = false;
};

// Nothing unless all of `text` is one tag.
std::optional<EntityTag> parse_entity_tag(std::string_view text) noexcept;

// RFC 9110 section 8.8.3.2. Strong: the same octets. Weak: as good as the same.
inline bool matches_strongly(const EntityTag& left, const EntityTag& right) noexcept {
  return !left.weak && !right.weak && left.opaque == right.opaque;
}
inline bool matches_weakly(const EntityTag& left, const EntityTag& right) noexcept {
  return left.opaque == right.opaque;
}

enum class TagElement : uint8_t {
  tag,
  any,  // "*", which is valid only alone: the caller sees to that
  end,
  flaw,  // no list of entity tags
};

// Takes the next element off a list's front, with the comma behind it. Empty elements are skipped
// (section 5.6.1.2). Requires: not called again after end or flaw.
TagElement next_entity_tag(std::string_view& rest, EntityTag& tag) noexcept;

}  // namespace sluice::cache
