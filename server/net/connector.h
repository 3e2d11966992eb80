// From addresses to one connected socket: several are tried, each a little later than the one
// before, and the first that answers wins (RFC 8305, "Happy Eyeballs").
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "server/net/descriptor.h"
#include "server/net/loop.h"
#include "server/net/socket_address.h"

namespace sluice::net {

// Why nothing could be connected to. Of several addresses the one that says most: refused before
// unreachable before timeout.
struct ConnectFailure {
  // RFC 9209 section 2.3: "connection_refused", "connection_timeout", "destination_ip_unroutable"
  // ... Static, as is the other.
  std::string_view error;
  std::string_view cause;  // for the log: "upstream refused the connection"
  std::string_view limit;  // "upstream_connect_timeout", or empty
};

class ConnectorEvents {
 public:
  // One of the two, once, from the loop and never from within start(). The connector may be
  // destroyed or started again from there.
  // `descriptor`: non-blocking, close-on-exec, TCP_NODELAY, watched by no loop.
  virtual void on_connected(Descriptor descriptor, const SocketAddress& address) = 0;
  virtual void on_connect_failed(const ConnectFailure& failure) = 0;

 protected:
  ~ConnectorEvents() = default;
};

// Thread: the loop's. Destroying it gives up.
class Connector {
 public:
  // RFC 8305 section 8: what one address has for itself before the next is tried, too.
  static constexpr std::chrono::milliseconds kAttemptDelay{250};

  Connector(Loop& loop, ConnectorEvents& events);
  ~Connector();
  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;

  // Tries `addresses` (at least one) in their order. Each attempt may take `timeout`; the next
  // begins when one fails, or kAttemptDelay after one began. Requires: not running.
  void start(std::span<const SocketAddress> addresses, std::chrono::milliseconds timeout);
  bool running() const noexcept;
  // No event comes any more.
  void stop() noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::net
