// The HTTP side of a worker: turns accepted sockets into connections.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "protocol/owner.h"
#include "server/http/exchange_record.h"
#include "server/http/listener_settings.h"
#include "server/http/proxied_socket.h"
#include "server/http/router.h"
#include "server/http/server_context.h"
#include "server/net/worker.h"

namespace sluice::http {

class H1ServerConnection;

// What a worker serves by: the part of it that a reload replaces. Made on the worker's thread.
struct ServingRules {
  Ref<Router> router;                            // owns or refers to its handlers
  std::vector<Ref<ListenerSettings>> listeners;  // in any order; at least one
};

// Thread: the worker's. The log outlives it.
class HttpService final : public net::Service, private ProxiedSocketEvents {
 public:
  HttpService(std::shared_ptr<WorkerResources> resources, ServingRules&& rules, ExchangeLog* log);
  ~HttpService() override;

  void serve(net::AcceptedSocket socket) override;
  void turn_away(net::AcceptedSocket socket, std::string_view limit) override;
  size_t shed_idle(size_t count) override;
  bool shed_idle_of(net::AddressBlock block) override;
  uint64_t largest() const override { return context_.largest(); }
  void close_largest() override { context_.close_largest(); }
  void drain() override;
  void abort_all() override;
  size_t connections() const override { return context_.connections() + proxied_.size(); }

  // Requests that begin from now on are routed by `rules`, also on connections that are open;
  // connections that are opened from now on have its listeners' limits. Running exchanges go on
  // with what they began with.
  void replace(ServingRules&& rules);

  // How often nghttp2's memory came from the heap (h2::Workspace). Thread: the worker's.
  uint64_t http2_memory_taken() const noexcept { return context_.h2_workspace.taken_from_heap(); }

 private:
  void on_client_known(net::AcceptedSocket socket, const Ref<ListenerSettings>& settings) override;
  void begin(net::AcceptedSocket socket, const Ref<ListenerSettings>& settings);
  // What came before it is idle long enough to go when room is needed.
  net::Time idle_before() const noexcept {
    return context_.loop.now() - context_.limits.idle_grace;
  }
  Ref<ListenerSettings> settings_of(uint32_t listener) const;
  template <typename T>
  void open(std::unique_ptr<H1ServerConnection> connection, std::unique_ptr<T> transport);

  const std::shared_ptr<WorkerResources> resources_;
  std::vector<Ref<ListenerSettings>> listeners_;
  ServerContext context_;
  ProxiedSockets proxied_;
};

}  // namespace sluice::http
