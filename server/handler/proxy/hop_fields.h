// What a request says of the hops behind it: Forwarded (RFC 7239) and its older relatives, Via, and
// Max-Forwards.
//
// An application takes its client's address, the scheme and the host from these, so a client must
// not have a say in them: of all but Via and Max-Forwards, what an untrusted peer sent is dropped.
// Some gateways (CGI, RFC 3875 section 4.1.18) read '_' as '-', so that a name spelled with '_' is
// the same field.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "protocol/fields.h"

namespace sluice::handler::proxy {

enum class HopField : uint8_t {
  none,  // any other field
  forwarded,
  forwarded_for,
  forwarded_proto,
  forwarded_host,
  forwarded_port,
  forwarded_other,  // X-Forwarded-Server, -Prefix and whatever else begins so
  real_ip,
  request_id,
  via,
  max_forwards,
};

HopField hop_field(const Field& field) noexcept;
// Whether a name with '_' in it is one of them to who reads '_' as '-'.
bool is_hop_field_with_underscores(std::string_view name) noexcept;

// What a trusted peer sent, and what concerns us whoever sent it. Views into the request.
struct HopFacts {
  size_t forwarded_size = 0;      // octets of all Forwarded values, each with two between
  size_t forwarded_for_size = 0;  // likewise
  std::string_view proto;         // the last of several, as the nearest hop puts its own last
  std::string_view host;
  std::string_view port;
  std::string_view real_ip;
  size_t sights = 0;  // of our own name in Via
  // Max-Forwards is for these methods only: OPTIONS and TRACE (RFC 9110 section 7.6.2).
  bool counts_forwards = false;
  const Field* max_forwards = nullptr;
};

}  // namespace sluice::handler::proxy
