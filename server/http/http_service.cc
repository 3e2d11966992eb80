// Makes a connection of each accepted socket, or turns it away.
#include "server/http/http_service.h"

#include <sys/socket.h>

#include <string_view>
#include <utility>

#include "server/http/server_connection.h"
#include "server/net/transport.h"

namespace sluice::http {

HttpService::HttpService(net::Loop& loop, const conf::Limits& limits,
                         std::unique_ptr<Router> router, ExchangeLog* log)
    : router_(std::move(router)), context_(loop, limits, *router_, log) {}

HttpService::~HttpService() = default;

void HttpService::serve(net::AcceptedSocket socket) {
  // The lists of the context own connections; each frees itself through Loop::retire.
  auto connection =
      std::make_unique<ServerConnection>(context_, std::move(socket.slot), socket.peer);
  auto transport = std::make_unique<net::SocketTransport>(context_.loop,
                                                          socket.descriptor.release(), *connection);
  if (transport->open() != 0) return;  // epoll has no memory for it: the socket closes
  connection.release()->open(std::move(transport));
}

void HttpService::turn_away(net::AcceptedSocket socket) {
  static constexpr std::string_view kAnswer =
      "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 24\r\nContent-Type: text/plain\r\n"
      "Connection: close\r\nRetry-After: 1\r\n\r\n503 Service Unavailable\n";
  // One try: a socket this young has room for it.
  ::send(socket.descriptor.get(), kAnswer.data(), kAnswer.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  ::shutdown(socket.descriptor.get(), SHUT_WR);
}

}  // namespace sluice::http
