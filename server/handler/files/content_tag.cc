// xxHash, compiled into this file: nothing to ship beside the binary.
#include "server/handler/files/content_tag.h"

#include <cstddef>
#include <cstdint>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace sluice::handler {

namespace {

// In the canonical, big-endian form, so that machines of either order agree.
ContentTag written(const XXH128_hash_t& hash) noexcept {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, hash);
  ContentTag tag;
  size_t at = 0;
  tag.text[at++] = '"';
  for (const unsigned char octet : canonical.digest) {
    tag.text[at++] = kDigits[octet >> 4];
    tag.text[at++] = kDigits[octet & 15];
  }
  tag.text[at] = '"';
  return tag;
}

}  // namespace

struct ContentHasher::State {
  XXH3_state_t inner;
};

ContentTag tag_of(std::string_view octets) noexcept {
  return written(XXH3_128bits(octets.data(), octets.size()));
}

ContentHasher::ContentHasher() : state_(std::make_unique<State>()) {
  XXH3_128bits_reset(&state_->inner);
}

ContentHasher::~ContentHasher() = default;

void ContentHasher::add(std::span<const char> octets) noexcept {
  XXH3_128bits_update(&state_->inner, octets.data(), octets.size());
}

ContentTag ContentHasher::tag() const noexcept {
  return written(XXH3_128bits_digest(&state_->inner));
}

}  // namespace sluice::handler
