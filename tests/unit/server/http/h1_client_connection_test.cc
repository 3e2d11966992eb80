// The problem: responses come in any pieces, behind any interim ones, framed in four ways; each is
// given to who asked for it, octet for octet, and the connection is used again exactly when that is
// safe.
#include "server/http/h1_client_connection.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "unit/server/http/fakes.h"
#include "unit/server/http/h1_client_fixture.h"

namespace sluice::http {
namespace {

using Kind = Wire::Step::Kind;

// A whole response, and what its receiver is given.
struct Whole {
  std::string_view what;
  std::string_view method;
  std::string_view octets;
  int status;
  bool has_content;
  std::string_view content;
  std::vector<int> interims = {};
  std::vector<std::pair<std::string, std::string>> trailers = {};
};

const std::vector<Whole> kPersisting = {
    {"a length", "GET", kOk, 200, true, "ok"},
    {"no content", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, false, ""},
    {"chunks", "GET",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n1;a=b\r\n!\r\n0\r\n\r\n", 200,
     true, "ok!"},
    {"trailers",
     "GET",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nSum: 12\r\n\r\n",
     200,
     true,
     "ok",
     {},
     {{"Sum", "12"}}},
    {"HEAD", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", 200, false, ""},
    {"HEAD, chunked", "HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 200, false,
     ""},
    {"204", "GET", "HTTP/1.1 204 No Content\r\n\r\n", 204, false, ""},
    {"304", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 304, false, ""},
    {"interim ones",
     "GET",
     "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
     200,
     true,
     "ok",
     {100, 103}},
};

void expect_whole(const FakeReceiver& one, const Whole& whole) {
  EXPECT_EQ(one.status, whole.status);
  EXPECT_EQ(one.has_content, whole.has_content);
  EXPECT_EQ(one.body, whole.content);
  EXPECT_EQ(one.interims, whole.interims);
  EXPECT_EQ(one.trailers, whole.trailers);
  EXPECT_TRUE(one.ended);
  EXPECT_FALSE(one.failure);
}

TEST(H1ClientConnection, GivesEachResponseSplitAtEveryOctet) {
  for (const Whole& whole : kPersisting) {
    for (size_t at = 0; at <= whole.octets.size(); ++at) {
      SCOPED_TRACE(std::string(whole.what) + " at " + std::to_string(at));
      H1ClientFixture f;
      const FakeReceiver& one = f.request(whole.method);
      if (at > 0) f.hear(std::string(whole.octets.substr(0, at)));
      EXPECT_EQ(one.ended, at == whole.octets.size());
      if (at < whole.octets.size()) f.hear(std::string(whole.octets.substr(at)));
      expect_whole(one, whole);
      EXPECT_TRUE(f.connection->takes_request());
      EXPECT_EQ(f.owner.available, 1);
    }
  }
}

TEST(H1ClientConnection, GivesEachResponseThatComesOctetByOctet) {
  for (const Whole& whole : kPersisting) {
    SCOPED_TRACE(whole.what);
    H1ClientFixture f;
    const FakeReceiver& one = f.request(whole.method);
    f.hear_slowly(whole.octets);
    expect_whole(one, whole);
    EXPECT_TRUE(f.connection->takes_request());
  }
}

TEST(H1ClientConnection, TakesTheClosesWordForContentThatItDelimits) {
  for (const std::string_view head : {"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\n"}) {
    H1ClientFixture f;
    const FakeReceiver& one = f.request();
    f.hear_slowly(std::string(head) + "until the end");
    EXPECT_FALSE(one.ended);
    f.hear_end();
    EXPECT_TRUE(one.ended);
    EXPECT_EQ(one.body, "until the end");
    EXPECT_EQ(f.owner.available, 0);
    EXPECT_EQ(f.owner.ended, 1);
    EXPECT_FALSE(f.alive());
  }
}

TEST(H1ClientConnection, WritesOneRequestInItsOwnFraming) {
  H1ClientFixture f;
  (void)f.request();
  EXPECT_EQ(f.said(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  f.hear(std::string(kOk));
  TextSource known("hello");
  (void)f.request("PUT", &known, 5);
  EXPECT_EQ(f.said(), "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
  f.hear(std::string(kOk));
  TextSource unknown("hello", false, 3);
  (void)f.request("PUT", &unknown);
  EXPECT_EQ(f.said(),
            "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n");
  f.hear(std::string(kOk));
  EXPECT_EQ(f.connection->requests(), 3U);
}

TEST(H1ClientConnection, SendsExpectWhenItIsTold) {
  H1ClientFixture f;
  Tap tap;
  TapSource content(tap);
  FakeReceiver& one = f.request("PUT", &content, 2, true);
  EXPECT_NE(f.said().find("Expect: 100-continue\r\n"), std::string::npos);
  f.hear("HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(one.interims, std::vector<int>{100});
  tap.ready = "hi";
  tap.ended = true;
  one.stream->wake();
  f.turn();
  EXPECT_EQ(f.said(), "hi");
  f.hear(std::string(kOk));
  EXPECT_TRUE(one.ended);
  EXPECT_TRUE(f.connection->takes_request());
}

// --- Used again, or not --------------------------------------------------------------------------

TEST(H1ClientConnection, IsNotUsedAgainWhenTheResponseSaysSo) {
  for (const std::string_view octets :
       {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 204 No Content\r\nConnection: Close\r\n\r\n"}) {
    H1ClientFixture f;
    const FakeReceiver& one = f.request();
    f.hear(std::string(octets));
    EXPECT_TRUE(one.ended);
    EXPECT_EQ(f.owner.available, 0);
    EXPECT_EQ(f.owner.ended, 1);
    EXPECT_FALSE(f.owner.closed_while_idle);
    EXPECT_FALSE(f.alive());
  }
}

TEST(H1ClientConnection, IsUsedAgainBehindHttp10ThatKeepsItAlive) {
  H1ClientFixture f;
  (void)f.request();
  f.hear("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok");
  EXPECT_TRUE(f.connection->takes_request());
}

TEST(H1ClientConnection, IsNotUsedAgainBehindSurplusOctets) {
  for (const std::string_view surplus :
       {"x", "\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"}) {
    for (const bool at_once : {true, false}) {
      H1ClientFixture f;
      const FakeReceiver& one = f.request();
      f.hear(std::string(kOk) + std::string(at_once ? surplus : ""));
      if (!at_once) f.hear(std::string(surplus));
      EXPECT_TRUE(one.ended);
      EXPECT_EQ(one.body, "ok");
      EXPECT_EQ(f.owner.ended, 1);
      EXPECT_FALSE(f.owner.closed_while_idle);
      EXPECT_FALSE(f.alive());
    }
  }
}

TEST(H1ClientConnection, IsNotUsedAgainWhenItsEndCameWithTheResponse) {
  H1ClientFixture f;
  const FakeReceiver& one = f.request();
  f.wire.input.push_back({Kind::octets, std::string(kOk)});
  f.hear_end();
  EXPECT_TRUE(one.ended);
  EXPECT_EQ(f.owner.ended, 1);
  EXPECT_FALSE(f.alive());
}

TEST(H1ClientConnection, EndsAtOctetsThatNobodyAskedFor) {
  H1ClientFixture f;
  f.hear(std::string(kOk));
  EXPECT_EQ(f.owner.ended, 1);
  EXPECT_FALSE(f.owner.closed_while_idle);
  EXPECT_FALSE(f.alive());
}

TEST(H1ClientConnection, SeesUnaskedOctetsBeforeItTakesARequest) {
  H1ClientFixture f;
  f.serve_one();
  f.wire.input.push_back({Kind::octets, "x"});
  EXPECT_FALSE(f.connection->takes_request());
  EXPECT_EQ(f.owner.ended, 1);
  EXPECT_FALSE(f.owner.closed_while_idle);
}

TEST(H1ClientConnection, SeesItsEndBeforeItTakesARequest) {
  for (const Kind kind : {Kind::end, Kind::reset, Kind::truncated}) {
    for (const bool looks : {false, true}) {
      H1ClientFixture f;
      f.serve_one();
      f.wire.input.push_back({kind, ""});
      EXPECT_FALSE(looks ? f.connection->still_open() : f.connection->takes_request());
      EXPECT_EQ(f.owner.ended, 1);
      EXPECT_TRUE(f.owner.closed_while_idle);
    }
  }
}

TEST(H1ClientConnection, WasNotClosedWhileIdleWhenItNeverServed) {
  H1ClientFixture f;
  f.hear_end();
  EXPECT_EQ(f.owner.ended, 1);
  EXPECT_FALSE(f.owner.closed_while_idle);
}

TEST(H1ClientConnection, LearnsOfItsEndWhileIdle) {
  for (const Kind kind : {Kind::end, Kind::reset, Kind::truncated}) {
    H1ClientFixture f;
    f.serve_one();
    f.give(kind);
    EXPECT_EQ(f.owner.ended, 1);
    EXPECT_TRUE(f.owner.closed_while_idle);
    EXPECT_FALSE(f.alive());
  }
}

TEST(H1ClientConnection, IsOpenWhileNothingComes) {
  H1ClientFixture f;
  EXPECT_TRUE(f.connection->still_open());
  f.serve_one();
  EXPECT_TRUE(f.connection->still_open());
  EXPECT_TRUE(f.connection->idle());
}

TEST(H1ClientConnection, KeepsWhatTheUpstreamSaysOfItsPatience) {
  H1ClientFixture f;
  EXPECT_FALSE(f.connection->announced_timeout());
  (void)f.request();
  f.hear("HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5, max=3\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(f.connection->announced_timeout(), std::chrono::seconds(5));
  f.serve_one();
  EXPECT_EQ(f.connection->announced_timeout(), std::chrono::seconds(5));
}

TEST(H1ClientConnection, SendsTheNextRequestWithinTheTurnThatFreedIt) {
  H1ClientFixture f;
  (void)f.request();
  (void)f.said();
  bool sent = false;
  f.owner.when_available = [&] {
    if (!std::exchange(sent, true)) (void)f.begin();
  };
  f.hear(std::string(kOk));
  EXPECT_EQ(f.said(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  f.hear(std::string(kOk));
  EXPECT_TRUE(f.receivers.back()->ended);
  EXPECT_EQ(f.owner.available, 2);
}

// What comes before a request has left cannot answer it: it was not read either.
TEST(H1ClientConnection, TakesNoResponseForARequestThatHasNotLeft) {
  H1ClientFixture f;
  f.serve_one();
  const FakeReceiver& one = f.begin();
  f.hear(std::string(kOk));
  ASSERT_TRUE(one.failure);
  EXPECT_EQ(one.failure->error, "http_protocol_error");
  EXPECT_EQ(one.failure->cause, "upstream spoke unasked");
  EXPECT_TRUE(one.failure->unread);
  EXPECT_EQ(one.status, 0);
  EXPECT_EQ(f.said(), "");
}

TEST(H1ClientConnection, ClosesAtOnceWhenIdleElseAfterTheResponse) {
  H1ClientFixture idle;
  idle.connection->close();
  idle.turn();
  EXPECT_FALSE(idle.alive());
  EXPECT_EQ(idle.owner.ended, 0);

  H1ClientFixture busy;
  const FakeReceiver& one = busy.request();
  busy.connection->close();
  busy.turn();
  EXPECT_TRUE(busy.alive());
  EXPECT_FALSE(busy.connection->takes_request());
  busy.hear(std::string(kOk));
  EXPECT_TRUE(one.ended);
  EXPECT_FALSE(busy.alive());
  EXPECT_EQ(busy.owner.available + busy.owner.ended, 0);
}

TEST(H1ClientConnection, MayBeClosedWhenItIsAvailable) {
  H1ClientFixture f;
  const FakeReceiver& one = f.request();
  f.owner.when_available = [&] { f.connection->close(); };
  f.hear(std::string(kOk));
  EXPECT_TRUE(one.ended);
  EXPECT_FALSE(f.alive());
  EXPECT_EQ(f.owner.ended, 0);
}

// --- Back-pressure -------------------------------------------------------------------------------

TEST(H1ClientConnection, ReadsNoFurtherThanItsReceiverWants) {
  H1ClientFixture f;
  FakeReceiver& one = f.request();
  one.wants = false;
  f.hear("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n");
  EXPECT_EQ(one.status, 200);  // heads are wanted always
  f.hear("abc");
  f.hear("def");
  EXPECT_EQ(one.body, "");
  EXPECT_EQ(f.wire.input.size(), 2U);
  one.wants = true;
  one.stream->consumed(0, true);
  f.turn();
  EXPECT_EQ(one.body, "abcdef");
  EXPECT_TRUE(one.ended);
}

TEST(H1ClientConnection, ReadsATurnsWorthAndGoesOn) {
  conf::Limits limits;
  limits.turn_read = 10;
  H1ClientFixture f(limits);
  const FakeReceiver& one = f.request();
  f.hear("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + std::string(100, 'x'));
  for (int i = 0; i < 20; ++i) f.turn();
  EXPECT_EQ(one.body, std::string(100, 'x'));
  EXPECT_TRUE(one.ended);
}

TEST(H1ClientConnection, PullsNoFurtherThanTheUpstreamTakes) {
  conf::Limits limits;
  limits.turn_write = 1024;
  H1ClientFixture f(limits);
  Tap tap{.ready = std::string(100'000, 'x'), .ended = true};
  TapSource content(tap);
  f.wire.takes = false;
  const FakeReceiver& one = f.request("PUT", &content, 100'000);
  for (int i = 0; i < 20; ++i) f.wake();
  EXPECT_GE(tap.ready.size(), 100'000U - 4096U);
  EXPECT_EQ(f.said(), "");
  f.wire.takes = true;
  for (int i = 0; i < 100; ++i) f.wake();
  EXPECT_TRUE(f.said().ends_with("\r\n\r\n" + std::string(100'000, 'x')));
  f.hear(std::string(kOk));
  EXPECT_TRUE(one.ended);
  EXPECT_TRUE(f.connection->takes_request());
}

TEST(H1ClientConnection, SendsARequestThatTheUpstreamTakesOctetByOctet) {
  H1ClientFixture f;
  f.wire.take_per_flush = 1;
  TextSource content("hello", false, 2);
  const FakeReceiver& one = f.request("PUT", &content);
  for (int i = 0; i < 200; ++i) f.wake();
  EXPECT_EQ(f.said(),
            "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            "2\r\nhe\r\n2\r\nll\r\n1\r\no\r\n0\r\n\r\n");
  f.hear(std::string(kOk));
  EXPECT_TRUE(one.ended);
}

TEST(H1ClientConnection, WaitsForContentThatIsStillToCome) {
  H1ClientFixture f;
  Tap tap;
  TapSource content(tap);
  FakeReceiver& one = f.request("PUT", &content);
  (void)f.said();
  tap.ready = "abc";
  one.stream->wake();
  f.turn();
  EXPECT_EQ(f.said(), "3\r\nabc\r\n");
  tap.ended = true;
  one.stream->wake();
  f.turn();
  EXPECT_EQ(f.said(), "0\r\n\r\n");
  f.hear(std::string(kOk));
  EXPECT_TRUE(f.connection->takes_request());
}

}  // namespace
}  // namespace sluice::http
