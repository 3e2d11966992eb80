// The request target (RFC 9112 section 3.2) and the path that rules are applied to (RFC 3986 section 6.2.2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace sluice {

enum class TargetForm : uint8_t { origin, absolute, authority, asterisk };

// Parts of a target; views into it. `path` is as received, "/" for an absolute form without one.
struct Target {
  TargetForm form = TargetForm::origin;
  std::string_view scheme;     // absolute form only
  std::string_view authority;  // absolute and authority form
  std::string_view path;
  std::string_view query;      // without '?'
  bool has_query = false;
};

// Splits and checks a target. False for what is no target of RFC 9112: a fragment, userinfo, an empty or wild
// authority, octets that RFC 3986 does not allow, a broken percent-encoding.
bool parse_target(std::string_view text, Target& out) noexcept;

// host[:port] of RFC 3986 section 3.2 without userinfo: a name, an IPv4 address, or "[" IPv6 "]"; a port up to 65535.
bool valid_authority(std::string_view text) noexcept;

// True when normalize_path would return the path unchanged (the common case, which then costs no copy).
bool is_normalized(std::string_view path) noexcept;

// Writes the normalised path into `out` (at least path.size() + 1 octets) and returns its length: unreserved octets decoded, hexadecimal digits upper
// case, dot segments removed (RFC 3986 section 5.2.4); %2F and %5C stay encoded.
// Requires: parse_target accepted it, it starts with '/'.
size_t normalize_path(std::string_view path, std::span<char> out) noexcept;

// Decodes every percent-encoding once, for a file name. Returns the length written into `out` (at least
// path.size() octets), or returns false when an octet decodes to NUL, '/' or '\', or the result is not
// well-formed UTF-8 (overlong forms and surrogates included, RFC 3629).
bool decode_path(std::string_view path, std::span<char> out, size_t& length) noexcept;

}  // namespace sluice
