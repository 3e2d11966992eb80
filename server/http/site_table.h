// Which site a request is for: by the listener it came through and the host it names (RFC 9110
// section 7.2).
//
// An exact host decides first, then the longest wildcard: "*.example.com" stands for any name below
// example.com, however deep, and not for example.com itself. Anything else goes to the default
// site, or is answered with the status that the configuration chose. Hosts compare without case,
// port and trailing dot; a request that names no host (HTTP/1.0) is for the default site.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "conf/configuration.h"
#include "conf/host_table.h"

namespace sluice::http {

// Immutable; any thread.
class SiteTable {
 public:
  struct Choice {
    uint32_t site = 0;   // index into Configuration::sites
    int status = 0;      // not 0: no site, but this answer
    bool named = false;  // the site names the host
  };

  explicit SiteTable(const conf::Configuration& configuration);

  // `listener`: index into Configuration::listeners. `authority`: host[:port], valid
  // (protocol/target.h), or empty. Allocates nothing.
  Choice find(size_t listener, std::string_view authority) const;

 private:
  // The sites that one listener has.
  struct Reach {
    conf::HostTable hosts;
    // Without a known host. The default site where it is reachable, else the first that is.
    Choice otherwise{.status = 421};
    Choice hostless{.status = 421};
  };

  static Reach reach_of(const conf::Configuration& configuration, const conf::Listener& listener);

  std::vector<Reach> reaches_;  // one for each listener
};

}  // namespace sluice::http
