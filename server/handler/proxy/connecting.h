// One connection to an upstream on its way: connect, TLS handshake, and then whichever version of
// HTTP was agreed on.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "protocol/h1/limits.h"
#include "protocol/h2/limits.h"
#include "server/handler/proxy/connection_places.h"
#include "server/handler/proxy/upstream.h"
#include "server/http/client_connection.h"
#include "server/http/worker_resources.h"
#include "server/net/connector.h"
#include "server/net/loop.h"
#include "server/net/socket_address.h"
#include "server/net/timers.h"
#include "server/net/tls_transport.h"

namespace sluice::handler::proxy {

class Connecting;

// Who wants the connection. One of the two is called, once, from the loop and never from within
// start(); the connecting is over then, and is to be retired.
class ConnectingEvents {
 public:
  // `connection` owns itself, and tells `owner` of its ends (http::ClientConnectionOwner).
  virtual void on_connected(Connecting& connecting, http::ClientConnection& connection,
                            const net::SocketAddress& address, bool http2) = 0;
  virtual void on_connect_failed(Connecting& connecting, const http::UpstreamFailure& failure) = 0;

 protected:
  ~ConnectingEvents() = default;
};

// What all connections of a worker to upstreams are made with. Outlives them.
struct ClientLimits {
  h1::Limits h1;
  h2::Limits h2;
};

// Thread: the worker's.
class Connecting final : public net::Retired,
                         private net::ConnectorEvents,
                         private net::Task,
                         private net::Timer {
 public:
  // All outlive it. `prelude`: octets that precede all others, TLS included (the PROXY protocol's
  // header); few. `place` goes on to the connection.
  Connecting(http::WorkerResources& resources, const ClientLimits& limits, Upstream& upstream,
             http::ClientConnectionOwner& owner, ConnectingEvents& events, std::string prelude,
             ConnectionPlaces::Place place = {});
  ~Connecting() override;
  void start(std::span<const net::SocketAddress> addresses);
  // Gives up: no event comes any more.
  void stop() noexcept;

 private:
  void on_connected(net::Descriptor descriptor, const net::SocketAddress& address) override;
  void on_connect_failed(const net::ConnectFailure& failure) override;
  void run() override;
  void on_timer() override;

  bool send_prelude(int descriptor) const;
  void shake_hands();
  bool flush_handshake();
  void finish(std::unique_ptr<net::Transport> transport, bool http2);
  void fail(const http::UpstreamFailure& failure);

  http::WorkerResources& resources_;
  // It may be freed by the loop when all others have let go of them.
  const std::shared_ptr<const void> kept_resources_;
  const ClientLimits& limits_;
  Upstream& upstream_;
  http::ClientConnectionOwner& owner_;
  ConnectingEvents* events_;  // null: nobody is told any more
  const std::string prelude_;
  ConnectionPlaces::Place place_;
  net::Connector connector_;
  net::SocketAddress address_;
  // While TLS is agreed on; the context must outlive the transport's session.
  std::shared_ptr<const tls::UpstreamContext> context_;
  std::unique_ptr<net::TlsTransport> transport_;
};

}  // namespace sluice::handler::proxy
