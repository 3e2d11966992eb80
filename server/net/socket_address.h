// Where a socket of ours connects to: an address and a port, or a Unix socket's path.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::net {

// A value. Any thread.
class SocketAddress {
 public:
  // A numeric IPv4 or IPv6 address, the latter without brackets; nothing for anything else.
  static std::optional<SocketAddress> parse(std::string_view host, uint16_t port);
  static SocketAddress of(const in_addr& address, uint16_t port) noexcept;
  static SocketAddress of(const in6_addr& address, uint16_t port) noexcept;
  // Nothing when the path is longer than a Unix socket's may be (107 octets).
  static std::optional<SocketAddress> of_path(std::string_view path);

  const sockaddr* get() const noexcept { return &address_.any; }
  socklen_t size() const noexcept;
  int family() const noexcept { return address_.any.sa_family; }
  uint16_t port() const noexcept;  // 0 of a Unix socket
  // "192.0.2.1:80", "[2001:db8::1]:80", "unix:/run/app.sock".
  std::string text() const;

  bool operator==(const SocketAddress& other) const noexcept;

 private:
  union {
    sockaddr any;
    sockaddr_in ipv4;
    sockaddr_in6 ipv6;
    sockaddr_un path;
  } address_{};
};

}  // namespace sluice::net
