// A server connection before its first request over TLS: on real sockets with a client of OpenSSL,
// and over a transport that does what a test says.
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <utility>

#include "unit/server/http/tls_link.h"

namespace sluice::http {
namespace {

using std::chrono::milliseconds;

std::shared_ptr<const tls::ListenerContext> make_tls() {
  return tls::make_listener(tls::listener_parts());
}

struct HandshakeWorld : ConnectionFixture {
  explicit HandshakeWorld(const conf::Limits& limits_to_use = {})
      : ConnectionFixture(limits_to_use), tls(make_tls()) {
    listener = Ref<ListenerSettings>(new ListenerSettings(0, {.values = limits}, {}, tls));
  }
  ~HandshakeWorld() {
    context.abort_all("test over");
    turn();
  }
  bool alive() { return active() || idle(); }
  bool active() { return context.active.size() > 0; }
  bool idle() { return context.idle.size() > 0; }

  const std::shared_ptr<const tls::ListenerContext> tls;
};

// --- On sockets ----------------------------------------------------------------------------------

struct SocketWorld : HandshakeWorld {
  explicit SocketWorld(const tls::ClientWish& wish = {}, const conf::Limits& limits_to_use = {})
      : HandshakeWorld(limits_to_use),
        link(*this, wish),
        socket(link.socket),
        client(link.client) {}
  bool until(const std::function<bool()>& done) { return link.until(done); }
  bool shake() {
    return until([this] { return client.established && !log.handshakes.empty() && idle(); });
  }

  TlsLink link;
  net::Descriptor& socket;
  tls::MemoryClient& client;
};

TEST(H1ServerConnectionHandshake, RequestsFollowIt) {
  SocketWorld world;
  EXPECT_TRUE(world.active());
  EXPECT_FALSE(world.idle()) << "who shakes hands is not idle";
  ASSERT_TRUE(world.shake());
  EXPECT_EQ(world.log.handshakes, std::vector{HandshakeEnd::established});
  EXPECT_FALSE(world.active());
  EXPECT_EQ(world.connection->held(), 0U);
  world.client.write(get("/x"));
  ASSERT_TRUE(world.until([&] { return world.client.plain.ends_with("hello GET /x"); }));
  world.client.write(get("/1") + get("/2"));
  ASSERT_TRUE(world.until([&] { return world.client.plain.ends_with("hello GET /2"); }));
  EXPECT_EQ(world.log.entries.size(), 3U);
  EXPECT_EQ(world.log.handshakes.size(), 1U);
}

TEST(H1ServerConnectionHandshake, ARequestMayComeWithTheClientsLastFlight) {
  SocketWorld world;
  bool asked = false;
  ASSERT_TRUE(world.until([&] {
    if (world.client.established && !std::exchange(asked, true)) world.client.write(get("/x"));
    return world.client.plain.ends_with("hello GET /x");
  }));
}

TEST(H1ServerConnectionHandshake, TheAlertArrivesBeforeTheEnd) {
  SocketWorld world({.alpn = "\x02h2"});
  ASSERT_TRUE(world.until([&] { return world.link.ended; }));
  EXPECT_FALSE(world.link.reset);
  EXPECT_EQ(world.client.alerts, std::vector{120});
  EXPECT_EQ(world.log.handshakes, std::vector{HandshakeEnd::failed});
  EXPECT_TRUE(world.alive()) << "it lingers";
  world.socket = net::Descriptor();
  ASSERT_TRUE(net::turn_until(world.loop, [&] { return !world.alive(); }));
  EXPECT_TRUE(world.log.entries.empty());
}

// What still arrives is read and dropped: closing would reset, and destroy the alert.
TEST(H1ServerConnectionHandshake, LingersOverWhatFollowsAFailedHandshake) {
  SocketWorld world;
  net::send_all(world.socket.get(), std::string(20'000, '\x80'));
  ASSERT_TRUE(world.until([&] { return world.link.ended; }));
  EXPECT_FALSE(world.link.reset);
  EXPECT_EQ(world.log.handshakes, std::vector{HandshakeEnd::failed});
  net::send_all(world.socket.get(), std::string(1000, '\x80'));
  world.turn();
  EXPECT_TRUE(world.alive());
}

TEST(H1ServerConnectionHandshake, WhoLeavesIsRecordedOnce) {
  for (const bool resets : {false, true}) {
    SocketWorld world;
    const std::string hello = world.client.take();
    net::send_all(world.socket.get(), hello.substr(0, 100));
    world.turn();
    if (resets) net::reset_on_close(world.socket.get());
    world.socket = net::Descriptor();
    ASSERT_TRUE(net::turn_until(world.loop, [&] { return !world.alive(); }));
    EXPECT_EQ(world.log.handshakes, std::vector{HandshakeEnd::left});
  }
}

TEST(H1ServerConnectionHandshake, ClearTextIsAnsweredInClearText) {
  SocketWorld world;
  net::send_all(world.socket.get(), get("/x") + get("/y"));
  std::string answer;
  ASSERT_TRUE(net::turn_until(world.loop, [&] {
    std::array<char, 4096> room;
    const ssize_t count = recv(world.socket.get(), room.data(), room.size(), MSG_DONTWAIT);
    if (count > 0) answer.append(room.data(), static_cast<size_t>(count));
    world.link.ended = world.link.ended || count == 0;
    return world.link.ended;
  }));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 ")) << answer;
  EXPECT_NE(answer.find("this port speaks HTTPS"), std::string::npos);
  EXPECT_EQ(world.log.handshakes, std::vector{HandshakeEnd::clear_text});
  EXPECT_EQ(world.handler.started, 0);
}

TEST(H1ServerConnectionHandshake, DrainingWaitsForItAndCloses) {
  SocketWorld world;
  world.context.start_draining();
  world.turn();
  EXPECT_TRUE(world.alive());
  ASSERT_TRUE(world.until([&] { return world.link.ended; }));
  EXPECT_TRUE(world.client.established);
  EXPECT_TRUE(world.client.closed) << "close_notify";
  EXPECT_EQ(world.log.handshakes, std::vector{HandshakeEnd::established});
}

TEST(H1ServerConnectionHandshake, AbortEndsIt) {
  SocketWorld world;
  world.context.abort_all("stopping");
  world.turn();
  EXPECT_FALSE(world.alive());
  EXPECT_EQ(world.log.handshakes, std::vector{HandshakeEnd::left});
}

TEST(H1ServerConnectionHandshake, EndsAtItsDeadlineWhoeverTrickles) {
  conf::Limits limits;
  limits.handshake_timeout = milliseconds(80);
  const net::Time begun = net::Clock::now();
  SocketWorld world({}, limits);
  const std::string hello = world.client.take();
  size_t sent = 0;
  ASSERT_TRUE(net::turn_until(world.loop, [&] {
    if (sent < hello.size() / 2) send(world.socket.get(), hello.data() + sent++, 1, MSG_NOSIGNAL);
    return !world.alive();
  }));
  EXPECT_GE(net::Clock::now() - begun, milliseconds(80));
  EXPECT_EQ(world.log.handshakes, std::vector{HandshakeEnd::timed_out});
}

TEST(H1ServerConnectionHandshake, ContentThatEndsWithoutCloseNotifyIsCut) {
  SocketWorld world;
  ASSERT_TRUE(world.shake());
  world.client.write("POST /later HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nfive!");
  ASSERT_TRUE(world.until([&] { return world.handler.waiting != nullptr; }));
  shutdown(world.socket.get(), SHUT_WR);
  ASSERT_TRUE(net::turn_until(world.loop, [&] { return !world.alive(); }));
  EXPECT_EQ(world.handler.cancelled, 1);
}

// --- Over a transport that a test commands -------------------------------------------------------

struct Orders {
  net::Handshake handshake = net::Handshake::pending;
  bool holds_output = false;
  net::Io flush = net::Io::blocked;
  bool shut_down = false;
};

class OrderedTransport final : public net::Transport {
 public:
  OrderedTransport(Orders& orders, tls::Workspace& workspace, const tls::ListenerContext& context)
      : orders_(orders), session_(workspace, context) {}
  void wake_instead(net::Task&) noexcept override {}
  net::Handshake handshake() override { return orders_.handshake; }
  tls::Session* session() noexcept override { return &session_; }
  net::ReadResult read(std::span<char>) override { return {net::Io::blocked, 0}; }
  net::FlushResult flush(Chain&, uint64_t) override { return {orders_.flush, 0}; }
  bool holds_output() const noexcept override { return orders_.holds_output; }
  bool readable() const noexcept override { return false; }
  bool writable() const noexcept override { return true; }
  bool broken() const noexcept override { return false; }
  bool peer_closed() const noexcept override { return false; }
  uint64_t unsent() const noexcept override { return 0; }
  void shutdown_write() noexcept override { orders_.shut_down = true; }
  void reset_on_close() noexcept override {}

 private:
  Orders& orders_;
  tls::Session session_;
};

struct OrderedWorld : HandshakeWorld {
  explicit OrderedWorld(const Orders& first, const conf::Limits& limits_to_use = {})
      : HandshakeWorld(limits_to_use), orders(first) {
    connection = new H1ServerConnection(context, listener, net::ConnectionSlot(load), peer);
    connection->open(std::make_unique<OrderedTransport>(orders, workspace, *tls));
    turn();
  }
  ~OrderedWorld() {
    context.abort_all("test over");
    turn();
  }
  Orders orders;
  tls::Workspace workspace{100};
};

// A client that does not read our flight gets no more time than any other.
TEST(H1ServerConnectionHandshake, ItsDeadlineHoldsWhileTheFlightIsUnsent) {
  conf::Limits limits;
  limits.handshake_timeout = milliseconds(60);
  limits.send_timeout = milliseconds(100'000);
  OrderedWorld world({.holds_output = true}, limits);
  for (int i = 0; i < 3 && world.alive(); ++i) {
    world.connection->wake();  // it moves on, and still that is no reason
    world.wait(milliseconds(10));
  }
  ASSERT_TRUE(net::turn_until(world.loop, [&] { return !world.alive(); }));
  EXPECT_EQ(world.log.handshakes, std::vector{HandshakeEnd::timed_out});
}

TEST(H1ServerConnectionHandshake, AFailureIsRecordedOnceThoughTheAlertCannotBeSent) {
  OrderedWorld world(
      {.handshake = net::Handshake::failed, .holds_output = true, .flush = net::Io::failed});
  EXPECT_EQ(world.log.handshakes.size(), 1U);
  EXPECT_TRUE(world.orders.shut_down) << "it lingers";
}

TEST(H1ServerConnectionHandshake, AResetWhileOurFlightIsSentIsRecordedOnce) {
  OrderedWorld world({.holds_output = true, .flush = net::Io::failed});
  EXPECT_FALSE(world.alive());
  EXPECT_EQ(world.log.handshakes, std::vector{HandshakeEnd::left});
}

}  // namespace
}  // namespace sluice::http
