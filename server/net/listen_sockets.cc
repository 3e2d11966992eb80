// Turning a listen address into sockets, exclusively: a second server on the same address must
// fail, not share it.
//
// TCP: with SO_REUSEPORT on every socket, a second Sluice of the same user would silently take half
// of the connections. So the first socket is bound and listens without it, which the kernel refuses
// if anybody listens there; then it gets SO_REUSEPORT, and the others join it. Listening first
// leaves no moment in which two processes that start at once could both pass.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <cstring>
#include <utility>

#include "server/net/descriptor.h"
#include "server/net/listen_address.h"
#include "server/net/listener.h"
#include "server/net/unix_socket.h"

namespace sluice::net {

namespace {

constexpr int kSocketFlags = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
constexpr int kPortAttempts =
    16;  // for port 0: the kernel may give one that another process is about to listen on

// A socket address of any family, as bind() wants it.
struct Name {
  sockaddr_storage storage{};
  socklen_t size = 0;

  const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
};

template <typename Address>
Name to_name(const Address& address) {
  Name name;
  std::memcpy(&name.storage, &address, sizeof address);
  name.size = sizeof address;
  return name;
}

Name ipv4_name(const std::string& host, uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (!host.empty()) inet_pton(AF_INET, host.c_str(), &address.sin_addr);
  return to_name(address);
}

Name ipv6_name(const std::string& host, uint16_t port) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  if (!host.empty()) inet_pton(AF_INET6, host.c_str(), &address.sin6_addr);
  return to_name(address);
}

Name tcp_name(const ListenAddress& address, uint16_t port) {
  return address.family == ListenAddress::Family::ipv4 ? ipv4_name(address.host, port)
                                                       : ipv6_name(address.host, port);
}

void switch_on(int descriptor, int level, int name, int value = 1) noexcept {
  ::setsockopt(descriptor, level, name, &value, sizeof value);
}

std::string tcp_text(const ListenAddress& address, uint16_t port) {
  const bool v6 = address.family == ListenAddress::Family::ipv6;
  const std::string any = v6 ? "::" : "0.0.0.0";
  const std::string host = address.host.empty() ? any : address.host;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::string tcp_error(const ListenAddress& address, uint16_t port, int error) {
  const std::string text = "cannot listen on " + tcp_text(address, port) + ": ";
  const std::string port_text = std::to_string(port);
  switch (error) {
    case EADDRINUSE:
      return text + "the port is in use; `ss -ltnp sport = :" + port_text +
             "` shows by whom. Stop that program or listen on another port";
    case EACCES:
    case EPERM:
      return text + "this user may not use port " + port_text +
             ". Take one above 1023, or run once: setcap cap_net_bind_service=+ep PATH-TO-SLUICE";
    case EADDRNOTAVAIL:
      return text + "this machine has no such address; `ip address` shows those it has";
    case EAFNOSUPPORT:
      return text +
             "IPv6 is not available here; take an IPv4 address, for example 127.0.0.1:" + port_text;
    case EMFILE:
    case ENFILE:
      return text + "too many open files; raise the limit with `ulimit -n`";
    default:
      return text + std::strerror(error);
  }
}

// A bound TCP socket that does not listen yet, or -errno.
int bound_socket(const ListenAddress& address, uint16_t port, bool join) {
  const Name name = tcp_name(address, port);
  Descriptor socket(::socket(name.storage.ss_family, kSocketFlags, 0));
  if (socket.get() < 0) return -errno;
  // Connections of a former process that linger in TIME-WAIT do not keep the port (RFC 9293
  // §3.6.1).
  switch_on(socket.get(), SOL_SOCKET, SO_REUSEADDR);
  if (join) switch_on(socket.get(), SOL_SOCKET, SO_REUSEPORT);
  // Both families on one socket for ":PORT" alone, whatever net.ipv6.bindv6only says.
  if (name.storage.ss_family == AF_INET6) {
    switch_on(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, address.host.empty() ? 0 : 1);
  }
  set_listener_options(socket.get());
  if (::bind(socket.get(), name.get(), name.size) != 0) return -errno;
  return socket.release();
}

// A listening TCP socket, or -errno. `join`: it becomes one more of a port that this process
// listens on.
int listening_socket(const ListenAddress& address, uint16_t port, int backlog, bool join) {
  const int bound = bound_socket(address, port, join);
  if (bound < 0) return bound;
  Descriptor socket(bound);
  if (::listen(socket.get(), backlog) != 0) return -errno;
  if (!join) switch_on(socket.get(), SOL_SOCKET, SO_REUSEPORT);
  return socket.release();
}

uint16_t port_of(int descriptor) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&storage), &size);
  sockaddr_in address;  // sin_port and sin6_port lie at the same place
  std::memcpy(&address, &storage, sizeof address);
  return ntohs(address.sin_port);
}

// The first socket of an address. ":PORT" falls back to IPv4 where there is no IPv6, and says so in
// `address`.
int first_socket(ListenAddress& address, int backlog) {
  int result = -EADDRINUSE;
  const int attempts = address.port == 0 ? kPortAttempts : 1;
  for (int i = 0; i < attempts && result == -EADDRINUSE; ++i) {
    result = listening_socket(address, address.port, backlog, false);
    const bool no_ipv6 = result == -EAFNOSUPPORT || result == -EADDRNOTAVAIL;
    if (no_ipv6 && address.host.empty() && address.family == ListenAddress::Family::ipv6) {
      address.family = ListenAddress::Family::ipv4;
      result = listening_socket(address, address.port, backlog, false);
    }
  }
  return result;
}

std::string unix_error(const std::string& path, const UnixSocket::Failure& failure) {
  const std::string text = "cannot listen on unix:" + path + ": ";
  switch (failure.obstacle) {
    case UnixSocket::Obstacle::none:
      return {};
    case UnixSocket::Obstacle::live_socket:
      return text + "another program listens there. Stop it or take another path";
    case UnixSocket::Obstacle::other_file:
      return text +
             "there is a file of that name that is no socket. Remove it or take another path";
    case UnixSocket::Obstacle::system_error:
      break;
  }
  switch (failure.error) {
    case ENOENT:
      return text + "the folder does not exist; create it first";
    case EACCES:
    case EPERM:
    case EROFS:
      return text + "this user may not write to the folder (" + std::strerror(failure.error) + ")";
    default:
      return text + std::strerror(failure.error);
  }
}

}  // namespace

ListenSockets::~ListenSockets() { close_all(); }

ListenSockets::ListenSockets(ListenSockets&& other) noexcept
    : descriptors_(std::exchange(other.descriptors_, {})),
      unix_(std::move(other.unix_)),
      url_(std::exchange(other.url_, {})),
      port_(std::exchange(other.port_, uint16_t{0})) {}

ListenSockets& ListenSockets::operator=(ListenSockets&& other) noexcept {
  if (this == &other) return *this;
  close_all();
  descriptors_ = std::exchange(other.descriptors_, {});
  unix_ = std::move(other.unix_);
  url_ = std::exchange(other.url_, {});
  port_ = std::exchange(other.port_, 0);
  return *this;
}

void ListenSockets::close_all() noexcept {
  unix_.close();
  for (const int descriptor : descriptors_) ::close(descriptor);
  descriptors_.clear();
}

std::string ListenSockets::open(const ListenAddress& address, size_t count, int backlog) {
  assert(descriptors_.empty() && !shared() && count > 0);
  if (address.family == ListenAddress::Family::unix_socket) return open_unix(address.host, backlog);
  ListenAddress resolved = address;
  int descriptor = first_socket(resolved, backlog);
  while (descriptor >= 0) {
    descriptors_.push_back(descriptor);
    resolved.port = port_of(descriptors_.front());
    if (descriptors_.size() == count) {
      port_ = resolved.port;
      url_ = "http://" + tcp_text(resolved, resolved.port);
      return {};
    }
    descriptor = listening_socket(resolved, resolved.port, backlog, true);
  }
  close_all();
  return tcp_error(resolved, resolved.port, -descriptor);
}

std::string ListenSockets::open_unix(const std::string& path, int backlog) {
  // Who may connect is said by the umask and the folder, as for any file.
  static constexpr mode_t kAnybody = 0777;
  url_ = "unix:" + path;
  return unix_error(path, unix_.open(path, kAnybody, backlog));
}

int ListenSockets::descriptor(size_t index) const noexcept {
  return shared() ? unix_.descriptor() : descriptors_[index];
}

}  // namespace sluice::net
