// The problem: between a client and an upstream, of which either may fail, be slow or leave at any
// moment, no request is sent twice that may not be, and no client is told what the upstream did not
// say.
#include "server/handler/proxy/proxy_exchange.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "unit/server/handler/proxy/proxy_fixture.h"

namespace sluice::handler::proxy {
namespace {

using http::get;
using http::post;
using std::chrono::milliseconds;

constexpr std::string_view kNoContent = "HTTP/1.1 204 No Content\r\n\r\n";

std::string put(std::string_view content) {
  return "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(content.size()) +
         "\r\n\r\n" + std::string(content);
}

class ProxyExchangeTest : public ::testing::Test {
 protected:
  void expect_answer(ProxyFixture& f, int status, std::string_view error, std::string_view limit) {
    ASSERT_TRUE(f.logged());
    EXPECT_EQ(f.log.entries.back().status, status);
    EXPECT_EQ(f.log.entries.back().limit, limit);
    EXPECT_EQ(f.log.entries.back().phase, "upstream");
    EXPECT_FALSE(f.log.entries.back().cause.empty());
    EXPECT_TRUE(f.wire.output.starts_with("HTTP/1.1 " + std::to_string(status))) << f.wire.output;
    EXPECT_NE(f.wire.output.find("Proxy-Status: sluice; error=" + std::string(error) + "\r\n"),
              std::string::npos)
        << f.wire.output;
  }
};

// --- There and back ------------------------------------------------------------------------------

TEST_F(ProxyExchangeTest, PassesARequestAndItsResponse) {
  ProxyFixture f;
  f.send(get("/a?b", "X-Some: c\r\n"));
  Peer peer = f.accept();
  ASSERT_TRUE(f.hears(peer));
  EXPECT_TRUE(peer.heard.starts_with("GET /a?b HTTP/1.1\r\nHost: a\r\n")) << peer.heard;
  EXPECT_NE(peer.heard.find("X-Some: c\r\n"), std::string::npos);
  EXPECT_EQ(f.upstream->in_flight.load(), 1U);
  peer.say("HTTP/1.1 200 Fine\r\nContent-Length: 5\r\nX-Other: d\r\n\r\nhello");
  ASSERT_TRUE(f.told("hello"));
  EXPECT_NE(f.wire.output.find("X-Other: d\r\n"), std::string::npos);
  EXPECT_NE(f.wire.output.find("Content-Length: 5\r\n"), std::string::npos);
  ASSERT_TRUE(f.logged());
  EXPECT_EQ(f.log.entries.back().status, 200);
  EXPECT_TRUE(f.log.entries.back().complete);
  EXPECT_EQ(f.upstream->in_flight.load(), 0U);
  EXPECT_FALSE(f.wire.closed);
}

TEST_F(ProxyExchangeTest, PassesContentAsItComes) {
  ProxyFixture f;
  f.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  Peer peer = f.accept();
  EXPECT_TRUE(f.hears(peer, "3\r\nabc\r\n"));
  f.send("2\r\nde\r\n0\r\nSum: 1\r\n\r\n");
  EXPECT_TRUE(f.hears(peer, "2\r\nde\r\n0\r\nSum: 1\r\n\r\n"));
  peer.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nvw\r\n");
  EXPECT_TRUE(f.told("2\r\nvw\r\n"));
  peer.say("1\r\nx\r\n0\r\nTotal: 3\r\n\r\n");
  EXPECT_TRUE(f.told("1\r\nx\r\n0\r\nTotal: 3\r\n\r\n"));
  EXPECT_TRUE(f.logged());
}

TEST_F(ProxyExchangeTest, PassesResponsesWithoutContent) {
  for (const std::string_view answer :
       {"HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}) {
    ProxyFixture f;
    f.send(get("/"));
    Peer peer = f.accept();
    ASSERT_TRUE(f.hears(peer));
    peer.say(answer);
    ASSERT_TRUE(f.logged());
    EXPECT_TRUE(f.wire.output.starts_with(answer.substr(0, answer.find("\r\n"))));
    EXPECT_TRUE(f.wire.output.ends_with("\r\n\r\n"));
    EXPECT_TRUE(f.log.entries.back().complete);
  }
}

TEST_F(ProxyExchangeTest, PassesInterimResponses) {
  ProxyFixture f;
  f.send(get("/"));
  Peer peer = f.accept();
  ASSERT_TRUE(f.hears(peer));
  peer.say("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
  EXPECT_TRUE(f.told("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"));
  peer.say(kOk);
  EXPECT_TRUE(f.told("HTTP/1.1 200 OK\r\n"));
  EXPECT_TRUE(f.told("\r\n\r\nok"));
}

TEST_F(ProxyExchangeTest, BearsNoFloodOfInterimResponses) {
  conf::Limits limits;
  limits.upstream_interims = 2;
  ProxyFixture f(limits);
  f.send(get("/"));
  Peer peer = f.accept();
  ASSERT_TRUE(f.hears(peer));
  for (int i = 0; i < 3; ++i) peer.say("HTTP/1.1 100 Continue\r\n\r\n");
  expect_answer(f, 502, "http_protocol_error", "upstream_interims");
  EXPECT_TRUE(f.ends(peer));
}

TEST_F(ProxyExchangeTest, PassesAnEarlyAnswerToWhoIsStillSending) {
  ProxyFixture f;
  f.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nabc");
  Peer peer = f.accept();
  EXPECT_TRUE(f.hears(peer, "abc"));
  peer.say("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno");
  EXPECT_TRUE(f.told("\r\n\r\nno"));
  EXPECT_TRUE(f.wire.output.starts_with("HTTP/1.1 413"));
  EXPECT_TRUE(f.ends(peer));
}

// What a slow client does not take stays in the upstream's socket.
TEST_F(ProxyExchangeTest, ReadsAheadOfASlowClientWithinItsLimit) {
  conf::Limits limits;
  limits.upstream_read_ahead = 1000;
  ProxyFixture f(limits);
  f.send(get("/"));
  Peer peer = f.accept();
  ASSERT_TRUE(f.hears(peer));
  f.wire.takes = false;
  peer.say("HTTP/1.1 200 OK\r\nContent-Length: 8000000\r\n\r\n");
  const std::string piece(10'000, 'x');
  size_t given = 0;
  int silent = 0;
  while (silent < 20 && given < 8'000'000) {  // until the sockets are full
    const size_t most = std::min(piece.size(), 8'000'000 - given);
    const ssize_t sent = ::send(peer.socket.get(), piece.data(), most, MSG_DONTWAIT | MSG_NOSIGNAL);
    given += sent > 0 ? static_cast<size_t>(sent) : 0;
    silent = sent > 0 ? 0 : silent + 1;
    f.turn();
  }
  EXPECT_LT(given, 8'000'000U);
  f.wire.takes = true;
  EXPECT_TRUE(f.until([&] {
    f.wake();
    const size_t most = std::min(piece.size(), 8'000'000 - given);
    const ssize_t sent =
        most == 0 ? 0 : ::send(peer.socket.get(), piece.data(), most, MSG_DONTWAIT | MSG_NOSIGNAL);
    given += sent > 0 ? static_cast<size_t>(sent) : 0;
    return !f.log.entries.empty();
  }));
  EXPECT_EQ(f.log.entries.back().octets, 8'000'000U);
  EXPECT_TRUE(f.log.entries.back().complete);
}

// --- Content that waits --------------------------------------------------------------------------

TEST_F(ProxyExchangeTest, GathersContentBeforeItAsks) {
  conf::ProxyAction action = over_http1();
  action.buffer_request = 1000;
  ProxyFixture f({}, action);
  f.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  EXPECT_TRUE(f.nobody_connects());
  f.send("3\r\ndef\r\n0\r\n\r\n");
  Peer peer = f.accept();
  EXPECT_TRUE(f.hears(peer, "\r\n\r\nabcdef"));
  EXPECT_NE(peer.heard.find("Content-Length: 6\r\n"), std::string::npos);
  peer.say(kNoContent);
  EXPECT_TRUE(f.told("HTTP/1.1 204"));
}

TEST_F(ProxyExchangeTest, GathersNoMoreThanItMay) {
  conf::ProxyAction action = over_http1();
  action.buffer_request = 4;
  ProxyFixture f({}, action);
  f.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabcd");
  Peer peer = f.accept();
  EXPECT_TRUE(f.hears(peer, "abcd"));
  f.send("ef");
  EXPECT_TRUE(f.hears(peer, "abcdef"));
  peer.say(kNoContent);
  EXPECT_TRUE(f.told("HTTP/1.1 204"));
}

constexpr std::string_view kExpecting =
    "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";

TEST_F(ProxyExchangeTest, PassesTheUpstreamsContinue) {
  ProxyFixture f;
  f.send(std::string(kExpecting));
  Peer peer = f.accept();
  ASSERT_TRUE(f.hears(peer));
  EXPECT_NE(peer.heard.find("Expect: 100-continue\r\n"), std::string::npos);
  f.turn();
  EXPECT_EQ(f.wire.output, "");
  peer.say("HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_TRUE(f.told("HTTP/1.1 100 Continue\r\n\r\n"));
  f.send("abc");
  EXPECT_TRUE(f.hears(peer, "\r\n\r\nabc"));
  peer.say(kNoContent);
  EXPECT_TRUE(f.told("HTTP/1.1 204"));
  EXPECT_EQ(f.statuses(), (std::vector<int>{100, 204}));
}

TEST_F(ProxyExchangeTest, ContinuesByItselfWhenTheUpstreamIsSilent) {
  conf::Limits limits;
  limits.upstream_continue_timeout = milliseconds(40);
  ProxyFixture f(limits);
  f.send(std::string(kExpecting));
  Peer peer = f.accept();
  EXPECT_TRUE(f.told("HTTP/1.1 100 Continue\r\n\r\n"));
  f.send("abc");
  EXPECT_TRUE(f.hears(peer, "\r\n\r\nabc"));
  peer.say(kNoContent);
  EXPECT_TRUE(f.told("HTTP/1.1 204"));
}

TEST_F(ProxyExchangeTest, InvitesNoContentThatTheUpstreamRefuses) {
  ProxyFixture f;
  f.send(std::string(kExpecting));
  Peer peer = f.accept();
  ASSERT_TRUE(f.hears(peer));
  peer.say("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno");
  EXPECT_TRUE(f.told("\r\n\r\nno"));
  EXPECT_EQ(f.statuses(), std::vector<int>{417});
}

// --- Second tries --------------------------------------------------------------------------------

// The upstream closes just as the request comes; then its second connection answers.
TEST_F(ProxyExchangeTest, SendsAgainWhatMetTheClose) {
  for (const std::string& request : {get("/"), put("abc"), put("")}) {
    for (const bool resets : {false, true}) {
      ProxyFixture f;
      Peer old = f.idle();
      f.send(request);
      EXPECT_TRUE(f.until([&] {
        old.listen();
        return !old.heard.empty();
      }));
      if (resets) net::reset_on_close(old.socket.get());
      old.close();
      Peer fresh = f.accept();
      EXPECT_TRUE(f.hears(fresh, request.substr(request.find("\r\n\r\n"))));
      fresh.say(kNoContent);
      EXPECT_TRUE(f.told("HTTP/1.1 204"));
      ASSERT_TRUE(f.logged());
      EXPECT_EQ(f.log.entries.size(), 1U);
    }
  }
}

TEST_F(ProxyExchangeTest, NeverSendsAgainWhatIsNotIdempotent) {
  ProxyFixture f;
  Peer old = f.idle();
  f.upstream->kept_time.on_survived(milliseconds(2000));
  f.send(post("/", "abc"));
  ASSERT_TRUE(f.hears(old, "abc"));
  old.close();
  expect_answer(f, 502, "connection_terminated", "");
  EXPECT_TRUE(f.nobody_connects());
}

TEST_F(ProxyExchangeTest, SendsOnlyAgainWhatMetAClose) {
  ProxyFixture f;
  f.send(get("/"));
  Peer peer = f.accept();
  ASSERT_TRUE(f.hears(peer));
  peer.close();  // a connection's first request: no race
  expect_answer(f, 502, "connection_terminated", "");
  EXPECT_TRUE(f.nobody_connects());
}

TEST_F(ProxyExchangeTest, SendsNothingAgainThatBeganToBeAnswered) {
  for (const std::string_view beginning : {"H", "HTTP/1.1 103 Early Hints\r\n\r\n"}) {
    ProxyFixture f;
    Peer old = f.idle();
    f.send(get("/"));
    ASSERT_TRUE(f.hears(old));
    old.say(beginning);
    f.turn();
    old.close();
    ASSERT_TRUE(f.logged());
    EXPECT_EQ(f.log.entries.back().status, 502);
    EXPECT_TRUE(f.nobody_connects());
  }
}

TEST_F(ProxyExchangeTest, SendsAgainWithinItsBudgetOnly) {
  conf::Limits limits;
  limits.upstream_retry_share = 0;
  ProxyFixture f(limits);
  Peer old = f.idle();
  f.send(get("/"));
  ASSERT_TRUE(f.hears(old));
  old.close();
  expect_answer(f, 502, "connection_terminated", "");
  EXPECT_TRUE(f.nobody_connects());
}

TEST_F(ProxyExchangeTest, SendsNothingAgainThatItHasNotKept) {
  conf::Limits limits;
  limits.upstream_kept_body = 2;
  ProxyFixture f(limits);
  Peer old = f.idle();
  f.upstream->kept_time.on_survived(milliseconds(2000));
  f.send(put("abc"));
  ASSERT_TRUE(f.hears(old, "abc"));
  old.close();
  expect_answer(f, 502, "connection_terminated", "");
  EXPECT_TRUE(f.nobody_connects());
}

void refuse(h2::Server& speaking, h2::StreamId id) {
  speaking.codec.reset(id, h2::ErrorCode::refused_stream);
}

// Not read for sure: whatever the method (RFC 9113 section 8.7).
TEST_F(ProxyExchangeTest, SendsAgainWhatWasRefusedUnread) {
  ProxyFixture f({}, over_http2());
  f.send(post("/", "abc"));
  Peer peer = f.accept();
  h2::Server speaking({}, h2::test_limits());
  ASSERT_TRUE(f.talk(peer, speaking, [&] { return speaking.began.size() == 1; }));
  refuse(speaking, speaking.began.back());
  ASSERT_TRUE(f.talk(peer, speaking, [&] { return speaking.began.size() == 2; }));
  ResponseHead head;
  head.status = 204;
  speaking.codec.submit_response(speaking.began.back(), head, {}, nullptr);
  EXPECT_TRUE(f.talk(peer, speaking, [&] { return !f.log.entries.empty(); }));
  EXPECT_TRUE(f.wire.output.starts_with("HTTP/1.1 204"));
}

TEST_F(ProxyExchangeTest, SendsAgainTwiceAtMost) {
  ProxyFixture f({}, over_http2());
  f.send(post("/", "abc"));
  Peer peer = f.accept();
  h2::Server speaking({}, h2::test_limits());
  for (size_t count = 1; count <= 3; ++count) {
    ASSERT_TRUE(f.talk(peer, speaking, [&] { return speaking.began.size() == count; }));
    refuse(speaking, speaking.began.back());
  }
  EXPECT_TRUE(f.talk(peer, speaking, [&] { return !f.log.entries.empty(); }));
  expect_answer(f, 502, "connection_terminated", "");
  EXPECT_EQ(speaking.began.size(), 3U);
}

// --- Failures ------------------------------------------------------------------------------------

TEST_F(ProxyExchangeTest, AnswersWhatIsWrongWithAResponse) {
  struct Case {
    std::string_view octets;
    std::string_view error;
  };
  for (const Case& bad :
       {Case{"nonsense\r\n\r\n", "http_protocol_error"},
        Case{"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: a\r\n\r\n",
             "http_upgrade_failed"},
        Case{"HTTP/1.1 200 OK\r\nContent-Le", "http_response_incomplete"}}) {
    ProxyFixture f;
    f.send(get("/"));
    Peer peer = f.accept();
    ASSERT_TRUE(f.hears(peer));
    peer.say(bad.octets);
    peer.close();
    expect_answer(f, 502, bad.error, "");
  }
}

TEST_F(ProxyExchangeTest, CutsWhatTheUpstreamCut) {
  for (const std::string_view head :
       {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"}) {
    ProxyFixture f;
    f.send(get("/"));
    Peer peer = f.accept();
    ASSERT_TRUE(f.hears(peer));
    peer.say(head);
    EXPECT_TRUE(f.told("abc"));
    peer.close();
    ASSERT_TRUE(f.logged());
    EXPECT_FALSE(f.log.entries.back().complete);
    EXPECT_FALSE(f.log.entries.back().cause.empty());
    EXPECT_FALSE(f.wire.output.ends_with("\r\n0\r\n\r\n"));
    EXPECT_TRUE(f.until([&] { return f.wire.closed; }));
    EXPECT_EQ(f.statuses(), std::vector<int>{200});
  }
}

TEST_F(ProxyExchangeTest, AnswersThatNobodyListens) {
  ProxyFixture f;
  f.server.listener = net::Descriptor();
  f.send(get("/"));
  expect_answer(f, 502, "connection_refused", "");
}

TEST_F(ProxyExchangeTest, AnswersThatTheNameDoesNotResolveUntilItDoes) {
  ProxyFixture f;
  f.name->set({}, "dns_error");
  f.send(get("/"));
  expect_answer(f, 503, "dns_error", "");
  f.name->set({f.server.address()});
  (void)f.idle();
}

TEST_F(ProxyExchangeTest, AnswersWhatGoesNoFurther) {
  struct Case {
    std::string_view request;
    int status;
  };
  for (const Case& last : {Case{"OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n", 204},
                           Case{"TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n", 405}}) {
    ProxyFixture f;
    f.send(std::string(last.request));
    ASSERT_TRUE(f.logged());
    EXPECT_EQ(f.log.entries.back().status, last.status);
    EXPECT_NE(f.wire.output.find("Allow: GET"), std::string::npos);
    EXPECT_TRUE(f.nobody_connects());
  }
}

TEST_F(ProxyExchangeTest, CutsALoop) {
  ProxyFixture f;
  f.send(get("/"));
  Peer peer = f.accept();
  ASSERT_TRUE(f.hears(peer));
  const size_t via = peer.heard.find("Via: ");
  ASSERT_NE(via, std::string::npos);
  const std::string ours = peer.heard.substr(via + 5, peer.heard.find("\r\n", via) - via - 5);
  peer.say(kNoContent);
  ASSERT_TRUE(f.logged());
  f.wire.output.clear();
  f.log.entries.clear();
  f.send(get("/", "Via: " + ours + ", " + ours + "\r\n"));
  expect_answer(f, 508, "proxy_loop_detected", "");
}

}  // namespace
}  // namespace sluice::handler::proxy
