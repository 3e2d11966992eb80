// Sockets whose client is named by the PROXY protocol, through a service: who is believed, how
// little and how long is waited for, and that nothing behind the header is lost.
#include "server/http/proxied_socket.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "server/http/http_service.h"
#include "unit/server/http/fakes.h"
#include "unit/server/net/sockets.h"

namespace sluice::http {
namespace {

using namespace std::string_literals;
using net::Descriptor;
using std::chrono::milliseconds;

constexpr std::string_view kHeader = "PROXY TCP4 192.0.2.7 198.51.100.9 54321 443\r\n";
constexpr std::string_view kRequest = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

// 127.0.0.0/8
conf::AddressBlock loopback_block() {
  return {.address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127}, .bits = 104};
}

// What the log is told, with the peer.
class PeerLog final : public ExchangeLog {
 public:
  struct Entry {
    std::string peer, cause, phase, limit;
    int status;
    bool complete, peer_left;
  };
  void record(const ExchangeRecord& r) override {
    entries.push_back({std::string(r.peer), std::string(r.cause), std::string(r.phase),
                       std::string(r.limit), r.status, r.complete, r.peer_left});
  }
  std::vector<Entry> entries;
};

class OneRouter final : public Router {
 public:
  const Route& route(const RequestHead&, RouteSearch&) override { return route_; }

 private:
  FakeHandler handler_;
  Route route_{.handler = &handler_, .filters = {}, .body_limit = 1000};
};

class ProxiedSocketTest : public ::testing::Test {
 protected:
  ProxiedSocketTest() { loop.bind_to_this_thread(); }
  ~ProxiedSocketTest() override {
    if (service) service->abort_all();
    loop.run_once(milliseconds(0));
  }

  void start(std::vector<conf::AddressBlock> trusted = {loopback_block()}) {
    const Ref<ListenerSettings> listener(
        new ListenerSettings(3, {.values = limits}, std::move(trusted), nullptr, true, true));
    service = std::make_unique<HttpService>(
        std::make_shared<WorkerResources>(loop, limits),
        ServingRules{.router = Ref<Router>(new OneRouter), .listeners = {listener}}, &log);
  }
  // The proxy's end of a connection whose other end the service has.
  Descriptor connect(const char* address = "127.0.0.1") {
    net::Pair pair = net::tcp_pair();
    net::Peer peer{.listener = 3, .block = 77};
    std::string_view(address).copy(peer.address, sizeof peer.address - 1);
    service->serve({.descriptor = std::move(pair.ours),
                    .peer = peer,
                    .slot = net::ConnectionSlot(load, net::AddressSlot(counts, peer.block))});
    return std::move(pair.theirs);
  }
  void turn(int times = 4) {
    for (int i = 0; i < times; ++i) loop.run_once(milliseconds(0));
  }
  bool log_has(size_t count) {
    return net::turn_until(loop, [&] { return log.entries.size() >= count; });
  }
  // The whole answer of the fake handler to GET /.
  std::string answer(const Descriptor& client) {
    std::string text;
    net::turn_until(loop, [&] {
      char room[4096];
      const ssize_t count = ::recv(client.get(), room, sizeof room, MSG_DONTWAIT);
      if (count > 0) text.append(room, static_cast<size_t>(count));
      return count == 0 || text.ends_with("hello GET /");
    });
    return text;
  }
  // Whether the service has closed this connection, in whatever way.
  bool is_closed(const Descriptor& client) {
    return net::turn_until(loop, [&] {
      char octet = 0;
      const ssize_t count = ::recv(client.get(), &octet, 1, MSG_DONTWAIT);
      return count == 0 || (count < 0 && errno != EAGAIN);
    });
  }
  uint64_t counted_as(net::AddressBlock block) const {
    for (const auto& holder : counts.heaviest()) {
      if (holder.connections > 0 && holder.block == block) return holder.connections;
    }
    return 0;
  }

  conf::Limits limits{.idle_grace = milliseconds(0)};
  net::Loop loop;
  PeerLog log;
  net::AddressCounts counts;
  net::WorkerLoad load;
  std::unique_ptr<HttpService> service;
};

net::AddressBlock block_of(const char* address) {
  sockaddr_storage storage{};
  auto& ipv4 = reinterpret_cast<sockaddr_in&>(storage);
  ipv4.sin_family = AF_INET;
  EXPECT_EQ(inet_pton(AF_INET, address, &ipv4.sin_addr), 1);
  return net::address_block(storage);
}

TEST_F(ProxiedSocketTest, TheClientIsTheOneThatTheHeaderNames) {
  start();
  const Descriptor proxy = connect();
  net::send_all(proxy.get(), std::string(kHeader) + std::string(kRequest));
  EXPECT_TRUE(answer(proxy).starts_with("HTTP/1.1 200 "));
  ASSERT_TRUE(log_has(1));
  EXPECT_EQ(log.entries[0].peer, "192.0.2.7");
  EXPECT_EQ(counted_as(block_of("192.0.2.7")), 1u);
  EXPECT_EQ(counted_as(77), 0u) << "the proxy's";
}

TEST_F(ProxiedSocketTest, AHeaderMayComeInAnyPieces) {
  start();
  const std::string all = std::string(kHeader) + std::string(kRequest);
  for (size_t cut = 1; cut < all.size(); ++cut) {
    const Descriptor proxy = connect();
    net::send_all(proxy.get(), all.substr(0, cut));
    turn(2);
    net::send_all(proxy.get(), all.substr(cut));
    ASSERT_TRUE(answer(proxy).ends_with("hello GET /")) << cut;
    ASSERT_TRUE(log_has(cut));
    EXPECT_EQ(log.entries.back().peer, "192.0.2.7");
  }
}

TEST_F(ProxiedSocketTest, AHeaderMayComeOctetByOctet) {
  start();
  const Descriptor proxy = connect();
  for (const char octet : kHeader) {
    EXPECT_EQ(service->connections(), 1u);
    net::send_all(proxy.get(), {&octet, 1});
    turn(2);
  }
  EXPECT_TRUE(log.entries.empty());
  net::send_all(proxy.get(), kRequest);
  EXPECT_TRUE(answer(proxy).starts_with("HTTP/1.1 200 "));
}

TEST_F(ProxiedSocketTest, WhoIsNotNamedIsThePeerItself) {
  start();
  for (const std::string& header :
       {std::string("PROXY UNKNOWN\r\n"), "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"s}) {
    const Descriptor proxy = connect();
    net::send_all(proxy.get(), header + std::string(kRequest));
    EXPECT_TRUE(answer(proxy).starts_with("HTTP/1.1 200 ")) << header;
    EXPECT_EQ(counted_as(77), 1u);
    service->abort_all();
    turn();
  }
  ASSERT_TRUE(log_has(2));
  EXPECT_EQ(log.entries[0].peer, "127.0.0.1");
  EXPECT_EQ(log.entries[1].peer, "127.0.0.1");
}

TEST_F(ProxiedSocketTest, AClientOfAUnixSocketHasNoAddress) {
  start();
  const Descriptor proxy = connect();
  net::send_all(proxy.get(), "\r\n\r\n\0\r\nQUIT\n\x21\x31\0\xd8"s + std::string(216, '\0') +
                                 std::string(kRequest));
  EXPECT_TRUE(answer(proxy).starts_with("HTTP/1.1 200 "));
  ASSERT_TRUE(log_has(1));
  EXPECT_EQ(log.entries[0].peer, "unix:");
  EXPECT_EQ(counted_as(77), 0u);
}

TEST_F(ProxiedSocketTest, WhoIsNotTrustedIsClosedAtOnce) {
  start();
  for (const char* const stranger : {"192.0.2.1", "2001:db8::1"}) {
    const Descriptor client = connect(stranger);
    EXPECT_TRUE(is_closed(client));
    EXPECT_EQ(service->connections(), 0u);
    ASSERT_FALSE(log.entries.empty());
    EXPECT_EQ(log.entries.back().peer, stranger);
    EXPECT_EQ(log.entries.back().cause, "peer is not in trusted_proxies");
    EXPECT_EQ(log.entries.back().phase, "connection");
    EXPECT_FALSE(log.entries.back().peer_left);
  }
  EXPECT_EQ(log.entries.size(), 2u);
}

TEST_F(ProxiedSocketTest, WithoutTrustedProxiesNobodyIsTrusted) {
  start({});
  const Descriptor proxy = connect();
  EXPECT_TRUE(is_closed(proxy));
  EXPECT_EQ(log.entries.size(), 1u);
}

TEST_F(ProxiedSocketTest, AMalformedHeaderClosesWithoutAnAnswer) {
  start();
  const Descriptor proxy = connect();
  net::send_all(proxy.get(), kRequest);
  EXPECT_TRUE(is_closed(proxy));
  ASSERT_EQ(log.entries.size(), 1u);
  EXPECT_EQ(log.entries[0].cause, "no PROXY protocol header");
  EXPECT_EQ(log.entries[0].peer, "127.0.0.1");
  EXPECT_EQ(log.entries[0].status, 0);
  EXPECT_FALSE(log.entries[0].complete);
  EXPECT_EQ(load.connections.load(), 0u);
}

TEST_F(ProxiedSocketTest, ALateHeaderClosesWithTheLimit) {
  limits.proxy_protocol_timeout = milliseconds(40);
  start();
  const Descriptor silent = connect();
  const Descriptor slow = connect();
  net::send_all(slow.get(), kHeader.substr(0, 20));
  ASSERT_TRUE(log_has(2));
  for (const auto& entry : log.entries) {
    EXPECT_EQ(entry.limit, "proxy_protocol_timeout");
    EXPECT_EQ(entry.cause, "PROXY protocol header not in time");
  }
  EXPECT_TRUE(is_closed(silent));
  EXPECT_TRUE(is_closed(slow));
  EXPECT_EQ(service->connections(), 0u);
}

// As load balancers do to see whether somebody is there.
TEST_F(ProxiedSocketTest, WhoLeavesWithoutAWordIsNotLogged) {
  start();
  Descriptor quiet = connect();
  turn();
  quiet = Descriptor();
  EXPECT_TRUE(net::turn_until(loop, [&] { return service->connections() == 0; }));
  Descriptor gruff = connect();
  net::reset_on_close(gruff.get());
  turn();
  gruff = Descriptor();
  EXPECT_TRUE(net::turn_until(loop, [&] { return service->connections() == 0; }));
  EXPECT_TRUE(log.entries.empty());
}

TEST_F(ProxiedSocketTest, WhoLeavesWithinTheHeaderIsLoggedAsGone) {
  start();
  Descriptor proxy = connect();
  net::send_all(proxy.get(), kHeader.substr(0, 9));
  turn();
  shutdown(proxy.get(), SHUT_WR);
  ASSERT_TRUE(log_has(1));
  EXPECT_EQ(log.entries[0].cause, "peer left within the PROXY protocol's header");
  EXPECT_TRUE(log.entries[0].peer_left);
  EXPECT_EQ(service->connections(), 0u);
}

// The end that comes with the request is seen by who serves it.
TEST_F(ProxiedSocketTest, AnEndBehindTheRequestIsNoHindrance) {
  start();
  const Descriptor proxy = connect();
  net::send_all(proxy.get(), std::string(kHeader) + std::string(kRequest));
  shutdown(proxy.get(), SHUT_WR);
  EXPECT_TRUE(answer(proxy).starts_with("HTTP/1.1 200 "));
}

TEST_F(ProxiedSocketTest, ThoseWhoWaitAreConnectionsAndCanBeCut) {
  start();
  const Descriptor first = connect(), second = connect();
  turn();
  EXPECT_EQ(service->connections(), 2u);
  EXPECT_EQ(load.connections.load(), 2u);
  EXPECT_EQ(counted_as(77), 2u);
  service->abort_all();
  EXPECT_EQ(service->connections(), 0u);
  EXPECT_EQ(load.connections.load(), 0u);
  turn();
  EXPECT_TRUE(is_closed(first));
  EXPECT_TRUE(is_closed(second));
}

TEST_F(ProxiedSocketTest, DrainingServesWhoseHeaderIsThereAndClosesTheOthers) {
  start();
  const Descriptor asking = connect(), silent = connect(), half = connect();
  net::send_all(asking.get(), std::string(kHeader) + std::string(kRequest));
  net::send_all(half.get(), kHeader.substr(0, 30));
  service->drain();
  EXPECT_TRUE(is_closed(silent));
  EXPECT_TRUE(is_closed(half));
  const std::string text = answer(asking);
  EXPECT_TRUE(text.starts_with("HTTP/1.1 200 ")) << text;
  EXPECT_NE(text.find("\r\nConnection: close\r\n"), std::string::npos) << text;
  const Descriptor late = connect();
  EXPECT_TRUE(is_closed(late));
}

TEST_F(ProxiedSocketTest, ThoseWhoWaitLongestGoFirstWhenRoomIsNeeded) {
  start();
  std::vector<Descriptor> waiting;
  for (int i = 0; i < 3; ++i) {
    waiting.push_back(connect());
    std::this_thread::sleep_for(milliseconds(2));
    turn(1);
  }
  EXPECT_EQ(service->shed_idle(1), 1u);
  turn(1);
  EXPECT_TRUE(is_closed(waiting[0]));
  EXPECT_FALSE(service->shed_idle_of(78)) << "of somebody else";
  EXPECT_TRUE(service->shed_idle_of(77));
  turn(1);
  EXPECT_TRUE(is_closed(waiting[1]));
  EXPECT_EQ(service->connections(), 1u);
  EXPECT_EQ(service->shed_idle(10), 1u);
  EXPECT_EQ(service->connections(), 0u);
}

TEST_F(ProxiedSocketTest, WhoHasJustComeIsNotShed) {
  limits.idle_grace = std::chrono::hours(1);
  start();
  const Descriptor proxy = connect();
  EXPECT_EQ(service->shed_idle(5), 0u);
  EXPECT_FALSE(service->shed_idle_of(77));
  EXPECT_EQ(service->connections(), 1u);
}

// A connection has the settings of the listener that it came through, also when a reload removes
// that one meanwhile.
TEST_F(ProxiedSocketTest, AReloadChangesNothingForThoseWhoWait) {
  start();
  const Descriptor proxy = connect();
  turn();
  conf::Limits strict = limits;
  strict.request_line = 5;
  const Ref<ListenerSettings> other(new ListenerSettings(4, {.values = strict}));
  service->replace({.router = Ref<Router>(new OneRouter), .listeners = {other}});
  net::send_all(proxy.get(), std::string(kHeader) + std::string(kRequest));
  EXPECT_TRUE(answer(proxy).starts_with("HTTP/1.1 200 "));
  ASSERT_TRUE(log_has(1));
  EXPECT_EQ(log.entries[0].peer, "192.0.2.7");
}

// connections_per_address bounds clients, not the proxy that all of them come through.
TEST_F(ProxiedSocketTest, AClientWithTooManyConnectionsIsTurnedAway) {
  limits.connections_per_address = 2;
  start();
  std::vector<Descriptor> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(connect());
    net::send_all(clients.back().get(), kHeader);
    turn();
  }
  EXPECT_EQ(counted_as(block_of("192.0.2.7")), 2u);
  net::send_all(clients[1].get(), kRequest);
  EXPECT_TRUE(answer(clients[1]).starts_with("HTTP/1.1 200 "));
  EXPECT_TRUE(net::receive(clients[2].get(), 20).starts_with("HTTP/1.1 503 "));
  EXPECT_EQ(log.entries[0].limit, "connections_per_address");
  EXPECT_EQ(log.entries[0].peer, "192.0.2.7");
}

// The octets behind the header may not be HTTP's: a listener without TLS gets to see them as such.
TEST_F(ProxiedSocketTest, OnlyOneHeaderIsTaken) {
  start();
  const Descriptor proxy = connect();
  net::send_all(proxy.get(), std::string(kHeader) + std::string(kHeader));
  EXPECT_TRUE(net::turn_until(loop, [&] { return !log.entries.empty(); }));
  EXPECT_EQ(log.entries[0].status, 400);
  EXPECT_EQ(log.entries[0].peer, "192.0.2.7");
}

}  // namespace
}  // namespace sluice::http
