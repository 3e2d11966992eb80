// A configuration, made ready to serve: its folders are open, its routes in order. What a reload
// replaces.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "conf/configuration.h"
#include "server/handler/files/file_resources.h"
#include "server/handler/files/file_site.h"
#include "server/handler/proxy/upstream.h"
#include "server/handler/proxy/worker_upstreams.h"
#include "server/http/http_service.h"
#include "server/http/route_table.h"
#include "server/http/site_table.h"
#include "server/listener_contexts.h"
#include "server/net/helpers.h"
#include "server/net/loop.h"

namespace sluice {

// Immutable once built; shared by all workers, and pinned by the routers made from it. Any thread.
class Snapshot : public std::enable_shared_from_this<Snapshot> {
 public:
  // One site's routes, and for each the folder it serves (null for what serves none) and the
  // upstream that it asks.
  struct Site {
    http::RouteTable table;
    std::vector<std::shared_ptr<handler::FileSite>> folders;
    std::vector<std::shared_ptr<handler::proxy::Upstream>> upstreams;  // null for what asks none
  };

  // Opens what `configuration` names. Folders that `previous` (may be null) serves in the same way
  // keep what they hold. A folder that cannot be served now is one of `problems`, in words for the
  // person who named it: its requests are answered 503 until it can. Requires: `resources` outlives
  // the snapshot. `contexts` are the listeners' that speak TLS; none when none does. Null when an
  // upstream cannot be had (its certificates), and `problems` say why.
  static std::shared_ptr<const Snapshot> build(
      std::shared_ptr<const conf::Configuration> configuration, handler::FileResources& resources,
      handler::proxy::Upstreams& upstreams, const Snapshot* previous,
      std::vector<std::string>& problems, ListenerContexts contexts = {});

  const conf::Configuration& configuration() const noexcept { return *configuration_; }
  const std::shared_ptr<const conf::Configuration>& shared_configuration() const noexcept {
    return configuration_;
  }
  const http::SiteTable& hosts() const noexcept { return hosts_; }
  const ListenerContexts& contexts() const noexcept { return contexts_; }
  // In the configuration's order.
  const std::vector<Site>& sites() const noexcept { return sites_; }

  // One worker's router and listener settings, on its thread. `numbers`: what Peer::listener says
  // for each of the configuration's listeners, in their order. `upstreams`: the worker's. `ports`:
  // which they listen on, where that is known; else what the configuration says. The loop and the
  // helpers outlive what is made.
  http::ServingRules make_rules(net::Loop& loop, net::Helpers& helpers,
                                std::shared_ptr<handler::proxy::WorkerUpstreams> upstreams,
                                const std::vector<uint32_t>& numbers,
                                const std::vector<uint16_t>& ports = {}) const;

 private:
  Snapshot(std::shared_ptr<const conf::Configuration> configuration, ListenerContexts contexts);
  bool find_upstreams(handler::proxy::Upstreams& known, std::vector<std::string>& problems);

  const std::shared_ptr<const conf::Configuration> configuration_;
  const ListenerContexts contexts_;  // one for each listener
  const http::SiteTable hosts_;
  std::vector<Site> sites_;
};

}  // namespace sluice
