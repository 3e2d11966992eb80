// The octet classes of RFC 9110 section 5.6 and RFC 5234, as one table, and the loops over them
// that a head is read with.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace sluice {

namespace grammar {

enum Class : uint8_t {
  token = 1,  // tchar
  field = 2,  // field-vchar, SP and HTAB: what a field value may hold
  digit = 4,
  hex = 8,
};

constexpr bool is_alpha(int octet) {
  return (octet >= 'a' && octet <= 'z') || (octet >= 'A' && octet <= 'Z');
}

constexpr std::array<uint8_t, 256> make_classes() {
  std::array<uint8_t, 256> classes{};
  for (int octet = 0; octet < 256; ++octet) {
    const bool is_digit = octet >= '0' && octet <= '9';
    const bool is_hex =
        is_digit || (octet >= 'a' && octet <= 'f') || (octet >= 'A' && octet <= 'F');
    const bool is_mark = octet > ' ' && octet < 127 &&
                         std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(octet)) !=
                             std::string_view::npos;
    const bool is_field = octet == '\t' || (octet >= ' ' && octet != 127);
    classes[static_cast<size_t>(octet)] =
        static_cast<uint8_t>((is_digit || is_alpha(octet) || is_mark ? token : 0) |
                             (is_field ? field : 0) | (is_digit ? digit : 0) | (is_hex ? hex : 0));
  }
  return classes;
}

inline constexpr std::array<uint8_t, 256> kClasses = make_classes();

inline bool is(Class wanted, char octet) noexcept {
  return (kClasses[static_cast<uint8_t>(octet)] & wanted) != 0;
}

}  // namespace grammar

inline bool is_token_octet(char octet) noexcept { return grammar::is(grammar::token, octet); }
inline bool is_field_octet(char octet) noexcept { return grammar::is(grammar::field, octet); }
inline bool is_digit(char octet) noexcept { return grammar::is(grammar::digit, octet); }
inline bool is_hex_digit(char octet) noexcept { return grammar::is(grammar::hex, octet); }

// Requires: is_hex_digit(octet).
inline unsigned hex_value(char octet) noexcept {
  const auto value = static_cast<unsigned>(static_cast<uint8_t>(octet));
  return value <= '9' ? value - '0' : (value | 0x20U) - 'a' + 10U;
}

namespace grammar {

inline constexpr uint64_t kOnes = 0x0101010101010101U;
inline constexpr uint64_t kHighs = 0x8080808080808080U;

// The high bit of each octet that is a letter or a hyphen.
constexpr uint64_t letters_and_hyphens(uint64_t word) noexcept {
  const uint64_t lower = (word | kOnes * 0x20U) & ~kHighs;
  const uint64_t from_a = lower + kOnes * (0x80U - 'a');
  const uint64_t past_z = lower + kOnes * (0x7FU - 'z');
  const uint64_t without_hyphen = word ^ (kOnes * '-');
  const uint64_t others = ((without_hyphen & ~kHighs) + kOnes * 0x7FU) | without_hyphen;
  return ((from_a & ~past_z & ~word) | ~others) & kHighs;
}

}  // namespace grammar

// The first octet in [at, end) that is no tchar, else `end`. Eight octets at a time where they are
// what field names are made of.
inline const char* skip_token(const char* at, const char* end) noexcept {
  if constexpr (std::endian::native == std::endian::little) {
    for (; end - at >= 8; at += 8) {
      uint64_t word;
      std::memcpy(&word, at, sizeof word);
      const uint64_t others = ~grammar::letters_and_hyphens(word) & grammar::kHighs;
      if (others == 0) continue;
      at += std::countr_zero(others) / 8;
      break;
    }
  }
  while (at != end && is_token_octet(*at)) ++at;
  return at;
}

// The first control octet (below SP, or DEL) in [at, end), else `end`. Eight octets at a time:
// values make up most of a head. In each mask false hits lie only above a true one, so that the
// lowest bit is always right.
inline const char* skip_printable(const char* at, const char* end) noexcept {
  using grammar::kHighs;
  using grammar::kOnes;
  if constexpr (std::endian::native == std::endian::little) {
    for (; end - at >= 8; at += 8) {
      uint64_t word;
      std::memcpy(&word, at, sizeof word);
      const uint64_t below_space = (word - kOnes * 0x20U) & ~word;
      const uint64_t without_del = word ^ (kOnes * 0x7FU);
      const uint64_t hits = (below_space | ((without_del - kOnes) & ~without_del)) & kHighs;
      if (hits != 0) return at + std::countr_zero(hits) / 8;
    }
  }
  while (at != end && static_cast<uint8_t>(*at) >= ' ' && *at != 0x7F) ++at;
  return at;
}

// The first octet in [at, end) that no field value may hold, else `end`.
inline const char* skip_field_octets(const char* at, const char* end) noexcept {
  at = skip_printable(at, end);
  while (at != end && *at == '\t') at = skip_printable(at + 1, end);
  return at;
}

inline bool is_token(std::string_view text) noexcept {
  const char* const end = text.data() + text.size();
  return !text.empty() && skip_token(text.data(), end) == end;
}

inline bool is_field_value(std::string_view text) noexcept {
  const char* const end = text.data() + text.size();
  return skip_field_octets(text.data(), end) == end;
}

inline std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace sluice
