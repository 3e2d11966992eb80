// Listen addresses as people write them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::conf {

struct ListenAddress {
  enum class Family : uint8_t { ipv4, ipv6, unix_socket } family = Family::ipv4;
  std::string host;   // numeric, without brackets; empty for all addresses of both families; for
                      // Unix sockets the path
  uint16_t port = 0;  // 0: any free port

  bool operator==(const ListenAddress&) const = default;
};

// Reads "HOST:PORT", ":PORT" (all addresses, IPv6 and IPv4), "[::1]:PORT" ("[::]" is IPv6 alone),
// "PORT" and "localhost:PORT" (both 127.0.0.1) or "unix:/path". HOST is numeric: a name could
// change between two starts. Returns an empty string, or what was wrong and what was expected.
[[nodiscard]] std::string parse_listen_address(std::string_view text, ListenAddress& out);

}  // namespace sluice::conf
