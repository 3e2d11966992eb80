// The problem: each thing that is waited for has its own time and its own words, counted from the
// last progress; whoever is slow but goes on is not cut off.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <string_view>

#include "unit/server/handler/proxy/proxy_fixture.h"

namespace sluice::handler::proxy {
namespace {

using http::get;
using std::chrono::milliseconds;

conf::Limits limits_with(milliseconds conf::Limits::*limit, milliseconds time) {
  conf::Limits limits;
  limits.*limit = time;
  return limits;
}

void expect_late(ProxyFixture& f, std::string_view error, std::string_view limit) {
  ASSERT_TRUE(f.logged());
  EXPECT_EQ(f.log.entries.back().status, 504);
  EXPECT_EQ(f.log.entries.back().limit, limit);
  EXPECT_NE(f.wire.output.find("Proxy-Status: sluice; error=" + std::string(error) + "\r\n"),
            std::string::npos)
      << f.wire.output;
}

TEST(ProxyExchangeDeadlines, HoldForTheFirstOctet) {
  ProxyFixture f(limits_with(&conf::Limits::upstream_response_timeout, milliseconds(40)));
  f.send(get("/"));
  Peer peer = f.accept();
  expect_late(f, "http_response_timeout", "upstream_response_timeout");
  EXPECT_TRUE(f.ends(peer));
}

TEST(ProxyExchangeDeadlines, CountFromTheLastInterimResponse) {
  ProxyFixture f(limits_with(&conf::Limits::upstream_response_timeout, milliseconds(150)));
  f.send(get("/"));
  Peer peer = f.accept();
  for (int i = 0; i < 4; ++i) {
    f.wait(milliseconds(60));
    peer.say("HTTP/1.1 103 Early Hints\r\n\r\n");
  }
  peer.say(kOk);
  EXPECT_TRUE(f.told("\r\n\r\nok"));
  EXPECT_EQ(f.log.entries.back().status, 200);
}

TEST(ProxyExchangeDeadlines, CutAResponseThatFallsSilent) {
  ProxyFixture f(limits_with(&conf::Limits::upstream_read_timeout, milliseconds(40)));
  f.send(get("/"));
  Peer peer = f.accept();
  ASSERT_TRUE(f.hears(peer));
  peer.say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
  ASSERT_TRUE(f.logged());
  EXPECT_EQ(f.log.entries.back().status, 200);
  EXPECT_FALSE(f.log.entries.back().complete);
  EXPECT_EQ(f.log.entries.back().limit, "upstream_read_timeout");
  EXPECT_TRUE(f.until([&] { return f.wire.closed; }));
  EXPECT_TRUE(f.ends(peer));
}

TEST(ProxyExchangeDeadlines, BearAResponseThatIsSlow) {
  ProxyFixture f(limits_with(&conf::Limits::upstream_read_timeout, milliseconds(150)));
  f.send(get("/"));
  Peer peer = f.accept();
  ASSERT_TRUE(f.hears(peer));
  peer.say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
  for (int i = 0; i < 4; ++i) {
    f.wait(milliseconds(60));
    peer.say("x");
  }
  EXPECT_TRUE(f.told("xxxx"));
  ASSERT_TRUE(f.logged());
  EXPECT_TRUE(f.log.entries.back().complete);
}

TEST(ProxyExchangeDeadlines, BearTheSilenceOfEventStreams) {
  ProxyFixture f(limits_with(&conf::Limits::upstream_read_timeout, milliseconds(40)));
  f.send(get("/"));
  Peer peer = f.accept();
  ASSERT_TRUE(f.hears(peer));
  peer.say("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: a\n\n");
  EXPECT_TRUE(f.told("data: a\n\n"));
  f.wait(milliseconds(160));
  EXPECT_TRUE(f.log.entries.empty());
  peer.say("data: b\n\n");
  EXPECT_TRUE(f.told("data: b\n\n"));
}

// A client that takes nothing is for its own connection to judge.
TEST(ProxyExchangeDeadlines, DoNotCountWhileTheClientTakesNothing) {
  conf::Limits limits = limits_with(&conf::Limits::upstream_read_timeout, milliseconds(300));
  limits.upstream_read_ahead = 4;
  ProxyFixture f(limits);
  f.send(get("/"));
  Peer peer = f.accept();
  ASSERT_TRUE(f.hears(peer));
  f.wire.takes = false;
  const std::string content(3'000'000, 'x');  // more than a turn takes for the client
  peer.say("HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n");
  size_t given = 0;
  const auto give = [&] {
    const ssize_t sent = ::send(peer.socket.get(), content.data() + given, content.size() - given,
                                MSG_DONTWAIT | MSG_NOSIGNAL);
    given += sent > 0 ? static_cast<size_t>(sent) : 0;
  };
  give();
  const auto end = std::chrono::steady_clock::now() + milliseconds(800);
  while (std::chrono::steady_clock::now() < end) {
    f.wait(milliseconds(5));
    give();
  }
  EXPECT_TRUE(f.log.entries.empty());
  f.wire.takes = true;
  EXPECT_TRUE(f.until([&] {
    f.wake();
    if (given < content.size()) give();
    return !f.log.entries.empty();
  }));
  EXPECT_TRUE(f.log.entries.back().complete);
}

TEST(ProxyExchangeDeadlines, HoldForTheWhole) {
  ProxyFixture f(limits_with(&conf::Limits::upstream_total_timeout, milliseconds(60)));
  f.send(get("/"));
  Peer peer = f.accept();
  expect_late(f, "http_response_timeout", "upstream_total_timeout");
}

TEST(ProxyExchangeDeadlines, HoldForTheWholeOfAResponseThatGoesOn) {
  ProxyFixture f(limits_with(&conf::Limits::upstream_total_timeout, milliseconds(80)));
  f.send(get("/"));
  Peer peer = f.accept();
  ASSERT_TRUE(f.hears(peer));
  peer.say("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
  EXPECT_TRUE(f.until([&] {
    if (f.log.entries.empty()) (void)::send(peer.socket.get(), "x", 1, MSG_NOSIGNAL);
    return !f.log.entries.empty();
  }));
  EXPECT_FALSE(f.log.entries.back().complete);
  EXPECT_EQ(f.log.entries.back().limit, "upstream_total_timeout");
}

TEST(ProxyExchangeDeadlines, HoldForTheWholeWhileNobodyIsConnected) {
  ProxyFixture f(limits_with(&conf::Limits::upstream_total_timeout, milliseconds(60)));
  f.server = LocalServer(0);
  f.server.plug();
  f.name->set({f.server.address()});
  f.send(get("/"));
  expect_late(f, "http_response_timeout", "upstream_total_timeout");
}

TEST(ProxyExchangeDeadlines, HoldForAnUpstreamThatTakesNothing) {
  conf::Limits limits = limits_with(&conf::Limits::upstream_send_timeout, milliseconds(60));
  limits.body = 1'000'000'000;
  ProxyFixture f(limits);
  f.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n");
  Peer peer = f.accept();  // it never reads
  const std::string piece(200'000, 'x');
  EXPECT_TRUE(f.until([&] {
    if (f.wire.input.empty() && f.log.entries.empty()) f.send(piece);
    return !f.log.entries.empty();
  }));
  EXPECT_EQ(f.log.entries.back().status, 504);
  EXPECT_EQ(f.log.entries.back().limit, "upstream_send_timeout");
}

// The client is slow, not the upstream.
TEST(ProxyExchangeDeadlines, DoNotCountWhileTheClientSendsNothing) {
  conf::Limits limits = limits_with(&conf::Limits::upstream_send_timeout, milliseconds(40));
  limits.upstream_response_timeout = milliseconds(40);
  ProxyFixture f(limits);
  f.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na");
  Peer peer = f.accept();
  EXPECT_TRUE(f.hears(peer, "\r\n\r\na"));
  f.wait(milliseconds(160));
  EXPECT_TRUE(f.log.entries.empty());
  f.send("b");
  EXPECT_TRUE(f.hears(peer, "\r\n\r\nab"));
  expect_late(f, "http_response_timeout", "upstream_response_timeout");
}

}  // namespace
}  // namespace sluice::handler::proxy
