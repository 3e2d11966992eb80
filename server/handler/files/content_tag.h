// Strong entity tags made of content (RFC 9110 section 8.8.1): equal octets have equal tags, on
// every replica and after every rebuild, whatever their inodes and times are.
//
// xxh3-128 is no cryptographic hash. Who can write the files of a site can make two with one tag,
// and hurts nobody but that site; by accident it does not happen.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <string_view>

namespace sluice::handler {

// The tag as it is sent: 32 hexadecimal digits in quotes.
struct ContentTag {
  std::array<char, 34> text{};

  std::string_view view() const noexcept { return {text.data(), text.size()}; }
  bool operator==(const ContentTag&) const = default;
};

ContentTag tag_of(std::string_view octets) noexcept;

// The same for octets that come in pieces.
class ContentHasher {
 public:
  ContentHasher();
  ~ContentHasher();
  ContentHasher(const ContentHasher&) = delete;
  ContentHasher& operator=(const ContentHasher&) = delete;

  void add(std::span<const char> octets) noexcept;
  // Of all that was added.
  ContentTag tag() const noexcept;

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

}  // namespace sluice::handler
