// What the codec's fuzz targets share: the same octets fed whole, octet by octet, and cut
// somewhere, must give the same events.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "unit/protocol/h1/recorder.h"

namespace sluice::fuzz {

// Stops the fuzzer with what was found wrong.
inline void require(bool condition, const char* rule, std::string_view shown = {}) {
  if (condition) return;
  std::fprintf(stderr, "broken: %s\n%.*s\n", rule, static_cast<int>(shown.size()), shown.data());
  std::abort();
}

// A number that depends on the input, so that seeds can be plain messages.
inline uint64_t hash_of(std::string_view octets) {
  uint64_t hash = 14695981039346656037U;  // FNV-1a
  for (const char octet : octets) hash = (hash ^ static_cast<uint8_t>(octet)) * 1099511628211U;
  return hash;
}

// Limits small enough for a fuzzer to meet them.
inline constexpr h1::Limits kSmallLimits{.start_line = 128,
                                         .field_line = 128,
                                         .head = 512,
                                         .fields = 12,
                                         .trailer_fields = 4,
                                         .trailers = 128,
                                         .chunk_line = 32,
                                         .chunk_extensions = 48,
                                         .content_length = 4096};

template <typename Reader>
std::string events_of(const std::vector<std::string_view>& pieces, const h1::Limits& limits,
                      Method asked) {
  Reader reader(limits);
  reader.asked = std::vector<Method>(64, asked);
  reader.ask();
  for (const std::string_view piece : pieces) reader.read(piece);
  reader.finish();
  return reader.events();
}

template <typename Reader>
void same_events_however_cut(std::string_view octets, Method asked) {
  const uint64_t hash = hash_of(octets);
  const h1::Limits& limits = (hash & 1) != 0 ? kSmallLimits : h1::kTestLimits;
  const std::string whole = events_of<Reader>({octets}, limits, asked);
  const size_t cut = octets.empty() ? 0 : (hash >> 8) % octets.size();
  const std::string halves =
      events_of<Reader>({octets.substr(0, cut), octets.substr(cut)}, limits, asked);
  require(halves == whole, "events depend on the cut", halves + "---\n" + whole);
  std::vector<std::string_view> single;
  for (size_t at = 0; at < octets.size() && octets.size() <= 300; ++at) {
    single.push_back(octets.substr(at, 1));
  }
  if (single.empty()) return;
  const std::string slowly = events_of<Reader>(single, limits, asked);
  require(slowly == whole, "events depend on the cuts", slowly + "---\n" + whole);
}

}  // namespace sluice::fuzz
