// Both families of one host.
#include "server/net/host_lookup.h"

#include <algorithm>
#include <cstring>

namespace sluice::net {

using Outcome = DnsAnswer::Outcome;

HostLookup::HostLookup(DnsClient& client, HostsFile& hosts, const std::string& host,
                       HostEvents& events)
    : hosts_(hosts),
      host_(host),
      events_(events),
      search_(client, host, {DnsType::aaaa, DnsType::a}, *this) {}

void HostLookup::start() {
  const std::vector<SocketAddress>& found = hosts_.addresses(host_);
  from_hosts_ = !found.empty();
  if (from_hosts_) {
    take(found);
  } else {
    search_.start();
  }
}

void HostLookup::take(const std::vector<SocketAddress>& found) {
  for (auto& family : known_) family.clear();
  for (const SocketAddress& address : found) {
    known_[address.family() == AF_INET6 ? 0 : 1].push_back(address);
  }
}

void HostLookup::on_search() {
  take_answers();
  events_.on_host();
}

void HostLookup::take_answers() {
  if (!search_.answered()) return;
  for (size_t i = 0; i < known_.size(); ++i) {
    const auto& answer = search_.answer(i);
    if (!answer) continue;
    // There are name servers that deny a name which has addresses of the other family only (RFC
    // 4074 section 4.2).
    const bool none =
        answer->outcome == Outcome::no_data || answer->outcome == Outcome::no_such_name;
    if (none || answer->outcome == Outcome::answered) known_[i] = answer->addresses;
  }
}

std::vector<SocketAddress> HostLookup::addresses() const {
  std::vector<SocketAddress> made;
  const size_t most = std::max(known_[0].size(), known_[1].size());
  for (size_t i = 0; i < most; ++i) {
    for (const auto& family : known_) {
      if (i < family.size()) made.push_back(family[i]);
    }
  }
  return made;
}

// Hosts files have none: they are looked at again as soon as may be, which costs a stat(2).
std::chrono::seconds HostLookup::ttl() const noexcept {
  std::chrono::seconds least = from_hosts_ ? std::chrono::seconds(0) : std::chrono::seconds::max();
  for (size_t i = 0; i < known_.size() && !from_hosts_; ++i) {
    const auto& answer = search_.answer(i);
    if (answer && answer->outcome == Outcome::answered) least = std::min(least, answer->ttl);
  }
  return least;
}

SocketAddress with_port(const SocketAddress& address, uint16_t port) {
  if (address.family() == AF_INET6) {
    return SocketAddress::of(reinterpret_cast<const sockaddr_in6*>(address.get())->sin6_addr, port);
  }
  return SocketAddress::of(reinterpret_cast<const sockaddr_in*>(address.get())->sin_addr, port);
}

}  // namespace sluice::net
