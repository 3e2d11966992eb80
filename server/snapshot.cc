// Building a snapshot: a table of routes for each site, and a FileSite for each folder that is
// served in a way of its own.
#include "server/snapshot.h"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>

#include "server/http/listener_settings.h"
#include "server/snapshot_router.h"

namespace sluice {

namespace {

// What a route of files asks of its folder.
handler::FileSite::Options options_of(const conf::FilesAction& files, const conf::Route& route,
                                      const conf::Site& site) {
  return {.directory = files.root,
          .follow_symlinks = files.follow_symlinks,
          .limits = site.limits.values,
          .strip = files.strip,
          .index = files.index,
          .listing = files.listing,
          .clean_urls = files.clean_urls,
          .media_types = site.media_types,
          .cache = route.cache,
          .spa = files.spa};
}

// Folders that are served already, found by their path.
class ServedFolders {
 public:
  explicit ServedFolders(const Snapshot* snapshot) {
    if (snapshot == nullptr) return;
    for (const Snapshot::Site& site : snapshot->sites()) {
      for (const std::shared_ptr<handler::FileSite>& folder : site.folders) {
        if (folder) by_directory_.emplace(folder->options().directory, folder);
      }
    }
  }
  // One that is served in just this way; null when there is none.
  std::shared_ptr<handler::FileSite> like(const handler::FileSite::Options& options) const {
    const auto [first, last] = by_directory_.equal_range(options.directory);
    const auto found = std::find_if(
        first, last, [&](const auto& item) { return item.second->options() == options; });
    return found != last ? found->second : nullptr;
  }

 private:
  std::unordered_multimap<std::string, std::shared_ptr<handler::FileSite>> by_directory_;
};

ListenerContexts sized(ListenerContexts contexts, size_t size) {
  contexts.resize(size);
  return contexts;
}

}  // namespace

Snapshot::Snapshot(std::shared_ptr<const conf::Configuration> configuration,
                   ListenerContexts contexts)
    : configuration_(std::move(configuration)),
      contexts_(sized(std::move(contexts), configuration_->listeners.size())),
      hosts_(*configuration_) {
  for (const conf::Site& site : configuration_->sites) {
    sites_.push_back({.table = http::RouteTable(site.routes),
                      .folders = decltype(Site::folders)(site.routes.size()),
                      .upstreams = decltype(Site::upstreams)(site.routes.size())});
  }
}

std::shared_ptr<const Snapshot> Snapshot::build(
    std::shared_ptr<const conf::Configuration> configuration, handler::FileResources& resources,
    handler::proxy::Upstreams& upstreams, const Snapshot* previous,
    std::vector<std::string>& problems, ListenerContexts contexts) {
  const std::shared_ptr<Snapshot> made(new Snapshot(std::move(configuration), std::move(contexts)));
  if (!made->find_upstreams(upstreams, problems)) return nullptr;
  const ServedFolders served(previous);
  for (size_t i = 0; i < made->sites_.size(); ++i) {
    const conf::Site& site = made->configuration_->sites[i];
    for (size_t route = 0; route < site.routes.size(); ++route) {
      const auto* files = std::get_if<conf::FilesAction>(&site.routes[route].action);
      if (files == nullptr) continue;
      handler::FileSite::Options options = options_of(*files, site.routes[route], site);
      std::shared_ptr<handler::FileSite>& folder = made->sites_[i].folders[route];
      folder = served.like(options);
      if (folder) continue;
      folder = std::make_shared<handler::FileSite>(std::move(options), resources);
      const conf::Origin& origin = site.routes[route].origin;
      if (std::string problem = folder->open(); !problem.empty())
        problems.push_back(origin.empty() ? problem : origin + ": " + problem);
    }
  }
  return made;
}

bool Snapshot::find_upstreams(handler::proxy::Upstreams& known,
                              std::vector<std::string>& problems) {
  bool found = true;
  for (size_t i = 0; i < sites_.size(); ++i) {
    const std::vector<conf::Route>& routes = configuration_->sites[i].routes;
    for (size_t route = 0; route < routes.size(); ++route) {
      const auto* proxy = std::get_if<conf::ProxyAction>(&routes[route].action);
      if (proxy == nullptr) continue;
      std::string problem;
      sites_[i].upstreams[route] = known.get(proxy->target, problem);
      if (problem.empty()) continue;
      found = false;
      const conf::Origin& origin = routes[route].origin;
      problems.push_back(origin.empty() ? problem : origin + ": " + problem);
    }
  }
  return found;
}

http::ServingRules Snapshot::make_rules(net::Loop& loop, net::Helpers& helpers,
                                        std::shared_ptr<handler::proxy::WorkerUpstreams> upstreams,
                                        const std::vector<uint32_t>& numbers,
                                        const std::vector<uint16_t>& ports) const {
  http::ServingRules rules{
      .router = Ref<http::Router>(new SnapshotRouter(shared_from_this(), loop, helpers,
                                                     std::move(upstreams), numbers, ports)),
      .listeners = {}};
  for (size_t i = 0; i < numbers.size(); ++i) {
    const conf::Listener& listener = configuration_->listeners[i];
    rules.listeners.emplace_back(new http::ListenerSettings(
        numbers[i], listener.limits, configuration_->trusted_proxies, contexts_[i], listener.http2,
        listener.proxy_protocol, i < ports.size() ? ports[i] : uint16_t{0}));
  }
  return rules;
}

}  // namespace sluice
