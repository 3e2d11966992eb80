// Every deadline of a server connection, with times short enough to wait for. Each looks at order
// and outcome, never at how long it took.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "unit/server/http/connection_fixture.h"

namespace sluice::http {
namespace {

using std::chrono::milliseconds;

TEST(H1ServerConnectionDeadlines, AnswersASlowHeadWith408) {
  conf::Limits limits;
  limits.head_timeout = milliseconds(60);
  ConnectionFixture f(limits);
  f.connect();
  f.send("GET / HTTP/1.1\r\n");
  f.wait(milliseconds(40));
  f.send("Host: a\r\n");
  EXPECT_EQ(f.wire.output, "");
  f.wait(milliseconds(250));  // absolute: octets in between do not extend it
  EXPECT_EQ(f.statuses(), (std::vector<int>{408}));
  EXPECT_TRUE(f.wire.shut_down);
  ASSERT_EQ(f.log.entries.size(), 1u);
  EXPECT_EQ(f.log.entries[0].limit, "head_timeout");
}

TEST(H1ServerConnectionDeadlines, AnswersStalledContentWith408) {
  conf::Limits limits;
  limits.body_timeout = milliseconds(80);
  ConnectionFixture f(limits);
  f.connect();
  f.send("POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na");
  f.wait(milliseconds(600));
  EXPECT_EQ(f.statuses(), (std::vector<int>{408}));
  EXPECT_EQ(f.handler.cancelled, 1);
  ASSERT_EQ(f.log.entries.size(), 1u);
  EXPECT_EQ(f.log.entries[0].limit, "body_timeout");
}

TEST(H1ServerConnectionDeadlines, AnswersContentThatTricklesWith408) {
  conf::Limits limits;
  limits.body_timeout = milliseconds(150);
  limits.body_rate = 1'000'000;
  ConnectionFixture f(limits);
  f.connect();
  f.send("POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n");
  for (int i = 0; i < 40 && f.wire.output.empty(); ++i) {
    f.send("x");
    f.wait(milliseconds(20));
  }
  EXPECT_EQ(f.statuses(), (std::vector<int>{408}));
  ASSERT_EQ(f.log.entries.size(), 1u);
  EXPECT_EQ(f.log.entries[0].limit, "body_rate");
}

TEST(H1ServerConnectionDeadlines, CutsAClientThatDoesNotRead) {
  conf::Limits limits;
  limits.send_timeout = milliseconds(80);
  ConnectionFixture f(limits);
  f.connect();
  f.wire.takes = false;
  f.send(get("/"));
  EXPECT_FALSE(f.wire.closed);
  f.wait(milliseconds(600));
  EXPECT_TRUE(f.wire.closed);
  ASSERT_EQ(f.log.entries.size(), 1u);
  EXPECT_EQ(f.log.entries[0].limit, "send_timeout");
  EXPECT_FALSE(f.log.entries[0].complete);
}

TEST(H1ServerConnectionDeadlines, CutsAClientThatReadsTooSlowly) {
  conf::Limits limits;
  limits.send_timeout = milliseconds(150);
  limits.send_rate = 1'000'000;
  ConnectionFixture f(limits);
  f.connect();
  f.handler.tap.ready = std::string(1'000'000, 'x');
  f.wire.take_per_flush = 10;
  f.send(get("/tap"));
  for (int i = 0; i < 60 && !f.wire.closed; ++i) {
    f.wake();
    f.wait(milliseconds(20));
  }
  EXPECT_TRUE(f.wire.closed);
  ASSERT_EQ(f.log.entries.size(), 1u);
  EXPECT_EQ(f.log.entries[0].limit, "send_rate");
}

TEST(H1ServerConnectionDeadlines, ClosesWhatIsIdleTooLong) {
  conf::Limits limits;
  limits.idle_timeout = milliseconds(60);
  ConnectionFixture f(limits);
  f.connect();
  f.send(get("/"));
  EXPECT_FALSE(f.wire.shut_down);
  f.wait(milliseconds(300));
  EXPECT_TRUE(f.wire.shut_down);
  EXPECT_EQ(f.statuses(), (std::vector<int>{200})) << "no 408 for an idle connection";
}

TEST(H1ServerConnectionDeadlines, LingersForItsTimeOnly) {
  conf::Limits limits;
  limits.linger_timeout = milliseconds(60);
  ConnectionFixture f(limits);
  f.connect();
  f.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(f.wire.shut_down);
  EXPECT_FALSE(f.wire.closed);
  f.wait(milliseconds(300));
  EXPECT_TRUE(f.wire.closed);
}

TEST(H1ServerConnectionDeadlines, DrainTimeoutEndsAnUnwantedUpload) {
  conf::Limits limits;
  limits.drain_timeout = milliseconds(60);
  ConnectionFixture f(limits);
  f.connect();
  f.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nab");
  EXPECT_FALSE(f.wire.shut_down);
  f.wait(milliseconds(300));
  EXPECT_TRUE(f.wire.shut_down);
}

TEST(H1ServerConnectionDeadlines, BeginsNoExchangeAfterItsLife) {
  conf::Limits limits;
  limits.connection_life = milliseconds(50);
  ConnectionFixture f(limits);
  f.connect();
  f.send(get("/"));
  EXPECT_FALSE(f.wire.shut_down);
  f.wait(milliseconds(100));
  f.send(get("/"));
  EXPECT_EQ(f.statuses(), (std::vector<int>{200, 200}));
  EXPECT_TRUE(f.wire.shut_down);
}

}  // namespace
}  // namespace sluice::http
