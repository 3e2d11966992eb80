// A socket as the loopback clients need it: no delay, blocking, and an end to every wait.
#include "bench/loopback/connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <cstring>

namespace sluice::bench {
namespace {

std::string said(const char* what) { return std::string(what) + ": " + std::strerror(errno); }

}  // namespace

std::string Connection::connect(uint16_t port) {
  socket_ = net::Descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  const int on = 1;
  ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  // A server that never answers ends the run, not the patience of whoever waits for it.
  const timeval patience{.tv_sec = 10, .tv_usec = 0};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return said("connect");
  }
  return {};
}

std::string Connection::send(std::string_view octets) {
  while (!octets.empty()) {
    const ssize_t sent = ::send(socket_.get(), octets.data(), octets.size(), MSG_NOSIGNAL);
    if (sent < 0) return said("send");
    octets.remove_prefix(static_cast<size_t>(sent));
  }
  return {};
}

std::string Connection::receive(std::span<char> room, size_t& count) {
  const ssize_t received = ::recv(socket_.get(), room.data(), room.size(), 0);
  if (received < 0) return said("recv");
  if (received == 0) return "the server closed a connection that was to be kept";
  count = static_cast<size_t>(received);
  return {};
}

std::string Connection::expect_silence() {
  char octet = 0;
  if (::recv(socket_.get(), &octet, 1, MSG_DONTWAIT) < 0 &&
      (errno == EAGAIN || errno == EWOULDBLOCK)) {
    return {};
  }
  return "the server sent more than it was asked for, or closed the connection";
}

}  // namespace sluice::bench
