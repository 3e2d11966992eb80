// Accepting, and what it does when the process or the machine has no descriptor left.
//
// The listening descriptor is watched level-triggered: what a turn leaves in the queue is told
// again by the next epoll_wait, and a pause needs no bookkeeping of what was missed.
#include "server/net/listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace sluice::net {

namespace {

// More than any backlog (net.core.somaxconn): a drain ends although clients keep coming.
constexpr int kDrainedAtMost = 65'536;

void set_option(int descriptor, int level, int name, int value) noexcept {
  ::setsockopt(descriptor, level, name, &value, sizeof value);
}

void copy_text(Peer& peer, const char* text) noexcept {
  std::strncpy(peer.address, text, sizeof peer.address - 1);
}

// An IPv4 client of a socket for both families is shown as the IPv4 address that it has (RFC 4291
// §2.5.5.2).
void read_ipv6(const sockaddr_in6& address, Peer& peer) noexcept {
  peer.port = ntohs(address.sin6_port);
  if (IN6_IS_ADDR_V4MAPPED(&address.sin6_addr)) {
    inet_ntop(AF_INET, &address.sin6_addr.s6_addr[12], peer.address, sizeof peer.address);
  } else {
    inet_ntop(AF_INET6, &address.sin6_addr, peer.address, sizeof peer.address);
  }
}

bool is_exhaustion(int error) noexcept {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

// accept(2) also reports what had already happened to the connection that it would have returned.
bool is_the_connections_own(int error) noexcept {
  switch (error) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case EPERM:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case ETIMEDOUT:
      return true;
    default:
      return false;
  }
}

}  // namespace

Peer peer_at(const sockaddr_storage& storage) noexcept {
  Peer peer;
  peer.block = address_block(storage);
  if (storage.ss_family == AF_INET) {
    sockaddr_in address;
    std::memcpy(&address, &storage, sizeof address);
    peer.port = ntohs(address.sin_port);
    inet_ntop(AF_INET, &address.sin_addr, peer.address, sizeof peer.address);
  } else if (storage.ss_family == AF_INET6) {
    sockaddr_in6 address;
    std::memcpy(&address, &storage, sizeof address);
    read_ipv6(address, peer);
  } else {
    copy_text(peer, "unix:");
  }
  return peer;
}

void set_listener_options(int descriptor) noexcept {
  // A response leaves in as few segments as it can by itself (one flush a turn, MSG_MORE before a
  // file): Nagle's algorithm (RFC 9293 §3.7.4) would only hold back its last one.
  set_option(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
  // Peers that vanished without a FIN are found after 60 s + 4 x 15 s, also where no timer of ours
  // runs (tunnels).
  set_option(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, 60);
  set_option(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, 15);
  set_option(descriptor, IPPROTO_TCP, TCP_KEEPCNT, 4);
  // TCP_NOTSENT_LOWAT stays unset. With 128 KiB, which HTTP/2 wants so that priorities mean
  // something, the octets that an acknowledgement sets free are not in the kernel's queue yet: our
  // thread has to wake and send them. Eight connections fetching 10 MiB by sendfile on loopback,
  // medians of 25 interleaved rounds on a busy 2-core machine: 1.24 ms of our time a file without
  // it, 3.13 ms with it (3.3 against 4.5 ms with the reader's). An HTTP/1 connection has one
  // response at a time and nothing to reorder; an HTTP/2 connection sets it for itself.
  // SO_SNDBUF and SO_RCVBUF stay unset: setting either turns the kernel's own tuning off.
}

Listener::Listener(Loop& loop, int descriptor, Acceptor& acceptor, const ListenerOptions& options)
    : loop_(loop), descriptor_(descriptor), acceptor_(acceptor), options_(options) {}

Listener::~Listener() {
  loop_.forget(*this);
  if (!closed_ && !paused_) loop_.unwatch(descriptor_);
}

int Listener::watch() {
  return options_.shared ? loop_.watch(descriptor_, *this, true)
                         : loop_.watch_readable(descriptor_, *this);
}

int Listener::open() { return watch(); }

void Listener::on_event(uint32_t /*epoll_events*/) {
  if (!paused_ && !closed_) loop_.wake(*this);
}

void Listener::run() {
  uint64_t left = options_.turn_accept;
  while (left > 0 && !paused_ && !closed_ && accept_one()) --left;
}

// False when the queue is empty or accepting paused.
bool Listener::accept_one() {
  sockaddr_storage address;
  socklen_t size = sizeof address;
  address.ss_family = AF_UNSPEC;  // an unnamed Unix peer leaves it as it is
  const int accepted = ::accept4(descriptor_, reinterpret_cast<sockaddr*>(&address), &size,
                                 SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (accepted < 0) return accept_failed(errno);
  Peer peer = peer_at(address);
  peer.listener = options_.listener;
  acceptor_.on_accepted(accepted, peer);
  return true;
}

bool Listener::accept_failed(int error) {
  if (error == EAGAIN || error == EWOULDBLOCK) return false;
  if (is_the_connections_own(error)) return true;
  if (is_exhaustion(error)) acceptor_.on_descriptors_exhausted();
  // Whatever else it is, trying again at once would spin.
  if (!closed_) pause();
  return false;
}

void Listener::pause() {
  paused_ = true;
  loop_.unwatch(descriptor_);
  loop_.timers().set(*this, loop_.now() + options_.accept_pause);
}

void Listener::on_timer() {
  if (watch() == 0) {
    paused_ = false;
  } else {
    loop_.timers().set(*this, loop_.now() + options_.accept_pause);
  }
}

void Listener::close() noexcept {
  if (closed_) return;
  if (!paused_) loop_.unwatch(descriptor_);
  loop_.timers().cancel(*this);
  closed_ = true;
  paused_ = false;
  for (int count = 0; count < kDrainedAtMost && accept_one(); ++count) continue;
}

}  // namespace sluice::net
