// The values that tell an application who its client is: X-Forwarded-For and Forwarded (RFC 7239).
//
// Each hop appends the peer it had the request from. A peer on a Unix socket has no address and is
// "unknown" (section 6.2). Where a trusted peer sent only the older form, its list becomes the
// beginning of Forwarded (section 7.4): an application that believes Forwarded first would
// otherwise take that peer for the client.
#pragma once

#include <cstddef>
#include <string_view>

#include "protocol/message.h"
#include "server/handler/proxy/derived_text.h"
#include "server/handler/proxy/hop_fields.h"

namespace sluice::handler::proxy {

inline constexpr std::string_view kUnknownNode = "unknown";

// The peer as those fields name it: its address, or "unknown". Views into `address`.
std::string_view node_name(std::string_view address) noexcept;
// Whether text is an IPv4 or IPv6 address, the latter without brackets.
bool is_ip_address(std::string_view text) noexcept;

// Whether a value can be continued: it is not empty, and no quoted string is left open that would
// swallow what we append.
bool is_list_value(std::string_view value) noexcept;

// What goes into a list of hops. Views last for the call. `facts` are empty of an untrusted peer.
struct Hop {
  const RequestHead& request;
  const HopFacts& facts;
  std::string_view node;   // node_name() of the peer
  std::string_view proto;  // "http" or "https", as the request reached us
};

// Octets that both values below take at most.
size_t hop_lists_room(const Hop& hop) noexcept;
// X-Forwarded-For: what a trusted peer sent, in one line, then the peer. Ends with `hop.node`.
std::string_view write_forwarded_for(const Hop& hop, DerivedText& text) noexcept;
std::string_view write_forwarded(const Hop& hop, DerivedText& text) noexcept;

}  // namespace sluice::handler::proxy
