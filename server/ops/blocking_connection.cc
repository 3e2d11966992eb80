// Sockets do not block; poll() does, until the deadline.
#include "server/ops/blocking_connection.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

namespace sluice::ops {
namespace {

using Clock = BlockingConnection::Clock;

struct FreeAddresses {
  void operator()(addrinfo* list) const noexcept { ::freeaddrinfo(list); }
};

std::string text_of(const addrinfo& address) {
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  ::getnameinfo(address.ai_addr, address.ai_addrlen, host.data(), host.size(), port.data(),
                port.size(), NI_NUMERICHOST | NI_NUMERICSERV);
  const std::string text = host.data();
  return (address.ai_family == AF_INET6 ? "[" + text + "]" : text) + ":" + port.data();
}

// Whether the socket is ready before the deadline.
bool wait_for(int descriptor, short events, Clock::time_point deadline) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd one{.fd = descriptor, .events = events};
    const int ready = ::poll(&one, 1, static_cast<int>(std::max<int64_t>(0, left)));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

int socket_error(int descriptor) {
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

}  // namespace

std::string BlockingConnection::connect(const std::string& host, const std::string& port,
                                        Clock::time_point deadline) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* list = nullptr;
  const int found = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &list);
  const std::unique_ptr<addrinfo, FreeAddresses> addresses(list);
  if (found != 0) {
    advice_ = found == EAI_SERVICE ? "give the port as a number from 1 to 65535"
                                   : "check the spelling, or give an address in place of the name";
    return "cannot resolve " + host + ":" + port + ": " + ::gai_strerror(found);
  }
  std::string error;
  // Each address has its share of what time is left, so that a silent one does not take all of it.
  int left = 0;
  for (const addrinfo* one = addresses.get(); one != nullptr; one = one->ai_next) ++left;
  for (const addrinfo* one = addresses.get(); one != nullptr; one = one->ai_next) {
    const Clock::time_point now = Clock::now();
    error = try_address(*one, now + (deadline - now) / left--);
    if (error.empty()) return {};
  }
  return error;
}

std::string BlockingConnection::try_address(const addrinfo& candidate, Clock::time_point deadline) {
  address_ = text_of(candidate);
  descriptor_ =
      net::Descriptor(::socket(candidate.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int descriptor = descriptor_.get();
  if (descriptor < 0) return failure(errno);
  if (::connect(descriptor, candidate.ai_addr, candidate.ai_addrlen) == 0) return {};
  if (errno != EINPROGRESS) return failure(errno);
  if (!wait_for(descriptor, POLLOUT, deadline)) return failure(ETIMEDOUT);
  const int error = socket_error(descriptor);
  return error == 0 ? std::string() : failure(error);
}

std::string BlockingConnection::failure(int error) {
  if (error == ECONNREFUSED) {
    advice_ = "nothing listens there: is the server running, and on this port?";
  } else if (error == ETIMEDOUT) {
    advice_ = "nothing answers there: the host may be down, or a firewall in between drops packets";
  } else {
    advice_ = "is this machine connected to that network?";
  }
  const char* const words = error == ETIMEDOUT ? "no answer in time" : std::strerror(error);
  return "cannot connect to " + address_ + ": " + words;
}

bool BlockingConnection::send(std::span<const uint8_t> octets, Clock::time_point deadline) {
  while (!octets.empty()) {
    const ssize_t sent = ::send(descriptor_.get(), octets.data(), octets.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      octets = octets.subspan(static_cast<size_t>(sent));
    } else if (errno != EINTR &&
               (errno != EAGAIN || !wait_for(descriptor_.get(), POLLOUT, deadline))) {
      return false;
    }
  }
  return true;
}

BlockingConnection::Received BlockingConnection::receive(std::span<uint8_t> room, size_t& size,
                                                         Clock::time_point deadline) {
  size = 0;
  while (wait_for(descriptor_.get(), POLLIN, deadline)) {
    const ssize_t received = ::recv(descriptor_.get(), room.data(), room.size(), 0);
    if (received == 0) return Received::end;
    if (received > 0) {
      size = static_cast<size_t>(received);
      return Received::octets;
    }
    if (errno != EAGAIN && errno != EINTR) return Received::reset;
  }
  return Received::timeout;
}

}  // namespace sluice::ops
