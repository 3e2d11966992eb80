// The order in which the targets of a service are tried (RFC 2782, "weight"): by priority, and
// among equals by lot, where a greater weight comes first so much more often.
#pragma once

#include <random>
#include <vector>

#include "server/net/dns_message.h"

namespace sluice::net {

void order_services(std::vector<SrvRecord>& services, std::mt19937& random);

}  // namespace sluice::net
