// One small table for each listener, and lookups that need no memory.
#include "server/http/site_table.h"

#include <algorithm>

#include "server/http/plain_host.h"
namespace sluice::http {

namespace {

const uint32_t* find_in(const HostMap& map, std::string_view key) {
  const auto found = map.find(key);
  return found != map.end() ? &found->second : nullptr;
}

}  // namespace

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
    for (const std::string& host : candidate.hosts) add_host(reach, host, site);
    if (reach.hostless.status != 0 || candidate.is_default) reach.hostless = {.site = site};
  }
  const int unknown = configuration.unknown_host.status;
  reach.otherwise = unknown == 0 ? reach.hostless : Choice{.status = unknown};
  return reach;
}

// The first site that names a host has it.
void SiteTable::add_host(Reach& reach, const std::string& host, uint32_t site) {
  if (!host.starts_with("*.")) {
    reach.hosts.emplace(PlainHost(host).view(), site);
    return;
  }
  const std::string suffix(PlainHost(std::string_view(host).substr(1)).view());
  reach.longest_wildcard = std::max(reach.longest_wildcard, suffix.size());
  reach.wildcards.emplace(suffix, site);
}

SiteTable::Choice SiteTable::find(size_t listener, std::string_view authority) const {
  const Reach& reach = reaches_[listener];
  if (authority.empty()) return reach.hostless;
  if (reach.hosts.empty() && reach.wildcards.empty()) return reach.otherwise;
  const PlainHost host(authority);
  if (const uint32_t* site = find_in(reach.hosts, host.view()))
    return {.site = *site, .named = true};
  if (reach.wildcards.empty()) return reach.otherwise;
  // From the longest wildcard that there is, one label at a time.
  const std::string_view name = host.view();
  size_t at = name.size() - std::min(name.size(), reach.longest_wildcard);
  for (at = name.find('.', std::max<size_t>(at, 1)); at != std::string_view::npos;
       at = name.find('.', at + 1)) {
    if (const uint32_t* site = find_in(reach.wildcards, name.substr(at)))
      return {.site = *site, .named = true};
  }
  return reach.otherwise;
}

}  // namespace sluice::http
