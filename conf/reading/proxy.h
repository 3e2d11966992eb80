// `proxy` of a route or a site: where its requests go, and what changes on the way.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "conf/configuration.h"
#include "conf/document.h"
#include "conf/reading/include.h"

namespace sluice::conf {

// Files that nobody may be served, with the places that name them.
using Secrets = std::vector<std::pair<std::string, Place>>;

struct ProxyScope {
  const PathMatch* match;                  // of the route; null when that is unknown
  const std::string& folder;               // absolute, of the configuration's file
  const std::vector<Listener>& listeners;  // where this very server listens
  const ReadingContext& context;
  Secrets& secrets;  // keys that are named here are added
};

// Nothing when there was an error, which is reported.
std::optional<ProxyAction> read_proxy(const Node& node, const ProxyScope& scope);

}  // namespace sluice::conf
