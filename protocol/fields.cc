// Names to identifiers: a switch on the length leaves at most three candidates, each compared eight
// octets at a time. This runs once per field line received, and was measured: without being told
// the compiler keeps one loop for all lengths, which costs twice as much.
#include "protocol/fields.h"

#include <cstring>

namespace sluice {

namespace {

// Upper-case ASCII letters of eight octets made lower case, all other octets as they are.
constexpr uint64_t lower_word(uint64_t word) noexcept {
  constexpr uint64_t kOnes = 0x0101010101010101U;
  constexpr uint64_t kHighs = kOnes * 0x80U;
  const uint64_t low_bits = word & ~kHighs;
  const uint64_t from_a = low_bits + kOnes * (0x80U - 'A');
  const uint64_t past_z = low_bits + kOnes * (0x7FU - 'Z');
  const uint64_t upper = (from_a ^ past_z) & ~word & kHighs;
  return word | (upper >> 2);
}

template <typename Word>
[[gnu::always_inline]] inline uint64_t load(const char* at) noexcept {
  Word word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

template <typename Word>
[[gnu::always_inline]] inline bool same_word(const char* left, const char* right) noexcept {
  return lower_word(load<Word>(left)) == lower_word(load<Word>(right));
}

// Compares by words of one size, the last of which may overlap the one before. Requires: size >=
// sizeof(Word).
template <typename Word>
[[gnu::always_inline]] inline bool same_words(const char* left, const char* right,
                                              size_t size) noexcept {
  size_t at = 0;
  for (; at + sizeof(Word) <= size; at += sizeof(Word)) {
    if (!same_word<Word>(left + at, right + at)) return false;
  }
  return at == size || same_word<Word>(left + size - sizeof(Word), right + size - sizeof(Word));
}

// With a size known to the compiler, and a literal: loads and compares with constants.
template <size_t kSize>
[[gnu::always_inline]] inline bool is_name(std::string_view name,
                                           const char (&lower_case)[kSize]) noexcept {
  constexpr size_t kLength = kSize - 1;
  if constexpr (kLength >= 8) {
    return same_words<uint64_t>(name.data(), lower_case, kLength);
  } else if constexpr (kLength >= 4) {
    return same_words<uint32_t>(name.data(), lower_case, kLength);
  } else {
    return same_words<uint16_t>(name.data(), lower_case, kLength);
  }
}

FieldId short_field_id(std::string_view name) noexcept {
  switch (name.size()) {
    case 2:
      return is_name(name, "te") ? FieldId::te : FieldId::other;
    case 4:
      if (is_name(name, "host")) return FieldId::host;
      return is_name(name, "date") ? FieldId::date : FieldId::other;
    case 5:
      if (is_name(name, "range")) return FieldId::range;
      return is_name(name, "allow") ? FieldId::allow : FieldId::other;
    case 6:
      if (is_name(name, "accept")) return FieldId::accept;
      if (is_name(name, "cookie")) return FieldId::cookie;
      return is_name(name, "expect") ? FieldId::expect : FieldId::other;
    case 7:
      if (is_name(name, "referer")) return FieldId::referer;
      if (is_name(name, "upgrade")) return FieldId::upgrade;
      return is_name(name, "trailer") ? FieldId::trailer : FieldId::other;
    case 8:
      if (is_name(name, "if-match")) return FieldId::if_match;
      if (is_name(name, "if-range")) return FieldId::if_range;
      if (is_name(name, "priority")) return FieldId::priority;
      return is_name(name, "location") ? FieldId::location : FieldId::other;
    default:
      return FieldId::other;
  }
}

}  // namespace

FieldId field_id(std::string_view name) noexcept {
  switch (name.size()) {
    case 10:
      if (is_name(name, "connection")) return FieldId::connection;
      if (is_name(name, "user-agent")) return FieldId::user_agent;
      return is_name(name, "keep-alive") ? FieldId::keep_alive : FieldId::other;
    case 12:
      return is_name(name, "content-type") ? FieldId::content_type : FieldId::other;
    case 13:
      if (is_name(name, "if-none-match")) return FieldId::if_none_match;
      if (is_name(name, "cache-control")) return FieldId::cache_control;
      if (is_name(name, "authorization")) return FieldId::authorization;
      return is_name(name, "last-modified") ? FieldId::last_modified : FieldId::other;
    case 14:
      return is_name(name, "content-length") ? FieldId::content_length : FieldId::other;
    case 15:
      return is_name(name, "accept-encoding") ? FieldId::accept_encoding : FieldId::other;
    case 17:
      if (is_name(name, "transfer-encoding")) return FieldId::transfer_encoding;
      return is_name(name, "if-modified-since") ? FieldId::if_modified_since : FieldId::other;
    case 19:
      return is_name(name, "if-unmodified-since") ? FieldId::if_unmodified_since : FieldId::other;
    default:
      return short_field_id(name);
  }
}

bool same_ignoring_case(const char* left, const char* right, size_t size) noexcept {
  if (size >= 8) return same_words<uint64_t>(left, right, size);
  if (size >= 4) return same_words<uint32_t>(left, right, size);
  if (size >= 2) return same_words<uint16_t>(left, right, size);
  return size == 0 || same_word<uint8_t>(left, right);
}

bool is_forbidden_in_trailers(FieldId id) noexcept {
  return id == FieldId::content_length || id == FieldId::transfer_encoding || id == FieldId::host;
}

const Field* FieldList::find(FieldId id) const noexcept {
  for (const Field& field : fields_) {
    if (field.id == id) return &field;
  }
  return nullptr;
}

const Field* FieldList::find(std::string_view name) const noexcept {
  for (const Field& field : fields_) {
    if (equals_ignoring_case(field.name, name)) return &field;
  }
  return nullptr;
}

std::string_view FieldList::value(FieldId id) const noexcept {
  const Field* field = find(id);
  return field != nullptr ? field->value : std::string_view();
}

size_t FieldList::count(FieldId id) const noexcept {
  size_t found = 0;
  for (const Field& field : fields_) found += field.id == id ? 1 : 0;
  return found;
}

bool next_list_element(std::string_view& rest, std::string_view& element) noexcept {
  const auto is_blank = [](char octet) { return octet == ' ' || octet == '\t'; };
  while (!rest.empty()) {
    const size_t comma = rest.find(',');
    element = rest.substr(0, comma);
    rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
    while (!element.empty() && is_blank(element.front())) element.remove_prefix(1);
    while (!element.empty() && is_blank(element.back())) element.remove_suffix(1);
    if (!element.empty()) return true;
  }
  return false;
}

}  // namespace sluice
