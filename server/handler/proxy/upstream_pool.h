// One worker's connections to one upstream: kept ones, ones on their way, and who waits for one.
//
// Invariants:
//   1. What was used last is used first, so that the others may grow old, and be closed.
//   2. A connection that has been idle for longer than the upstream bears (KeptTime) is not used
//   again. It stays, though, until the upstream closes it: how else would one learn when that is.
//   3. A connection to an address that is no longer the name's is not used again from the moment
//   that is known, and closed when it is idle; nor is one that was on its way there.
//   4. A request that cannot be sent twice gets a connection that was in use within upstream_fresh,
//   at an age that others have lived through, and that a look into the socket finds open; else a
//   new one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "server/handler/proxy/connecting.h"
#include "server/handler/proxy/upstream.h"
#include "server/http/client_connection.h"
#include "server/http/linked_list.h"
#include "server/http/worker_resources.h"
#include "server/net/loop.h"
#include "server/net/resolver.h"
#include "server/net/timers.h"

namespace sluice::handler::proxy {

// Which connection will do.
enum class Wanted : uint8_t {
  any,      // a kept one may turn out to be closed: the request can be sent again
  fresh,    // it cannot
  not_kept  // the second try: a new one, or another stream of an HTTP/2 one
};

// Who needs a connection for a request. On at most one pool's list.
class ConnectionWaiter {
 public:
  // One of the two, once; the first may come within acquire().
  virtual void on_connection(http::ClientConnection& connection) = 0;
  virtual void on_no_connection(const http::UpstreamFailure& failure) = 0;

 protected:
  ~ConnectionWaiter() = default;

 private:
  enum class ListKind : uint8_t { waiting };
  friend class UpstreamPool;
  friend http::LinkedList<ConnectionWaiter, ListKind>;
  http::Links<ConnectionWaiter>& links(ListKind) noexcept { return links_; }

  http::Links<ConnectionWaiter> links_{};
  net::Time since_{};
  Wanted wanted_ = Wanted::any;
  std::string prelude_;  // with one the connection is a new one, for this request alone
  bool waiting_ = false;
};

// Thread: the worker's. Outlives the exchanges that use it.
class UpstreamPool final : private http::ClientConnectionOwner,
                           private ConnectingEvents,
                           private net::Task,
                           private net::Timer {
 public:
  UpstreamPool(std::shared_ptr<http::WorkerResources> resources, const ClientLimits& limits,
               std::shared_ptr<Upstream> upstream);
  ~UpstreamPool();
  UpstreamPool(const UpstreamPool&) = delete;
  UpstreamPool& operator=(const UpstreamPool&) = delete;

  Upstream& upstream() const noexcept { return *upstream_; }
  http::WorkerResources& resources() const noexcept { return *resources_; }

  // Finds a connection for `waiter`. `prelude`: with one the connection is a new one, for this
  // request alone. Requires: it does not wait.
  void acquire(ConnectionWaiter& waiter, Wanted wanted, std::string prelude = {});
  // It does not wait any more. Idempotent.
  void forget(ConnectionWaiter& waiter) noexcept;

 private:
  struct Kept {
    net::SocketAddress address;
    bool http2 = false;
    bool alone = false;  // for one request: it has a prelude
  };
  struct Attempt {
    std::unique_ptr<Connecting> connecting;
    std::vector<net::SocketAddress> addresses;
    ConnectionWaiter* only_for = nullptr;  // whose prelude it has; null: anybody's
    std::string prelude;
  };
  using Waiters = http::LinkedList<ConnectionWaiter, ConnectionWaiter::ListKind>;

  // http::ClientConnectionOwner
  void on_available(http::ClientConnection& connection) override;
  void on_ended(http::ClientConnection& connection) override;
  // ConnectingEvents
  void on_connected(Connecting& connecting, http::ClientConnection& connection,
                    const net::SocketAddress& address, bool http2) override;
  void on_connect_failed(Connecting& connecting, const http::UpstreamFailure& failure) override;
  // The name's addresses have changed.
  void run() override;
  void on_timer() override;

  http::ClientConnection* find_kept(Wanted wanted);
  http::ClientConnection* find_idle(Wanted wanted);
  http::ClientConnection* find_stream(Wanted wanted);
  microseconds longest_idle(Wanted wanted) const noexcept;
  void wait(ConnectionWaiter& waiter) noexcept;
  ConnectionWaiter* next_waiter() noexcept;
  void connect_for_waiters();
  // False when the process has no place for another connection.
  [[nodiscard]] bool connect(ConnectionWaiter* only_for, std::string prelude);
  Attempt take(Connecting& connecting);
  void serve_waiters();
  void fail_waiters(size_t count, const http::UpstreamFailure& failure);
  void take_resolution();
  void look_again() noexcept;
  http::UpstreamFailure resolution_failure() const noexcept;
  bool is_current(const net::SocketAddress& address) const noexcept;
  void close_strays();
  void stop_strays();
  void connect_again(Attempt attempt);
  void keep(http::ClientConnection& connection);
  void drop(http::ClientConnection& connection);
  void look_after_idle();
  void set_timer() noexcept;

  const std::shared_ptr<http::WorkerResources> resources_;
  const ClientLimits& limits_;
  const std::shared_ptr<Upstream> upstream_;
  std::unordered_map<http::ClientConnection*, Kept> all_;
  std::vector<http::ClientConnection*> idle_;     // HTTP/1, the last used at the end
  std::vector<http::ClientConnection*> streams_;  // HTTP/2, that take requests
  std::vector<Attempt> attempts_;
  Waiters waiters_{ConnectionWaiter::ListKind::waiting};
  std::shared_ptr<const net::Resolution> resolution_;
  uint64_t generation_ = 0;
  bool looks_again_ = false;  // at who waits: with the next run()
  // What the last one that was connected speaks; nothing: there was none yet.
  std::optional<bool> speaks_http2_;
  std::unique_ptr<net::ResolvedName::Subscription> subscription_;
};

}  // namespace sluice::handler::proxy
