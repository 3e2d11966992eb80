// The request target (RFC 9112 section 3.2) and the path that rules are applied to (RFC 3986
// section 6.2.2).
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
  std::string_view path;       // origin and absolute form
  std::string_view query;      // without '?'
  bool has_query = false;
};

// Splits and checks a target. False for what is no target of RFC 9112: a fragment, userinfo, an
// empty or wild authority, a scheme other than http and https, octets that RFC 3986 does not allow,
// a broken percent-encoding. One licence, because browsers send these octets as they are (URL
// Standard, "path percent-encode set"): `[`,
// `]`, `|` and `^` in a path, and also `{`, `}`, `\` and "`" in a query.
bool parse_target(std::string_view text, Target& out) noexcept;

// host[:port] of RFC 3986 section 3.2 without userinfo: a name, an IPv4 address, or "[" IPv6 "]"; a
// port up to 65535, which may be empty.
bool valid_authority(std::string_view text) noexcept;

// Whether two valid authorities are one: hosts compare without case, an absent or empty port is
// `default_port`.
bool same_authority(std::string_view left, std::string_view right, unsigned default_port) noexcept;

// The port of a valid authority, or `absent` when it has none or an empty one.
unsigned authority_port(std::string_view text, unsigned absent) noexcept;

// True when normalize_path would return the path unchanged (the common case, which then costs no
// copy).
bool is_normalized(std::string_view path) noexcept;

// True when a segment of the path is "." or "..", also percent-encoded.
bool has_dot_segments(std::string_view path) noexcept;

// Writes the normalised path into `out` (at least path.size() + 1 octets) and returns its length:
// unreserved octets decoded, hexadecimal digits upper case, dot segments removed (RFC 3986
// section 5.2.4); %2F and %5C stay encoded. Requires: parse_target accepted it, it starts with '/'.
size_t normalize_path(std::string_view path, std::span<char> out) noexcept;

// Decodes every percent-encoding once, for a file name. Writes the length into `length` and the
// octets into `out` (at least path.size() octets); false when an octet decodes to NUL, '/' or '\',
// or the result is not well-formed UTF-8 (overlong forms and surrogates included, RFC 3629).
bool decode_path(std::string_view path, std::span<char> out, size_t& length) noexcept;

}  // namespace sluice
