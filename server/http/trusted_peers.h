// Whose fields are believed: peers in the configuration's `trusted_proxies`.
//
// IPv4 blocks also hold IPv4-mapped IPv6 addresses. The peer of a Unix socket is trusted as soon as
// any block is configured: whoever may open the socket's path was let in by its permissions, and it
// is where a proxy on this machine speaks from.
#pragma once

#include <string_view>
#include <vector>

#include "conf/configuration.h"

namespace sluice::http {

// `address` as net::Peer has it. Allocates nothing; any thread.
bool is_trusted(const std::vector<conf::AddressBlock>& blocks, const char* address) noexcept;

}  // namespace sluice::http
