// A configuration, made ready to serve: its folders are open, its routes in order. What a reload
// replaces.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "conf/configuration.h"
#include "server/handler/files/file_resources.h"
#include "server/http/http_service.h"
#include "server/net/helpers.h"
#include "server/net/loop.h"

namespace sluice {

// Immutable once built; shared by all workers, and pinned by the routers made from it. Any thread.
class Snapshot : public std::enable_shared_from_this<Snapshot> {
 public:
  // Opens what `configuration` names. Folders that `previous` (may be null) serves in the same way
  // keep what they hold. Returns an empty string and sets `out`, or what went wrong and what to do,
  // with the configuration's line. Requires: `resources` outlives the snapshot.
  [[nodiscard]] static std::string build(std::shared_ptr<const conf::Configuration> configuration,
                                         handler::FileResources& resources,
                                         const Snapshot* previous, std::shared_ptr<Snapshot>& out);

  const conf::Configuration& configuration() const noexcept { return *configuration_; }

  // One worker's router and listener settings, on its thread. `indexes`: what Peer::listener says
  // for each of the configuration's listeners, in their order. The loop and the helpers outlive
  // what is made.
  http::ServingRules make_rules(net::Loop& loop, net::Helpers& helpers,
                                const std::vector<uint32_t>& indexes) const;

 private:
  Snapshot() = default;

  std::shared_ptr<const conf::Configuration> configuration_;
};

}  // namespace sluice
