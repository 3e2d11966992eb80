// Targets are read by one table of octet classes; normalising works segment by segment (RFC 3986
// section 5.2.4).
//
// Invariants:
//   1. What parse_target accepts has only whole percent-encodings, so that later passes need not
//   check them.
//   2. A normalised path starts with '/', has no dot segment, and normalising it again changes
//   nothing.
#include "protocol/target.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "protocol/fields.h"

namespace sluice {

namespace {

enum Class : uint8_t {
  unreserved = 1,
  path_octet = 2,   // pchar and '/', without '%'
  query_octet = 4,  // and '?', without '%'
  host_octet = 8,   // reg-name, without '%'
};

constexpr std::array<uint8_t, 256> make_classes() {
  std::array<uint8_t, 256> classes{};
  const auto mark = [&classes](std::string_view octets, int flags) {
    for (const char octet : octets) {
      auto& entry = classes[static_cast<uint8_t>(octet)];
      entry = static_cast<uint8_t>(entry | flags);
    }
  };
  mark("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~",
       unreserved | path_octet | query_octet | host_octet);
  mark("!$&'()*+,;=", path_octet | query_octet | host_octet);
  mark(":@/", path_octet | query_octet);
  mark("?", query_octet);
  mark("[]|^", path_octet | query_octet);  // the licence of target.h, as the next line
  mark("{}\\`", query_octet);
  return classes;
}

constexpr std::array<uint8_t, 256> kClasses = make_classes();

bool is(Class wanted, char octet) noexcept {
  return (kClasses[static_cast<uint8_t>(octet)] & wanted) != 0;
}

int hex_digit(char octet) noexcept {
  if (octet >= '0' && octet <= '9') return octet - '0';
  const int letter = octet | 0x20;
  return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

// The octet that "%XY" at `at` stands for, or -1. Requires: three octets are there.
int decoded_octet(const char* at) noexcept {
  const int high = hex_digit(at[1]);
  const int low = hex_digit(at[2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

// Octets of one class and whole percent-encodings only; returns where the first other octet is.
const char* skip_encoded(Class wanted, const char* at, const char* end) noexcept {
  while (at != end) {
    if (is(wanted, *at)) {
      ++at;
    } else if (*at == '%' && end - at >= 3 && decoded_octet(at) >= 0) {
      at += 3;
    } else {
      break;
    }
  }
  return at;
}

// Splits "path[?query]".
bool parse_path_and_query(std::string_view text, Target& out) noexcept {
  const char* const end = text.data() + text.size();
  const char* at = skip_encoded(path_octet, text.data(), end);
  out.path = text.substr(0, static_cast<size_t>(at - text.data()));
  if (at == end) return true;
  if (*at != '?') return false;
  out.has_query = true;
  out.query = text.substr(out.path.size() + 1);
  return skip_encoded(query_octet, at + 1, end) == end;
}

// Length of "http://" or "https://" that the text starts with, else 0 (RFC 3986 section 3.1:
// without case).
size_t scheme_prefix(std::string_view text) noexcept {
  for (const std::string_view prefix : {"http://", "https://"}) {
    if (equals_ignoring_case(text.substr(0, prefix.size()), prefix)) return prefix.size();
  }
  return 0;
}

bool parse_absolute(std::string_view text, size_t prefix, Target& out) noexcept {
  out.form = TargetForm::absolute;
  out.scheme = text.substr(0, prefix - 3);
  text.remove_prefix(prefix);
  out.authority = text.substr(0, text.find_first_of("/?"));
  text.remove_prefix(out.authority.size());
  if (!valid_authority(out.authority) || !parse_path_and_query(text, out)) return false;
  if (out.path.empty()) out.path = "/";
  return true;
}

// "[" IPv6 "]" at the start of an authority: its length with brackets, or 0 when it is none.
size_t ip_literal_size(std::string_view text) noexcept {
  const size_t close = text.find(']');
  std::array<char, INET6_ADDRSTRLEN + 1> address{};
  if (close == std::string_view::npos || close - 1 >= address.size()) return 0;
  text.copy(address.data(), close - 1, 1);
  in6_addr parsed;
  const bool has_nul = std::memchr(text.data(), '\0', close) != nullptr;
  return !has_nul && inet_pton(AF_INET6, address.data(), &parsed) == 1 ? close + 1 : 0;
}

size_t host_size(std::string_view text) noexcept {
  if (!text.empty() && text.front() == '[') return ip_literal_size(text);
  return static_cast<size_t>(skip_encoded(host_octet, text.data(), text.data() + text.size()) -
                             text.data());
}

bool valid_port(std::string_view digits) noexcept {
  if (digits.size() > 5) return false;
  unsigned port = 0;
  for (const char digit : digits) {
    if (digit < '0' || digit > '9') return false;
    port = port * 10 + static_cast<unsigned>(digit - '0');
  }
  return port <= 65535;
}

// Decodes unreserved octets and puts hexadecimal digits in upper case; returns the length.
size_t canonical_encoding(std::string_view path, char* out) noexcept {
  constexpr char kDigits[] = "0123456789ABCDEF";
  size_t length = 0;
  for (size_t at = 0; at < path.size(); ++at) {
    if (path[at] != '%') {
      out[length++] = path[at];
      continue;
    }
    const int octet = decoded_octet(path.data() + at);
    if (is(unreserved, static_cast<char>(octet))) {
      out[length++] = static_cast<char>(octet);
    } else {
      out[length++] = '%';
      out[length++] = kDigits[octet >> 4];
      out[length++] = kDigits[octet & 15];
    }
    at += 2;
  }
  return length;
}

// Removes dot segments in place (RFC 3986 section 5.2.4) from a path without encoded dots; returns
// the length.
size_t remove_dot_segments(char* path, size_t size) noexcept {
  size_t length = 0;
  for (size_t at = 0; at < size;) {
    const char* const slash =
        static_cast<const char*>(std::memchr(path + at + 1, '/', size - at - 1));
    const size_t next = slash != nullptr ? static_cast<size_t>(slash - path) : size;
    const std::string_view segment(path + at, next - at);  // with its leading slash
    const bool is_last = next == size;
    if (segment == "/..") {
      while (length > 0 && path[--length] != '/') {
      }
    }
    if (segment == "/." || segment == "/..") {
      if (is_last) path[length++] = '/';
    } else {
      std::memmove(path + length, segment.data(), segment.size());
      length += segment.size();
    }
    at = next;
  }
  return length;
}

// Length of the well-formed UTF-8 sequence at `at` (RFC 3629 section 4), 0 when there is none.
size_t utf8_sequence(const unsigned char* at, size_t left) noexcept {
  const unsigned first = at[0];
  if (first < 0x80) return 1;
  const size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || left < size) return 0;
  // The second octet's range excludes overlong forms, surrogates and what lies beyond U+10FFFF.
  const unsigned low = first == 0xE0 ? 0xA0U : first == 0xF0 ? 0x90U : 0x80U;
  const unsigned high = first == 0xED ? 0x9FU : first == 0xF4 ? 0x8FU : 0xBFU;
  if (at[1] < low || at[1] > high) return 0;
  for (size_t next = 2; next < size; ++next) {
    if ((at[next] & 0xC0U) != 0x80U) return 0;
  }
  return size;
}

bool is_utf8(const char* text, size_t size) noexcept {
  const auto* at = reinterpret_cast<const unsigned char*>(text);
  for (size_t step; size > 0; at += step, size -= step) {
    step = utf8_sequence(at, size);
    if (step == 0) return false;
  }
  return true;
}

// Whether the octets at the start of `text` are one dot, plain or encoded; its length, else 0.
size_t dot_size(std::string_view text) noexcept {
  if (!text.empty() && text.front() == '.') return 1;
  return text.size() >= 3 && text[0] == '%' && text[1] == '2' && (text[2] | 0x20) == 'e' ? 3 : 0;
}

bool starts_dot_segment(std::string_view text) noexcept {
  size_t size = dot_size(text);
  if (size == 0) return false;
  size += dot_size(text.substr(size));
  return size == text.size() || text[size] == '/';
}

}  // namespace

bool parse_target(std::string_view text, Target& out) noexcept {
  out = Target();
  if (text.empty()) return false;
  if (text.front() == '/') return parse_path_and_query(text, out);
  if (text == "*") {
    out.form = TargetForm::asterisk;
    return true;
  }
  if (const size_t prefix = scheme_prefix(text); prefix != 0)
    return parse_absolute(text, prefix, out);
  out.form = TargetForm::authority;
  out.authority = text;
  return valid_authority(text);
}

bool valid_authority(std::string_view text) noexcept {
  const size_t host = host_size(text);
  if (host == 0) return false;
  if (host == text.size()) return true;
  return text[host] == ':' && valid_port(text.substr(host + 1));
}

unsigned authority_port(std::string_view text, unsigned absent) noexcept {
  const std::string_view digits = text.substr(std::min(host_size(text) + 1, text.size()));
  if (digits.empty()) return absent;
  unsigned port = 0;
  for (const char digit : digits) port = port * 10 + static_cast<unsigned>(digit - '0');
  return port;
}

bool same_authority(std::string_view left, std::string_view right, unsigned default_port) noexcept {
  return equals_ignoring_case(left.substr(0, host_size(left)), right.substr(0, host_size(right))) &&
         authority_port(left, default_port) == authority_port(right, default_port);
}

bool has_dot_segments(std::string_view path) noexcept {
  for (size_t slash = path.find('/'); slash != std::string_view::npos;
       slash = path.find('/', slash + 1)) {
    if (starts_dot_segment(path.substr(slash + 1))) return true;
  }
  return false;
}

bool is_normalized(std::string_view path) noexcept {
  for (size_t at = path.find('%'); at != std::string_view::npos; at = path.find('%', at + 1)) {
    const bool lower_case = path[at + 1] >= 'a' || path[at + 2] >= 'a';
    if (lower_case || is(unreserved, static_cast<char>(decoded_octet(path.data() + at))))
      return false;
  }
  return !has_dot_segments(path);
}

size_t normalize_path(std::string_view path, std::span<char> out) noexcept {
  return remove_dot_segments(out.data(), canonical_encoding(path, out.data()));
}

bool decode_path(std::string_view path, std::span<char> out, size_t& length) noexcept {
  length = 0;
  for (size_t at = 0; at < path.size(); ++at) {
    int octet = static_cast<unsigned char>(path[at]);
    if (octet == '%') {
      if (path.size() - at < 3) return false;
      octet = decoded_octet(path.data() + at);
      if (octet <= 0 || octet == '/' || octet == '\\') return false;
      at += 2;
    } else if (octet == '\0' || octet == '\\') {
      return false;
    }
    out[length++] = static_cast<char>(octet);
  }
  return is_utf8(out.data(), length);
}

}  // namespace sluice
