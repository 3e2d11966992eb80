// Comparing where a proxy connects to with where connections are accepted.
#include "conf/own_listener.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "conf/listen_address.h"

namespace sluice::conf {

namespace {

using Family = ListenAddress::Family;
using Octets = std::array<uint8_t, 16>;  // IPv4 as IPv4-mapped IPv6

constexpr Octets kAnyV6 = {};
constexpr Octets kAnyV4 = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
constexpr Octets kOneV6 = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
constexpr Octets kOneV4 = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 127, 0, 0, 1};

bool read_address(const std::string& text, Octets& out) {
  out = kAnyV4;
  if (inet_pton(AF_INET, text.c_str(), out.data() + 12) == 1) return true;
  return inet_pton(AF_INET6, text.c_str(), out.data()) == 1;
}

bool is_v4(const Octets& octets) {
  return std::equal(kAnyV4.begin(), kAnyV4.begin() + 12, octets.begin());
}

bool is_loopback(const Octets& octets) {
  return octets == kOneV6 || (is_v4(octets) && octets[12] == 127);
}

// The addresses that connecting to a host leads to; none when only looking its name up would tell.
std::vector<Octets> addresses_of(const std::string& host) {
  // RFC 6761 section 6.3.
  if (host == "localhost" || host.ends_with(".localhost")) return {kOneV4, kOneV6};
  Octets octets;
  if (!read_address(host, octets)) return {};
  // The kernel takes the unspecified address for this machine.
  if (octets == kAnyV4) return {kOneV4};
  if (octets == kAnyV6) return {kOneV6};
  return {octets};
}

// Whether a connection to this address ends at a listener of the same port.
bool reaches(const Octets& target, const ListenAddress& listener) {
  if (listener.host.empty()) return is_loopback(target);
  Octets listened;
  if (!read_address(listener.host, listened)) return false;
  if (target == listened) return true;
  // Which other addresses are this machine's, only the machine knows.
  if (listened == kAnyV4) return is_v4(target) && is_loopback(target);
  return listened == kAnyV6 && target == kOneV6;
}

bool leads_to(const UpstreamTarget& target, const ListenAddress& listener, FileSource& files) {
  if (listener.family == Family::unix_socket) {
    return !target.path.empty() && files.absolute(target.path) == files.absolute(listener.host);
  }
  // A listener with port 0 gets another one than any that can be written.
  if (!target.path.empty() || target.port == 0 || target.port != listener.port) return false;
  const std::vector<Octets> addresses = addresses_of(target.host);
  return std::any_of(addresses.begin(), addresses.end(),
                     [&](const Octets& address) { return reaches(address, listener); });
}

}  // namespace

const Listener* own_listener(const UpstreamTarget& target, const std::vector<Listener>& listeners,
                             FileSource& files) {
  for (const Listener& listener : listeners) {
    ListenAddress address;
    if (!parse_listen_address(listener.address, address).empty()) continue;
    if (leads_to(target, address, files)) return &listener;
  }
  return nullptr;
}

}  // namespace sluice::conf
