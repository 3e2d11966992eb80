// The problem: between the first SYN and the first request an upstream may refuse, close, be silent
// or speak something else, and each has its own answer.
#include "server/handler/proxy/connecting.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>

#include "unit/server/handler/proxy/pool_fixture.h"
#include "unit/tls/session_pair.h"

namespace sluice::handler::proxy {
namespace {

using std::chrono::milliseconds;

conf::UpstreamTarget over_tls(bool verified = false) {
  conf::UpstreamTarget target;
  target.host = "localhost";
  target.port = 443;
  target.tls = conf::UpstreamTls{.verify = verified};
  return target;
}

class ConnectingOverTls : public ::testing::Test {
 protected:
  static conf::Limits limits() {
    conf::Limits made;
    made.upstream_connect_timeout = milliseconds(200);
    return made;
  }
  void begin(PoolFixture& f) {
    std::string problem;
    f.upstream->set_tls(tls::UpstreamContext::make(f.upstream->target(), problem));
    EXPECT_EQ(problem, "");
    f.name->set({server.address()});
  }
  void expect_failure(PoolFixture& f, const Asking& one, int status, std::string_view error) {
    EXPECT_TRUE(f.until([&] { return one.done(); }));
    ASSERT_TRUE(one.failure);
    EXPECT_EQ(one.failure->status, status);
    EXPECT_EQ(one.failure->error, error);
    EXPECT_FALSE(one.failure->cause.empty());
    EXPECT_TRUE(one.failure->unread);
  }
  LocalServer server;
};

// The server's side of TLS, on the fixture's own loop.
class TlsPeer {
 public:
  TlsPeer(PoolFixture& f, Peer peer)
      : f_(f), descriptor_(peer.socket.release()), work_(f.loop, 4, 100) {
    net::make_non_blocking(descriptor_);
    transport_ = std::make_unique<net::TlsTransport>(f.loop, descriptor_, task_, work_, *context_);
    EXPECT_EQ(transport_->open(), 0);
  }
  ~TlsPeer() {
    transport_.reset();
    f_.loop.forget(task_);
  }
  bool shakes_hands() {
    return f_.until([&] {
      const net::Handshake state = transport_->handshake();
      flush();
      failed = failed || state == net::Handshake::failed;
      return failed || state == net::Handshake::done;
    });
  }
  bool hears(std::string_view end) {
    return f_.until([&] {
      std::array<char, 4096> room;
      const net::ReadResult result = transport_->read(room);
      heard.append(room.data(), result.octets);
      return heard.ends_with(end);
    });
  }
  void say(std::string_view octets) {
    out_.append(copy_of(octets));
    flush();
  }
  std::string heard;
  bool failed = false;

 private:
  void flush() {
    if (!out_.empty() || transport_->holds_output()) (void)transport_->flush(out_, 1'000'000);
  }
  PoolFixture& f_;
  const int descriptor_;
  net::CountingTask task_;
  net::TlsWork work_;
  // It takes HTTP/2 where that is offered.
  static std::shared_ptr<const tls::ListenerContext> make_context() {
    tls::ListenerContext::Parts parts = tls::listener_parts();
    parts.http2 = true;
    return tls::make_listener(std::move(parts));
  }

  const std::shared_ptr<const tls::ListenerContext> context_ = make_context();
  std::unique_ptr<net::TlsTransport> transport_;
  Chain out_;
};

TEST_F(ConnectingOverTls, SendsTheRequestWhenHandsAreShaken) {
  conf::UpstreamTarget target = over_tls();
  target.http2 = conf::UpstreamTarget::Http2::never;
  PoolFixture f({}, target);
  begin(f);
  Asking& one = f.ask();
  TlsPeer peer(f, f.accept(server));
  ASSERT_TRUE(peer.shakes_hands());
  ASSERT_FALSE(peer.failed);
  EXPECT_TRUE(peer.hears("\r\n\r\n"));
  EXPECT_EQ(one.connection->protocol(), "HTTP/1.1");
  peer.say(kOk);
  EXPECT_TRUE(f.until([&] { return one.done(); }));
  EXPECT_TRUE(one.receiver.ended);
  f.close();
}

TEST_F(ConnectingOverTls, SpeaksHttp2WhenThatIsAgreedOn) {
  PoolFixture f({}, over_tls());
  begin(f);
  Asking& one = f.ask();
  TlsPeer peer(f, f.accept(server));
  ASSERT_TRUE(peer.shakes_hands());
  ASSERT_TRUE(f.until([&] { return one.connection != nullptr; }));
  EXPECT_EQ(one.connection->protocol(), "HTTP/2.0");
  f.close();
}

TEST_F(ConnectingOverTls, TakesNoCertificateThatNobodyVouchesFor) {
  PoolFixture f({}, over_tls(true));
  begin(f);
  Asking& one = f.ask();
  TlsPeer peer(f, f.accept(server));
  (void)peer.shakes_hands();
  expect_failure(f, one, 502, "tls_certificate_error");
}

TEST_F(ConnectingOverTls, IsToldOfACloseWithinTheHandshake) {
  PoolFixture f({}, over_tls());
  begin(f);
  Asking& one = f.ask();
  { const Peer closes = f.accept(server); }
  expect_failure(f, one, 502, "connection_terminated");
}

TEST_F(ConnectingOverTls, IsToldThatTheUpstreamSpeaksSomethingElse) {
  PoolFixture f({}, over_tls());
  begin(f);
  Asking& one = f.ask();
  const Peer peer = f.accept(server);
  peer.say("HTTP/1.1 400 Bad Request\r\n\r\n");
  expect_failure(f, one, 502, "tls_protocol_error");
}

TEST_F(ConnectingOverTls, WaitsForTheHandshakeNoLongerThanToConnect) {
  PoolFixture f(limits(), over_tls());
  begin(f);
  Asking& one = f.ask();
  const Peer silent = f.accept(server);
  expect_failure(f, one, 504, "connection_timeout");
  EXPECT_EQ(one.failure->limit, "upstream_connect_timeout");
}

TEST_F(ConnectingOverTls, MayBeGivenUpWithinTheHandshake) {
  PoolFixture f({}, over_tls());
  begin(f);
  Asking& one = f.ask();
  Peer peer = f.accept(server);
  EXPECT_TRUE(f.until([&] {
    peer.listen();
    return !peer.heard.empty();
  }));
  f.leave(one);
  f.end_all();
  EXPECT_TRUE(f.ends(peer));
}

TEST(Connecting, ReachesUnixSockets) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("sluice-connecting-" + std::to_string(::getpid()));
  std::filesystem::create_directory(folder);
  const std::string path = folder / "app.sock";
  {
    const auto address = net::SocketAddress::of_path(path);
    ASSERT_TRUE(address);
    LocalServer server;
    server.listener = net::Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
    ASSERT_EQ(::bind(server.listener.get(), address->get(), address->size()), 0);
    ASSERT_EQ(::listen(server.listener.get(), 8), 0);
    PoolFixture f;
    f.name->set({*address});
    Asking& one = f.ask();
    Peer peer = f.accept(server);
    f.serve(peer, one);
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace sluice::handler::proxy
