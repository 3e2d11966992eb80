// Makes a connection of each accepted socket, or turns it away.
#include "server/http/http_service.h"

#include <sys/socket.h>

#include <array>
#include <cassert>
#include <memory>
#include <string_view>
#include <utility>

#include "server/http/h1_server_connection.h"
#include "server/net/tls_transport.h"

namespace sluice::http {

HttpService::HttpService(std::shared_ptr<WorkerResources> resources, ServingRules&& rules,
                         ExchangeLog* log)
    : resources_(std::move(resources)),
      listeners_(std::move(rules.listeners)),
      context_(resources_, std::move(rules.router), log),
      proxied_(resources_->loop, *this, log) {
  assert(!listeners_.empty());
}

HttpService::~HttpService() = default;

void HttpService::replace(ServingRules&& rules) {
  assert(!rules.listeners.empty());
  listeners_ = std::move(rules.listeners);
  context_.replace_router(std::move(rules.router));
}

// A socket may arrive from a listener that a reload has just removed: any other's limits do, but
// not its sites, and not what it asks of clients.
Ref<ListenerSettings> HttpService::settings_of(uint32_t listener) const {
  for (const Ref<ListenerSettings>& settings : listeners_) {
    if (settings->index() == listener) return settings;
  }
  return Ref<ListenerSettings>(new ListenerSettings(listener, listeners_.front()->limit_set()));
}

void HttpService::serve(net::AcceptedSocket socket) {
  const Ref<ListenerSettings> settings = settings_of(socket.peer.listener);
  if (settings->proxy_protocol()) return proxied_.add(std::move(socket), settings);
  begin(std::move(socket), settings);
}

// Until now the proxy was counted; what bounds a client's connections is asked of the client's.
void HttpService::on_client_known(net::AcceptedSocket socket,
                                  const Ref<ListenerSettings>& settings) {
  const uint64_t most = context_.limits.connections_per_address;
  if (most != 0 && socket.slot.number_of_address() > most)
    return turn_away(std::move(socket), "connections_per_address");
  begin(std::move(socket), settings);
}

// The lists of the context own connections; each frees itself through Loop::retire.
void HttpService::begin(net::AcceptedSocket socket, const Ref<ListenerSettings>& settings) {
  auto connection =
      std::make_unique<H1ServerConnection>(context_, settings, std::move(socket.slot), socket.peer);
  const int descriptor = socket.descriptor.release();
  if (const tls::ListenerContext* const context = settings->tls()) {
    auto transport = std::make_unique<net::TlsTransport>(context_.loop, descriptor, *connection,
                                                         resources_->tls_work(), *context);
    return open(std::move(connection), std::move(transport));
  }
  auto transport = std::make_unique<net::SocketTransport>(context_.loop, descriptor, *connection);
  open(std::move(connection), std::move(transport));
}

// Epoll may have no memory for it: the socket closes.
template <typename T>
void HttpService::open(std::unique_ptr<H1ServerConnection> connection,
                       std::unique_ptr<T> transport) {
  if (transport->open() == 0) connection.release()->open(std::move(transport));
}

// Whoever has not even said who it is goes first.
size_t HttpService::shed_idle(size_t count) {
  const size_t shed = proxied_.shed(count, idle_before());
  return shed + context_.shed_idle(count - shed);
}

bool HttpService::shed_idle_of(net::AddressBlock block) {
  return context_.shed_idle_of(block) || proxied_.shed_one_of(block, idle_before());
}

// Those who are served because of it find that the end has come.
void HttpService::drain() {
  context_.start_draining();
  proxied_.drain();
}

void HttpService::abort_all() {
  proxied_.abort_all("server stopped");
  context_.abort_all("server stopped");
}

void HttpService::turn_away(net::AcceptedSocket socket, std::string_view limit) {
  static constexpr std::string_view kAnswer =
      "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 24\r\nContent-Type: text/plain\r\n"
      "Connection: close\r\nRetry-After: 1\r\n\r\n503 Service Unavailable\n";
  // One try: a socket this young has room for it. Who expects TLS could make nothing of it, and a
  // handshake is just what there is no room for.
  if (settings_of(socket.peer.listener)->tls() == nullptr)
    ::send(socket.descriptor.get(), kAnswer.data(), kAnswer.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  ::shutdown(socket.descriptor.get(), SHUT_WR);
  // A request that lies unread would make the close a reset, which may take the answer away.
  std::array<char, 4096> unread;
  ::recv(socket.descriptor.get(), unread.data(), unread.size(), MSG_DONTWAIT);
  if (context_.log == nullptr) return;
  context_.log->record({.peer = socket.peer.address,
                        .status = 503,
                        .octets = status_text(503).size(),
                        .wall_microseconds = wall_microseconds(),
                        .cause = "no room for another connection",
                        .phase = "head",
                        .limit = limit});
}

}  // namespace sluice::http
