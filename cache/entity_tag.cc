// Reading entity tags: an opaque tag may hold commas, so that a list cannot be split at them first.
#include "cache/entity_tag.h"

#include <algorithm>

namespace sluice::cache {

namespace {

bool is_blank(char octet) noexcept { return octet == ' ' || octet == '\t'; }

// etagc: %x21 / %x23-7E / obs-text. The quote, which is none, ended the search for it.
bool is_tag_octet(char octet) noexcept {
  const auto value = static_cast<unsigned char>(octet);
  return value > 0x20 && value != 0x7F;
}

// Takes a tag off the front. Leaves `rest` as it was when there is none.
std::optional<EntityTag> take_tag(std::string_view& rest) noexcept {
  const bool weak = rest.starts_with("W/");
  const std::string_view text = rest.substr(weak ? 2 : 0);
  if (!text.starts_with('"')) return {};
  const size_t end = text.find('"', 1);
  if (end == std::string_view::npos) return {};
  const std::string_view octets = text.substr(1, end - 1);
  if (!std::all_of(octets.begin(), octets.end(), is_tag_octet)) return {};
  rest = text.substr(end + 1);
  return EntityTag{.opaque = text.substr(0, end + 1), .weak = weak};
}

// Blanks, then a comma or the end: what must follow an element.
bool take_separator(std::string_view& rest) noexcept {
  while (!rest.empty() && is_blank(rest.front())) rest.remove_prefix(1);
  if (rest.empty()) return true;
  if (rest.front() != ',') return false;
  rest.remove_prefix(1);
  return true;
}

}  // namespace

std::optional<EntityTag> parse_entity_tag(std::string_view text) noexcept {
  const std::optional<EntityTag> tag = take_tag(text);
  return text.empty() ? tag : std::nullopt;
}

TagElement next_entity_tag(std::string_view& rest, EntityTag& tag) noexcept {
  while (!rest.empty() && (is_blank(rest.front()) || rest.front() == ',')) rest.remove_prefix(1);
  if (rest.empty()) return TagElement::end;
  if (rest.front() == '*') {
    rest.remove_prefix(1);
    return take_separator(rest) ? TagElement::any : TagElement::flaw;
  }
  const std::optional<EntityTag> taken = take_tag(rest);
  if (!taken || !take_separator(rest)) return TagElement::flaw;
  tag = *taken;
  return TagElement::tag;
}

}  // namespace sluice::cache
