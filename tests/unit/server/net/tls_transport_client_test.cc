// A TLS transport in the client's role on a real socket, with an upstream of OpenSSL at its end.
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "protocol/block.h"
#include "server/net/tls_transport.h"
#include "unit/server/net/sockets.h"
#include "unit/tls/session_pair.h"
#include "unit/tls/upstream_pair.h"

namespace sluice::net {
namespace {

constexpr uint64_t kBudget = 1024 * 1024;

class TlsTransportClient : public ::testing::Test {
 protected:
  ~TlsTransportClient() override {
    transport.reset();
    loop.forget(task);
  }

  void connect(const tls::UpstreamWish& wish = {}, uint64_t handshakes = 4) {
    ignore_broken_pipes();
    work = std::make_unique<TlsWork>(loop, handshakes, 100);
    Pair pair = tcp_pair();
    theirs = std::move(pair.theirs);
    transport = std::make_unique<TlsTransport>(loop, pair.ours.release(), task, *work, *context);
    ASSERT_EQ(transport->open(), 0);
    upstream = std::make_unique<tls::MemoryUpstream>(wish);
    end = std::make_unique<tls::UpstreamEnd>(*upstream);
  }

  std::string arrived() {
    std::string octets;
    std::array<char, 65536> room;
    while (true) {
      const ssize_t count = recv(theirs.get(), room.data(), room.size(), MSG_DONTWAIT);
      at_end = at_end || count == 0;
      if (count <= 0) return octets;
      octets.append(room.data(), static_cast<size_t>(count));
    }
  }
  // As a connection does: what the handshake says leaves with the flush that follows.
  Handshake turn(Chain& chain) {
    loop.run_once(milliseconds(0));
    const Handshake state = transport->handshake();
    if (transport->holds_output() || state == Handshake::done) transport->flush(chain, kBudget);
    end->give(arrived());
    send_all(theirs.get(), end->take());
    return state;
  }
  void shake() {
    Chain none;
    ASSERT_TRUE(turn_until(loop, [&] { return turn(none) == Handshake::done; }));
    ASSERT_TRUE(turn_until(loop, [&] {
      end->give(arrived());
      return end->established;
    }));
    send_all(theirs.get(), end->take());
  }
  // How a handshake ends that is not flushed, or was flushed before.
  Handshake outcome() {
    Handshake state = Handshake::pending;
    turn_until(loop, [&] {
      if (state == Handshake::pending) state = transport->handshake();
      return state != Handshake::pending;
    });
    return state;
  }
  std::string read_until(Io wanted) {
    std::string got;
    std::vector<char> room(16384);
    bool ended = false;
    EXPECT_TRUE(turn_until(loop, [&] {
      if (ended || !transport->readable()) return ended;
      const ReadResult result = transport->read(room);
      got.append(room.data(), result.octets);
      return ended = result.status == wanted;
    }));
    return got;
  }

  using milliseconds = std::chrono::milliseconds;
  const tls::CertificateFolder folder;
  std::shared_ptr<const tls::UpstreamContext> context =
      tls::make_upstream(tls::target_of(folder, tls::made_localhost()));
  Loop loop;
  CountingTask task;
  std::unique_ptr<TlsWork> work;
  Descriptor theirs;
  std::unique_ptr<TlsTransport> transport;
  std::unique_ptr<tls::MemoryUpstream> upstream;
  std::unique_ptr<tls::UpstreamEnd> end;
  bool at_end = false;
};

TEST_F(TlsTransportClient, SaysItsHelloWithTheFirstFlush) {
  connect();
  EXPECT_FALSE(transport->holds_output());
  EXPECT_EQ(transport->handshake(), Handshake::pending);
  EXPECT_TRUE(transport->holds_output());
  EXPECT_EQ(arrived(), "");
  Chain none;
  EXPECT_EQ(transport->flush(none, kBudget).status, Io::progress);
  std::string hello;
  ASSERT_TRUE(turn_until(loop, [&] {
    hello += arrived();
    return !hello.empty();
  }));
  EXPECT_EQ(hello[0], 22);
  EXPECT_FALSE(transport->holds_output());
  // Once only.
  EXPECT_EQ(transport->handshake(), Handshake::pending);
  EXPECT_FALSE(transport->holds_output());
}

TEST_F(TlsTransportClient, SendsARequestAndReadsTheResponse) {
  connect({.protocol = "h2"});
  shake();
  EXPECT_TRUE(transport->session()->speaks_http2());
  Chain request;
  const std::string asked = pattern(200'000);
  request.append(copy_of(asked));
  ASSERT_TRUE(turn_until(loop, [&] {
    transport->flush(request, kBudget);
    end->give(arrived());
    return end->plain.size() >= asked.size();
  }));
  EXPECT_EQ(end->plain, asked);
  const std::string answer = pattern(50'000, 2);
  end->write(answer);
  send_all(theirs.get(), end->take());
  SSL_shutdown(end->ssl());
  send_all(theirs.get(), end->take());
  EXPECT_EQ(read_until(Io::end), answer);
  EXPECT_TRUE(transport->peer_closed());
}

TEST_F(TlsTransportClient, SendsTheRequestWithTheHandshakesEnd) {
  connect({.oldest = TLS1_3_VERSION});
  Chain request;
  request.append(copy_of("GET"));
  ASSERT_TRUE(
      turn_until(loop, [&] { return request.empty() || turn(request) == Handshake::done; }));
  EXPECT_TRUE(request.empty());
  ASSERT_TRUE(turn_until(loop, [&] {
    end->give(arrived());
    return end->plain == "GET";
  }));
}

TEST_F(TlsTransportClient, TellsAnEndWithoutCloseNotifyFromAGoodOne) {
  connect();
  shake();
  end->write("half");
  send_all(theirs.get(), end->take());
  ::shutdown(theirs.get(), SHUT_WR);
  EXPECT_EQ(read_until(Io::truncated), "half");
}

TEST_F(TlsTransportClient, SaysGoodbyeBeforeItsFin) {
  connect();
  shake();
  transport->shutdown_write();
  ASSERT_TRUE(turn_until(loop, [&] {
    end->give(arrived());
    return at_end;
  }));
  EXPECT_EQ(end->alerts, std::vector<int>{SSL_AD_CLOSE_NOTIFY});
}

TEST_F(TlsTransportClient, SendsTheAlertOfAFailure) {
  context = tls::make_upstream(tls::target_of(folder, tls::MadeChain().root));
  connect();
  Chain none;
  Handshake state = Handshake::pending;
  ASSERT_TRUE(turn_until(loop, [&] {
    if (state == Handshake::pending) state = turn(none);
    return state == Handshake::failed;
  }));
  EXPECT_EQ(transport->session()->failure().error, "tls_certificate_error");
  ASSERT_TRUE(turn_until(loop, [&] {
    end->give(arrived());
    return end->failed;
  }));
  EXPECT_EQ(end->alerts, std::vector<int>{SSL_AD_UNKNOWN_CA});
}

TEST_F(TlsTransportClient, NeverFallsBackToClearText) {
  connect();
  EXPECT_EQ(transport->handshake(), Handshake::pending);
  send_all(theirs.get(), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(outcome(), Handshake::failed);
  EXPECT_NE(transport->session(), nullptr);
  EXPECT_EQ(transport->session()->failure().error, "tls_protocol_error");
}

TEST_F(TlsTransportClient, FailsWithAnUpstreamThatClosesWithinTheHandshake) {
  connect();
  EXPECT_EQ(transport->handshake(), Handshake::pending);
  Chain none;
  transport->flush(none, kBudget);
  ::shutdown(theirs.get(), SHUT_WR);
  EXPECT_EQ(outcome(), Handshake::failed);
  EXPECT_EQ(transport->session()->failure().error, "") << "it is the connection's";
}

TEST_F(TlsTransportClient, WaitsForItsTurnAndAsksAgain) {
  connect({}, 1);
  loop.run_once(milliseconds(0));
  ASSERT_TRUE(work->take_turn());  // somebody else's
  const int before = task.runs;
  EXPECT_EQ(transport->handshake(), Handshake::pending);
  EXPECT_FALSE(transport->holds_output());
  loop.run_once(milliseconds(0));
  EXPECT_EQ(task.runs, before + 1);
  EXPECT_EQ(transport->handshake(), Handshake::pending);
  EXPECT_TRUE(transport->holds_output());
}

}  // namespace
}  // namespace sluice::net
