// Whether a proxy would send requests to this very server, which would proxy them again without
// end.
#pragma once

#include <vector>

#include "conf/configuration.h"
#include "conf/file_source.h"

namespace sluice::conf {

// The one of these listeners that a target leads to, as far as the target says it by itself: no
// name is looked up, but localhost is known. Null without one.
const Listener* own_listener(const UpstreamTarget& target, const std::vector<Listener>& listeners,
                             FileSource& files);

}  // namespace sluice::conf
