// How long caches may use a response without asking (RFC 9111 sections 4.2.1, 5.2.2 and 5.3).
//
// Invariants:
//   1. Cache-Control and Expires never contradict each other: Expires is Date plus max-age, or the
//   epoch where a response must not be used unasked. Cache-Control, the relative time, comes first.
//   2. An Expires that lies ahead is never sent with `private`: a cache of HTTP/1.0 knows no
//   Cache-Control and would share the response.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace sluice::cache {

struct Freshness {
  enum class Storing : uint8_t {
    nothing,   // neither field (but `private`, when that is asked for)
    no_store,  // not kept at all
    no_cache,  // kept, but asked about every time
    max_age,
  };
  Storing storing = Storing::nothing;
  uint64_t max_age = 0;           // seconds; more than kLongestLifetime counts as that
  bool immutable = false;         // RFC 8246; only with max_age
  bool private_response = false;  // for the client's own cache only
};

// 2^31 - 1 seconds: what every cache can count to (RFC 9111 section 1.2.2).
inline constexpr uint64_t kLongestLifetime = 2'147'483'647;

inline constexpr size_t kCacheControlSize = 48;
// Cache-Control's value, written into `room`; empty when the field is left out.
std::string_view write_cache_control(const Freshness& freshness,
                                     std::span<char, kCacheControlSize> room) noexcept;

// The Expires of what must not be used unasked: a date that is past for every clock.
inline constexpr std::string_view kExpired = "Thu, 01 Jan 1970 00:00:00 GMT";
// The same for every response; empty when there is none, or when it depends on the time.
std::string_view fixed_expires(const Freshness& freshness) noexcept;
// Seconds from a response's Date to its Expires; nothing when Expires does not depend on the time.
std::optional<int64_t> expires_after(const Freshness& freshness) noexcept;

// What holds where no rule says otherwise: no-cache for HTML, one year and `immutable` for names
// that carry a content hash, neither field for the rest.
Freshness built_in_freshness(std::string_view path, std::string_view media_type) noexcept;

// Whether the last segment of `path` carries a hash of the file's content, as bundlers write them:
// "main.073c9b0a.chunk.css", "index-BdKJ3oE_.js". Says no in doubt: a wrong no costs a request that
// is answered 304, a wrong yes a year of an outdated file. So it says no to whole names ("the
// picture of user 205e460b..."), UUIDs and other identifiers, dates, versions, and words.
bool names_content(std::string_view path) noexcept;

}  // namespace sluice::cache
