// From a request's target to what routing and rules go by, the same for every HTTP version.
#pragma once

#include <string_view>

#include "protocol/block.h"
#include "protocol/message.h"
#include "protocol/target.h"

namespace sluice {

// Fills scheme, path, query of `head` from `target`, whose parts lie in memory that head.storage
// pins; head.target and head.method are set. A path that needs normalising is written into memory
// of `pool`, pinned by head.derived. Of the authority form nothing is taken.
void take_target(const Target& target, BlockPool& pool, RequestHead& head);

// RFC 9110 sections 4.2.1 and 4.2.2. Requires: "http" or "https", in any case.
inline unsigned default_port(std::string_view scheme) noexcept {
  return scheme.size() == 5 ? 443 : 80;
}

}  // namespace sluice
