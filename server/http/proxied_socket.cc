// Waiting for the PROXY protocol's header, and how that ends.
#include "server/http/proxied_socket.h"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "server/http/trusted_peers.h"
#include "server/net/listener.h"

namespace sluice::http {
namespace {

constexpr std::string_view kTimeout = "proxy_protocol_timeout";

// The client that a header names, who came through the same listener.
net::Peer client_of(const ProxyHeader& header, uint32_t listener) noexcept {
  sockaddr_storage storage{};
  storage.ss_family = AF_UNIX;
  if (header.family != ProxyHeader::Family::unix_socket) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(header.source.port);
    std::memcpy(&address.sin6_addr, header.source.address.data(), sizeof address.sin6_addr);
    std::memcpy(&storage, &address, sizeof address);
  }
  net::Peer peer = net::peer_at(storage);
  peer.listener = listener;
  return peer;
}

}  // namespace

// --- All of them -------------------------------------------------------------------------------

void ProxiedSockets::add(net::AcceptedSocket socket, const Ref<ListenerSettings>& listener) {
  auto one = std::make_unique<ProxiedSocket>(*this, std::move(socket), listener);
  if (!one->trusted()) return one->record("peer is not in trusted_proxies", {});
  // Epoll may have no memory for it: the socket closes.
  if (one->open() != 0) return;
  ProxiedSocket* const opened = one.release();
  if (draining_) opened->finish();
}

size_t ProxiedSockets::shed(size_t count, net::Time time) {
  size_t shed = 0;
  for (; shed < count && !waiting_.empty(); ++shed) {
    if (waiting_.front()->since() > time) break;
    waiting_.front()->close("room needed");
  }
  return shed;
}

bool ProxiedSockets::shed_one_of(net::AddressBlock block, net::Time time) {
  ProxiedSocket* const longest = waiting_.front();
  if (longest == nullptr || longest->block() != block || longest->since() > time) return false;
  longest->close("room needed");
  return true;
}

void ProxiedSockets::drain() {
  draining_ = true;
  while (!waiting_.empty()) waiting_.front()->finish();
}

void ProxiedSockets::abort_all(std::string_view cause) {
  while (!waiting_.empty()) waiting_.front()->close(cause);
}

// --- One of them -------------------------------------------------------------------------------

ProxiedSocket::ProxiedSocket(ProxiedSockets& owner, net::AcceptedSocket socket,
                             Ref<ListenerSettings> listener)
    : owner_(owner),
      socket_(std::move(socket)),
      listener_(std::move(listener)),
      since_(owner.loop_.now()) {}

ProxiedSocket::~ProxiedSocket() { owner_.loop_.forget(*this); }

bool ProxiedSocket::trusted() const noexcept {
  return is_trusted(listener_->trusted(), socket_.peer.address);
}

int ProxiedSocket::open() {
  if (const int error = owner_.loop_.watch(socket_.descriptor.get(), *this)) return error;
  owner_.waiting_.push_back(*this);
  owner_.loop_.timers().set(*this, since_ + listener_->limits().proxy_protocol_timeout);
  return 0;
}

void ProxiedSocket::on_event(uint32_t epoll_events) {
  if (left_) return;
  if ((epoll_events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) peer_ended_ = true;
  owner_.loop_.wake(*this);
}

void ProxiedSocket::run() {
  if (!left_) look();
}

void ProxiedSocket::on_timer() { close("PROXY protocol header not in time", kTimeout); }

void ProxiedSocket::finish() {
  look();
  if (!left_) close("server stopped");
}

// The octets stay in the socket until it is clear how many of them are the header's.
void ProxiedSocket::look() {
  std::array<char, kProxyHeaderMost> octets;
  const ssize_t count = ::recv(socket_.descriptor.get(), octets.data(), octets.size(), MSG_PEEK);
  if (count < 0 && (errno == EAGAIN || errno == EINTR) && !peer_ended_) return;
  some_came_ = some_came_ || count > 0;
  const std::string_view came(octets.data(), count > 0 ? static_cast<size_t>(count) : 0);
  const ProxyReading reading = read_proxy_header(came);
  switch (reading.status) {
    case ProxyReading::Status::incomplete:
      if (count > 0 && !peer_ended_) return;
      peer_ended_ = true;
      return close("peer left within the PROXY protocol's header");
    case ProxyReading::Status::malformed:
      return close(reading.cause);
    case ProxyReading::Status::complete:
      return go_on(reading);
  }
}

void ProxiedSocket::go_on(const ProxyReading& reading) {
  if (!take(reading.size)) return close("peer left within the PROXY protocol's header");
  if (reading.header.names_peer()) {
    socket_.peer = client_of(reading.header, socket_.peer.listener);
    socket_.slot.count_as(socket_.peer.block);
  }
  socket_.peer.unnamed = reading.header.hides_client();
  // Whoever serves it watches it anew.
  owner_.loop_.unwatch(socket_.descriptor.get());
  net::AcceptedSocket socket = std::move(socket_);
  leave();
  owner_.events_.on_client_known(std::move(socket), listener_);
}

// They are there: a recv has just seen them.
bool ProxiedSocket::take(size_t octets) {
  std::array<char, kProxyHeaderMost> room;
  return ::recv(socket_.descriptor.get(), room.data(), octets, 0) == static_cast<ssize_t>(octets);
}

void ProxiedSocket::close(std::string_view cause, std::string_view limit) {
  // Of whoever says nothing there is nothing to tell: load balancers come and go to see whether
  // somebody is there.
  if (some_came_ || !limit.empty()) record(cause, limit);
  leave();
}

void ProxiedSocket::record(std::string_view cause, std::string_view limit) const {
  if (owner_.log_ == nullptr) return;
  owner_.log_->record({.peer = socket_.peer.address,
                       .wall_microseconds = wall_microseconds(),
                       .complete = false,
                       .cause = cause,
                       .phase = "connection",
                       .limit = limit,
                       .rule = listener_->limit_set().origin_of(limit),
                       .peer_left = peer_ended_});
}

void ProxiedSocket::leave() {
  left_ = true;
  owner_.waiting_.remove(*this);
  socket_.slot = net::ConnectionSlot();  // whoever comes in this very turn may have the place
  owner_.loop_.timers().cancel(*this);
  owner_.loop_.forget(*this);
  owner_.loop_.retire(std::unique_ptr<net::Retired>(this));
}

}  // namespace sluice::http
