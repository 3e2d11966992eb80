// The addresses of one host: from the hosts file, or both families from the name servers.
//
// Invariants:
//   1. Each family keeps its last good addresses until an answer says otherwise: other addresses,
//   or none while the other family has some.
//   2. That the name does not exist is no such answer, nor is that it has no address at all: while
//   a container is replaced or a zone reloaded that is what name servers say for a moment, and an
//   address that may still serve is worth more than none. If it does not serve, connecting says so.
#pragma once

#include <array>
#include <chrono>
#include <string>
#include <vector>

#include "server/net/hosts_file.h"
#include "server/net/name_search.h"
#include "server/net/socket_address.h"

namespace sluice::net {

class HostLookup;

class HostEvents {
 public:
  // One more family has been answered, or the lookup is over. Never from within start().
  virtual void on_host() = 0;

 protected:
  ~HostEvents() = default;
};

// Thread: the loop's.
class HostLookup final : private NameSearchEvents {
 public:
  // All outlive it.
  HostLookup(DnsClient& client, HostsFile& hosts, const std::string& host, HostEvents& events);

  // May be finished at once. Requires: not running.
  void start();
  bool finished() const noexcept { return search_.finished(); }
  // This lookup has brought addresses.
  bool answered() const noexcept { return from_hosts_ || search_.answered(); }
  // Requires: finished, not answered.
  const DnsAnswer& failure() const noexcept { return search_.failure(); }
  // What is known, with port 0: families in turns, IPv6 first (RFC 8305 section 4).
  std::vector<SocketAddress> addresses() const;
  // How long that holds. Requires: answered.
  std::chrono::seconds ttl() const noexcept;

 private:
  void on_search() override;
  void take(const std::vector<SocketAddress>& found);
  void take_answers();

  HostsFile& hosts_;
  std::string host_;
  HostEvents& events_;
  NameSearch search_;
  bool from_hosts_ = false;
  std::array<std::vector<SocketAddress>, 2> known_;  // IPv6, IPv4
};

// `address` with another port. Requires: no Unix socket.
SocketAddress with_port(const SocketAddress& address, uint16_t port);

}  // namespace sluice::net
