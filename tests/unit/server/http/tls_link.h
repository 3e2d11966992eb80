// A client that speaks TLS with a connection of a fixture, over a real socket.
#pragma once

#include <array>
#include <cerrno>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "server/net/tls_transport.h"
#include "unit/server/http/connection_fixture.h"
#include "unit/server/net/sockets.h"
#include "unit/tls/session_pair.h"

namespace sluice::http {

struct TlsLink {
  // Connects to the fixture's listener, which speaks TLS. Ends all connections with itself.
  TlsLink(ConnectionFixture& fixture, const tls::ClientWish& wish)
      : world(fixture), work(fixture.loop, 4, 100), client(wish) {
    net::ignore_broken_pipes();
    net::Pair pair = net::tcp_pair();
    socket = std::move(pair.theirs);
    world.connection = new H1ServerConnection(world.context, world.listener,
                                              net::ConnectionSlot(world.load), world.peer);
    auto transport = std::make_unique<net::TlsTransport>(
        world.loop, pair.ours.release(), *world.connection, work, *world.listener->tls());
    EXPECT_EQ(transport->open(), 0);
    world.connection->open(std::move(transport));
    world.turn();
  }
  ~TlsLink() {
    world.context.abort_all("test over");
    world.turn();
  }
  TlsLink(const TlsLink&) = delete;
  TlsLink& operator=(const TlsLink&) = delete;

  // Both go on until `done`, or until two seconds are over; returns done().
  bool until(const std::function<bool()>& done) {
    const net::Time end = net::Clock::now() + std::chrono::seconds(2);
    while (!done() && net::Clock::now() < end) {
      const std::string said = client.take();
      if (!said.empty()) net::send_all(socket.get(), said);
      world.loop.run_once(std::chrono::milliseconds(1));
      take();
    }
    return done();
  }
  // What was answered to one request; empty when nothing was.
  std::string ask(const std::string& request) {
    EXPECT_TRUE(until([this] { return client.established; }));
    client.plain.clear();
    client.write(request);
    EXPECT_TRUE(until([this] { return client.plain.find("\r\n\r\n") != std::string::npos; }));
    return client.plain;
  }

  ConnectionFixture& world;
  net::TlsWork work;
  net::Descriptor socket;
  tls::MemoryClient client;
  bool ended = false, reset = false;

 private:
  void take() {
    std::array<char, 65536> room;
    const ssize_t count = recv(socket.get(), room.data(), room.size(), MSG_DONTWAIT);
    if (count > 0) client.give({room.data(), static_cast<size_t>(count)});
    ended = ended || count == 0;
    reset = reset || (count < 0 && errno != EAGAIN);
  }
};

}  // namespace sluice::http
