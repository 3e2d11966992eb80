// What one worker has for all of its proxy routes: a pool of connections for each upstream, and the
// exchanges that are under way.
#pragma once

#include <memory>
#include <unordered_map>

#include "server/handler/proxy/proxy_exchange.h"
#include "server/handler/proxy/upstream.h"
#include "server/handler/proxy/upstream_pool.h"
#include "server/http/worker_resources.h"

namespace sluice::handler::proxy {

// Thread: the worker's, where it ends, too. Held by the handlers that use it.
class WorkerUpstreams {
 public:
  explicit WorkerUpstreams(std::shared_ptr<http::WorkerResources> resources);

  // The same for all routes with this upstream, and through reloads: its connections are kept for
  // as long as somebody holds it.
  std::shared_ptr<UpstreamPool> pool_of(const std::shared_ptr<Upstream>& upstream);
  ProxyExchanges& exchanges() noexcept { return exchanges_; }

 private:
  const std::shared_ptr<http::WorkerResources> resources_;
  const ClientLimits limits_;
  ProxyExchanges exchanges_;
  std::unordered_map<const Upstream*, std::weak_ptr<UpstreamPool>> pools_;
};

}  // namespace sluice::handler::proxy
