// Routes: what they match and what they do.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "conf/configuration.h"
#include "conf/document.h"
#include "conf/reading/include.h"
#include "conf/reading/proxy.h"

namespace sluice::conf {

// What the routes of one site start from. All outlives the reading.
struct SiteScope {
  const Node& table;   // [[site]]
  std::string folder;  // absolute, of its file
  FilesAction files;   // what the site's keys make of it; `root` empty when it has none
  std::optional<ProxyAction> proxy;  // likewise; not beside a root
  const std::vector<FieldRule>& fields;
  const std::vector<CacheRule>& cache;
  const std::vector<Listener>& listeners;
  const ReadingContext& context;
  Secrets& secrets;  // as in conf/reading/proxy.h

  ProxyScope proxy_scope(const PathMatch* match) const {
    return {match, folder, listeners, context, secrets};
  }
};

// The site's routes as written, then the one of its root or its proxy. Routes with errors are left
// out.
std::vector<Route> read_routes(const SiteScope& site);

// Reads `root`, `index`, `listing` and so on of a table into `files`, which holds the outer ones.
void read_files_keys(const Node& table, const SiteScope& site, FilesAction& files);

}  // namespace sluice::conf
