// Which certificate is for which host (RFC 9525 section 6.3): names are compared label by label,
// and a "*" stands for one whole label, the leftmost.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::tls {

class Certificate;

// Whether `name` ("example.com", "*.example.com", in any case) is `host`'s. The dot at the end of a
// fully qualified host does not count. "*.example.com" is neither "example.com"'s nor
// "a.b.example.com"'s; "w*.example.com" nobody's.
[[nodiscard]] bool covers(std::string_view name, std::string_view host);
[[nodiscard]] bool covers(const std::vector<std::string>& names, std::string_view host);

// The one of `names` that whoever asked for `host` most likely meant: it has the most octets in
// common, counted from both ends, and of several such the length that is nearest. Empty when none
// has anything. Its time grows with the octets of all names, so that asking for odd hosts costs an
// attacker as much as the server.
[[nodiscard]] std::string nearest(const std::vector<std::string>& names, std::string_view host);

// Two certificates for one name with one kind of key: the second would never be shown. A wildcard
// and a name that it covers are two names.
struct SharedName {
  std::string name;
  size_t first = 0;  // indices
  size_t second = 0;
};
// Each pair once, by the first name that it shares.
[[nodiscard]] std::vector<SharedName> find_shared_names(
    std::span<const std::shared_ptr<const Certificate>> certificates);

}  // namespace sluice::tls
