// Reading, writing and comparing addresses.
#include "server/net/socket_address.h"

#include <arpa/inet.h>

#include <array>
#include <cstring>

namespace sluice::net {

std::optional<SocketAddress> SocketAddress::parse(std::string_view host, uint16_t port) {
  if (host.find('\0') != std::string_view::npos) return std::nullopt;  // where C would stop reading
  const std::string text(host);
  in_addr ipv4{};
  if (::inet_pton(AF_INET, text.c_str(), &ipv4) == 1) return of(ipv4, port);
  in6_addr ipv6{};
  if (::inet_pton(AF_INET6, text.c_str(), &ipv6) == 1) return of(ipv6, port);
  return std::nullopt;
}

SocketAddress SocketAddress::of(const in_addr& address, uint16_t port) noexcept {
  SocketAddress made;
  made.address_.ipv4 = {};
  made.address_.ipv4.sin_family = AF_INET;
  made.address_.ipv4.sin_port = htons(port);
  made.address_.ipv4.sin_addr = address;
  return made;
}

SocketAddress SocketAddress::of(const in6_addr& address, uint16_t port) noexcept {
  SocketAddress made;
  made.address_.ipv6 = {};
  made.address_.ipv6.sin6_family = AF_INET6;
  made.address_.ipv6.sin6_port = htons(port);
  made.address_.ipv6.sin6_addr = address;
  return made;
}

std::optional<SocketAddress> SocketAddress::of_path(std::string_view path) {
  SocketAddress made;
  made.address_.path = {};
  made.address_.path.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(made.address_.path.sun_path)) return std::nullopt;
  std::memcpy(made.address_.path.sun_path, path.data(), path.size());
  return made;
}

socklen_t SocketAddress::size() const noexcept {
  switch (family()) {
    case AF_INET:
      return sizeof(sockaddr_in);
    case AF_INET6:
      return sizeof(sockaddr_in6);
    default:
      return sizeof(sockaddr_un);
  }
}

uint16_t SocketAddress::port() const noexcept {
  if (family() == AF_INET) return ntohs(address_.ipv4.sin_port);
  return family() == AF_INET6 ? ntohs(address_.ipv6.sin6_port) : uint16_t{0};
}

std::string SocketAddress::text() const {
  std::array<char, INET6_ADDRSTRLEN> room{};
  switch (family()) {
    case AF_INET:
      ::inet_ntop(AF_INET, &address_.ipv4.sin_addr, room.data(), room.size());
      return std::string(room.data()) + ":" + std::to_string(port());
    case AF_INET6:
      ::inet_ntop(AF_INET6, &address_.ipv6.sin6_addr, room.data(), room.size());
      return "[" + std::string(room.data()) + "]:" + std::to_string(port());
    default:
      return "unix:" + std::string(address_.path.sun_path);
  }
}

// Field by field: what lies between and behind them says nothing.
bool SocketAddress::operator==(const SocketAddress& other) const noexcept {
  if (family() != other.family() || port() != other.port()) return false;
  switch (family()) {
    case AF_INET:
      return address_.ipv4.sin_addr.s_addr == other.address_.ipv4.sin_addr.s_addr;
    case AF_INET6:
      return std::memcmp(&address_.ipv6.sin6_addr, &other.address_.ipv6.sin6_addr,
                         sizeof(in6_addr)) == 0;
    default:
      return std::strcmp(address_.path.sun_path, other.address_.path.sun_path) == 0;
  }
}

}  // namespace sluice::net
