// One small table for each listener, and lookups that need no memory.
#include "server/http/site_table.h"

#include "server/http/plain_host.h"

namespace sluice::http {

SiteTable::SiteTable(const conf::Configuration& configuration) {
  for (const conf::Listener& listener : configuration.listeners)
    reaches_.push_back(reach_of(configuration, listener));
}

SiteTable::Reach SiteTable::reach_of(const conf::Configuration& configuration,
                                     const conf::Listener& listener) {
  Reach reach;
  for (uint32_t site = 0; site < configuration.sites.size(); ++site) {
    const conf::Site& candidate = configuration.sites[site];
    if (!conf::names_listener(candidate.listeners, listener.name)) continue;
    for (const std::string& host : candidate.hosts) reach.hosts.add(PlainHost(host).view(), site);
    if (reach.hostless.status != 0 || candidate.is_default) reach.hostless = {.site = site};
  }
  const int unknown = configuration.unknown_host.status;
  reach.otherwise = unknown == 0 ? reach.hostless : Choice{.status = unknown};
  return reach;
}

SiteTable::Choice SiteTable::find(size_t listener, std::string_view authority) const {
  const Reach& reach = reaches_[listener];
  if (authority.empty()) return reach.hostless;
  if (reach.hosts.empty()) return reach.otherwise;
  const uint32_t* const site = reach.hosts.find(PlainHost(authority).view());
  if (site != nullptr) return {.site = *site, .named = true};
  return reach.otherwise;
}

}  // namespace sluice::http
