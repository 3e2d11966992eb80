// Gives the requests of one route to an upstream.
#pragma once

#include <memory>

#include "conf/configuration.h"
#include "server/handler/proxy/forwarding.h"
#include "server/handler/proxy/proxy_exchange.h"
#include "server/handler/proxy/worker_upstreams.h"
#include "server/http/handler.h"

namespace sluice::handler::proxy {

// Thread: the worker's.
class ProxyHandler final : public http::Handler {
 public:
  // `action` outlives it.
  ProxyHandler(const conf::ProxyAction& action, std::shared_ptr<WorkerUpstreams> upstreams,
               const std::shared_ptr<Upstream>& upstream);

  void start(http::Exchange& exchange) override;
  void on_request_body(http::Exchange& exchange) override;
  void cancel(http::Exchange& exchange) override;

 private:
  const std::shared_ptr<WorkerUpstreams> upstreams_;
  const Forwarding forwarding_;
  const std::shared_ptr<UpstreamPool> pool_;
  const ProxyRoute route_;
};

}  // namespace sluice::handler::proxy
