// Pools are found by their upstream, and forgotten when nobody holds them.
#include "server/handler/proxy/worker_upstreams.h"

#include <utility>

#include "server/http/h1_client_connection.h"
#include "server/http/h2_client_connection.h"

namespace sluice::handler::proxy {

WorkerUpstreams::WorkerUpstreams(std::shared_ptr<http::WorkerResources> resources)
    : resources_(std::move(resources)),
      limits_{.h1 = http::upstream_h1_limits(resources_->limits),
              .h2 = http::upstream_h2_limits(resources_->limits)} {}

std::shared_ptr<UpstreamPool> WorkerUpstreams::pool_of(const std::shared_ptr<Upstream>& upstream) {
  std::erase_if(pools_, [](const auto& known) { return known.second.expired(); });
  std::weak_ptr<UpstreamPool>& known = pools_[upstream.get()];
  if (std::shared_ptr<UpstreamPool> pool = known.lock()) return pool;
  auto pool = std::make_shared<UpstreamPool>(resources_, limits_, upstream);
  known = pool;
  return pool;
}

}  // namespace sluice::handler::proxy
