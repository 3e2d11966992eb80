// The PROXY protocol, versions 1 and 2 (HAProxy's, doc/proxy-protocol.txt): who stands in front of
// a server says once, before the first octet of a connection, between whom the connection really
// is.
//
// Invariants:
//   1. A header is read strictly: what is not exactly one of the two forms is malformed, as soon as
//      its first wrong octet is seen. No octet behind the header is looked at.
//   2. A header is bounded: 107 octets in version 1, kProxyHeaderMost in version 2. 536 octets are
//      what each host takes in one segment; addresses and the usual TLVs need far fewer.
//   3. What is written is read back as it was.
// No sockets here: whoever has the octets of a connection's beginning asks, and takes `size` of
// them away when the header is complete.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace sluice {

inline constexpr size_t kProxyHeaderMost = 536;
inline constexpr size_t kProxyV1Most = 107;         // with CRLF; also the most that is written
inline constexpr size_t kProxyV2Written = 16 + 36;  // two IPv6 addresses, no TLVs

// One end of a connection. IPv4 as IPv4-mapped IPv6 (RFC 4291 section 2.5.5.2).
struct ProxyEndpoint {
  // A numeric IPv4 or IPv6 address, the latter without brackets; nothing for anything else.
  static std::optional<ProxyEndpoint> parse(std::string_view address, uint16_t port);
  bool is_ipv4() const noexcept;

  std::array<uint8_t, 16> address{};
  uint16_t port = 0;

  bool operator==(const ProxyEndpoint&) const = default;
};

// What a header says.
struct ProxyHeader {
  enum class Command : uint8_t {
    local,  // the sender speaks for itself: a health check
    proxy,
  };
  enum class Family : uint8_t {
    unknown,  // as it is: UNKNOWN, AF_UNSPEC
    ipv4,
    ipv6,
    unix_socket,  // its paths are not kept
  };
  // For a connection from `source` to `destination`; of unknown family when either is missing.
  static ProxyHeader of(const std::optional<ProxyEndpoint>& source,
                        const std::optional<ProxyEndpoint>& destination);

  // Whether the peer is another one than the socket's own.
  bool names_peer() const noexcept {
    return command == Command::proxy && family != Family::unknown;
  }

  // Whether it speaks for a client without an address that could be known elsewhere.
  bool hides_client() const noexcept {
    return command == Command::proxy && family != Family::ipv4 && family != Family::ipv6;
  }

  Command command = Command::proxy;
  Family family = Family::unknown;
  ProxyEndpoint source;  // of ipv4 and ipv6 only, as is the other
  ProxyEndpoint destination;

  bool operator==(const ProxyHeader&) const = default;
};

// What has been made of the octets so far.
struct ProxyReading {
  enum class Status : uint8_t { incomplete, malformed, complete };
  Status status = Status::incomplete;
  std::string_view cause = {};  // of malformed: static
  size_t size = 0;              // of complete: the header's octets
  ProxyHeader header = {};      // likewise
};

// `octets`: all that came on the connection so far, from its first on; kProxyHeaderMost of them
// always decide. Allocates nothing.
[[nodiscard]] ProxyReading read_proxy_header(std::string_view octets) noexcept;

// Return how many octets they wrote. What a version has no words for is said as unknown.
size_t write_proxy_v1(const ProxyHeader& header, std::span<char, kProxyV1Most> out) noexcept;
size_t write_proxy_v2(const ProxyHeader& header, std::span<char, kProxyV2Written> out) noexcept;

}  // namespace sluice
