// Whose a host is, where some are named and "*.example.com" stands for any name below example.com,
// however deep, and not for example.com itself. The exact name decides first, then the longest
// wildcard.
//
// Whoever asks by a host asks here, so that no two parts of the server read a name in two ways:
// what a TLS client was asked for must be what the site of its requests wants.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace sluice::conf {

// Maps of strings that are looked into with views, without making strings.
struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const noexcept {
    return std::hash<std::string_view>()(text);
  }
};
using TextMap = std::unordered_map<std::string, uint32_t, TextHash, std::equal_to<>>;

// Any thread once it is filled.
class HostTable {
 public:
  // `host`: a name, or "*." and a name. What is there already stays. Hosts are all in one form:
  // lower case, without port and trailing dot.
  void add(std::string_view host, uint32_t value);
  bool empty() const noexcept { return exact_.empty() && wildcards_.empty(); }
  // Null when nobody has it. Allocates nothing.
  const uint32_t* find(std::string_view host) const noexcept;

 private:
  TextMap exact_;
  TextMap wildcards_;  // ".example.com"
  size_t longest_wildcard_ = 0;
};

}  // namespace sluice::conf
