// Every deadline of an HTTP/2 connection, with times short enough to wait for. Each looks at order
// and outcome, never at how long it took.
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "unit/server/http/h2_fixture.h"

namespace sluice::http {
namespace {

using std::chrono::milliseconds;

// Talks on until `done`, for two seconds at most.
template <typename Done>
void talk_until(H2Fixture& f, const Done& done) {
  for (int i = 0; i < 100 && !done(); ++i) {
    f.wait(milliseconds(20));
    f.exchange();
  }
}

TEST(H2ServerConnectionDeadlines, ThePrefaceHasToBeComplete) {
  conf::Limits limits;
  limits.head_timeout = milliseconds(60);
  H2Fixture f(limits);
  f.wire.input.push_back({Wire::Step::Kind::octets, std::string(h2::kPreface)});
  f.wake_all();
  f.wait(milliseconds(300));
  EXPECT_TRUE(f.wire.shut_down);
  ASSERT_EQ(f.log.entries.size(), 1U);
  EXPECT_EQ(f.log.entries[0].limit, "head_timeout");
}

TEST(H2ServerConnectionDeadlines, AFieldBlockHasToBeComplete) {
  conf::Limits limits;
  limits.head_timeout = milliseconds(60);
  H2Fixture f(limits);
  f.exchange();
  // HEADERS of stream 1 without END_HEADERS: an indexed ":method: GET".
  f.wire.input.push_back({Wire::Step::Kind::octets, std::string("\0\0\1\1\1\0\0\0\1\x82", 10)});
  f.wake_all();
  f.wait(milliseconds(300));
  EXPECT_TRUE(f.wire.shut_down);
  ASSERT_EQ(f.log.entries.size(), 1U);
  EXPECT_EQ(f.log.entries[0].limit, "head_timeout");
}

TEST(H2ServerConnectionDeadlines, StalledContentIsAnsweredWith408) {
  conf::Limits limits;
  limits.body_timeout = milliseconds(80);
  H2Fixture f(limits);
  Tap tap;
  tap.ready = "a";
  TapSource content(tap);
  const h2::StreamId id = f.client.request("POST", "/count", &content);
  f.exchange();
  talk_until(f, [&] { return f.client.stream(id).status != 0; });
  EXPECT_EQ(f.client.stream(id).status, 408);
  EXPECT_EQ(f.handler.cancelled, 1);
  EXPECT_EQ(f.get("/").status, 200);  // the connection is none the worse
  ASSERT_GE(f.log.entries.size(), 1U);
}

TEST(H2ServerConnectionDeadlines, CutsAClientThatDoesNotRead) {
  conf::Limits limits;
  limits.send_timeout = milliseconds(80);
  H2Fixture f(limits);
  f.exchange();
  f.client.request("GET", "/tap");
  f.wire.takes = false;
  f.handler.tap.ready = std::string(100, 'x');
  f.exchange();
  f.wait(milliseconds(600));
  EXPECT_TRUE(f.wire.closed);
  ASSERT_EQ(f.log.entries.size(), 1U);
  EXPECT_EQ(f.log.entries[0].limit, "send_timeout");
  EXPECT_FALSE(f.log.entries[0].complete);
}

TEST(H2ServerConnectionDeadlines, AWindowThatStaysShutEndsItsStreamAndThenTheConnection) {
  conf::Limits limits;
  limits.http2_window_timeout = milliseconds(100);
  limits.http2_window_stalls = 2;
  H2Fixture f(limits);
  f.client.consumes = false;
  f.handler.tap.ready = std::string(10'000'000, 'x');
  const h2::StreamId first = f.client.request("GET", "/tap");
  f.exchange();
  talk_until(f, [&] { return f.client.streams[first].closed.has_value(); });
  EXPECT_EQ(f.client.streams[first].closed, h2::ErrorCode::cancel);
  EXPECT_TRUE(f.client.goaways.empty());
  const h2::StreamId second = f.client.request("GET", "/tap");
  f.exchange();
  talk_until(f, [&] { return !f.client.goaways.empty(); });
  ASSERT_EQ(f.client.goaways.size(), 1U);
  EXPECT_EQ(f.client.goaways[0].second, h2::ErrorCode::enhance_your_calm);
  EXPECT_EQ(f.client.stream(second).ended, false);
  EXPECT_EQ(f.log.entries[0].limit, "http2_window_timeout");
  EXPECT_EQ(f.log.entries[1].limit, "http2_window_stalls");  // the connection, then its stream
}

TEST(H2ServerConnectionDeadlines, WhoKeepsAllWindowsShutIsLeft) {
  conf::Limits limits;
  limits.http2_window_close = milliseconds(100);
  H2Fixture f(limits);
  f.client.consumes = false;
  f.handler.tap.ready = std::string(10'000'000, 'x');
  f.client.request("GET", "/tap");
  f.exchange();
  talk_until(f, [&] { return !f.client.goaways.empty(); });
  ASSERT_EQ(f.client.goaways.size(), 1U);
  EXPECT_EQ(f.client.goaways[0].second, h2::ErrorCode::enhance_your_calm);
  EXPECT_EQ(f.log.entries[0].limit, "http2_window_close");
}

TEST(H2ServerConnectionDeadlines, AnIdleConnectionIsSaidTwiceToEnd) {
  conf::Limits limits;
  limits.idle_timeout = milliseconds(80);
  H2Fixture f(limits);
  f.get("/");
  talk_until(f, [&] { return f.wire.shut_down; });
  EXPECT_EQ(f.goaways_on_wire(), 2);
  EXPECT_EQ(f.client.goaways.back().second, h2::ErrorCode::no_error);
  EXPECT_TRUE(f.wire.shut_down);
  EXPECT_EQ(f.log.entries.size(), 1U);
}

TEST(H2ServerConnectionDeadlines, AnOldConnectionTakesNoNewRequests) {
  conf::Limits limits;
  limits.connection_life = milliseconds(1);
  H2Fixture f(limits);
  f.exchange();
  f.wait(milliseconds(20));
  EXPECT_EQ(f.get("/").status, 200);  // it was on its way
  talk_until(f, [&] { return f.wire.shut_down; });
  EXPECT_EQ(f.goaways_on_wire(), 2);
}

}  // namespace
}  // namespace sluice::http
