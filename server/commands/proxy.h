// `sluice proxy`: one upstream, no configuration.
#pragma once

#include <string>

#include "server/commands/without_file.h"

namespace sluice {

struct ProxyOptions {
  std::string to;             // as conf/upstream_url.h reads it
  std::string host = "keep";  // what the upstream is told in Host: "keep", "upstream" or a name
  bool insecure = false;      // its certificate is not verified
  std::string authorities;    // a PEM file: who may sign its certificate; empty: the system's
  WithoutFile common;
};

// As serve_without_file().
int proxy(const ProxyOptions& options);

}  // namespace sluice
