// The host of a request in the one form that tables of hosts are kept in.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace sluice::http {

// A host in the form that tables are kept in: lower case, without port and trailing dot.
class PlainHost {
 public:
  explicit PlainHost(std::string_view authority) noexcept {
    const size_t bracket = authority.starts_with('[') ? authority.find(']') : 0;
    std::string_view host = authority.substr(0, authority.find(':', bracket));
    if (host.ends_with('.')) host.remove_suffix(1);
    if (host.size() > kLongestHost) return;
    size_ = host.size();
    std::transform(host.begin(), host.end(), text_.begin(), [](char octet) {
      return octet >= 'A' && octet <= 'Z' ? static_cast<char>(octet | 0x20) : octet;
    });
  }
  // Empty for what no table has.
  std::string_view view() const noexcept { return {text_.data(), size_}; }

 private:
  // RFC 1035 section 2.3.4: no name is longer, so that a hostile Host costs no more than a name.
  static constexpr size_t kLongestHost = 255;

  std::array<char, kLongestHost> text_;
  size_t size_ = 0;
};

}  // namespace sluice::http
