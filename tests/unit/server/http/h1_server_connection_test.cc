// A connection's behaviour, octet for octet, over a transport that splits, stalls and breaks where
// it likes.
#include "server/http/h1_server_connection.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "unit/server/http/connection_fixture.h"

namespace sluice::http {
namespace {

TEST(H1ServerConnection, AnswersAndStaysOpen) {
  ConnectionFixture f;
  f.connect();
  f.send(get("/"));
  EXPECT_EQ(f.output(), kHello);
  EXPECT_FALSE(f.wire.shut_down);
  f.send(get("/"));
  EXPECT_EQ(f.output(), std::string(kHello) + std::string(kHello));
  EXPECT_EQ(f.handler.started, 2);
}

TEST(H1ServerConnection, GivesTheSameAnswersWhereverTheInputIsSplit) {
  const std::string input = get("/one") + post("/echo", "abc") + get("/chunked") +
                            "POST /count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                            "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: v\r\n\r\n" +
                            "HEAD /h HTTP/1.1\r\nHost: a\r\n\r\n" + get("/empty");
  ConnectionFixture f;
  f.connect();
  f.send(input);
  const std::string whole = f.output();
  EXPECT_EQ(f.statuses(), (std::vector<int>{200, 200, 200, 200, 200, 204}));
  for (size_t at = 1; at < input.size(); ++at) {
    f.send_end();
    f.connect();
    f.send(input.substr(0, at));
    f.send(input.substr(at));
    ASSERT_EQ(f.output(), whole) << "split at " << at;
  }
  f.connect();
  for (char octet : input) f.send(std::string(1, octet));
  EXPECT_EQ(f.output(), whole) << "octet by octet";
}

TEST(H1ServerConnection, GivesTheSameAnswersToAPeerThatTakesOneOctet) {
  ConnectionFixture f;
  f.connect();
  f.send(get("/") + get("/chunked"));
  const std::string whole = f.output();
  f.connect();
  f.wire.take_per_flush = 1;
  f.send(get("/") + get("/chunked"));
  for (size_t i = 0; i < f.wire.output.size() + 400; ++i) f.wake();
  EXPECT_EQ(f.output(), whole);
}

TEST(H1ServerConnection, PassesTrailersBothWays) {
  ConnectionFixture f;
  f.connect();
  f.send(
      "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5\r\nhello\r\n0\r\nChecksum: 1234\r\n\r\n");
  EXPECT_TRUE(f.output().ends_with("0\r\nChecksum: 1234\r\n\r\n")) << f.output();
}

TEST(H1ServerConnection, AnswersAPipelineInOrderInOneFlush) {
  ConnectionFixture f;
  f.connect();
  std::string input;
  std::string expected;
  for (int i = 0; i < 16; ++i) {
    const std::string path = "/" + std::string(static_cast<size_t>(i), 'x');
    input += get(path);
    const std::string content = "hello GET " + path;
    expected += "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(content.size()) +
                "\r\n\r\n" + content;
  }
  f.send(input);
  EXPECT_EQ(f.output(), expected);
  EXPECT_EQ(f.wire.flushes, 1);
}

TEST(H1ServerConnection, StartsAtMostTurnRequestsATurn) {
  conf::Limits limits;
  limits.turn_requests = 4;
  ConnectionFixture f(limits);
  f.connect();
  std::string input;
  for (int i = 0; i < 10; ++i) input += get("/");
  f.send(input);
  EXPECT_EQ(f.handler.started, 10);
  EXPECT_EQ(f.wire.flushes, 3);  // 4 + 4 + 2
}

TEST(H1ServerConnection, RefusesWithoutSpoilingTheAnswersBefore) {
  ConnectionFixture f;
  f.connect();
  f.send(get("/") + "GET / HTTP/1.1\r\nHost : a\r\n\r\n" + get("/never"));
  EXPECT_EQ(f.statuses(), (std::vector<int>{200, 400}));
  EXPECT_EQ(f.handler.started, 1);
  EXPECT_TRUE(f.wire.output.starts_with("HTTP/1.1 200"));
  EXPECT_TRUE(f.wire.output.ends_with("400 Bad Request\n"));
  EXPECT_TRUE(f.wire.shut_down);
  ASSERT_EQ(f.log.entries.size(), 2u);
  EXPECT_EQ(f.log.entries[1].status, 400);
  EXPECT_NE(f.log.entries[1].cause, "");
}

TEST(H1ServerConnection, EchoesContentAsItArrives) {
  ConnectionFixture f;
  f.connect();
  f.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  EXPECT_TRUE(f.wire.output.ends_with("\r\n\r\n3\r\nabc\r\n")) << f.wire.output;
  f.send("2\r\nde\r\n");
  EXPECT_TRUE(f.wire.output.ends_with("2\r\nde\r\n"));
  f.send("0\r\n\r\n");
  EXPECT_TRUE(f.wire.output.ends_with("0\r\n\r\n"));
  f.send(get("/"));
  EXPECT_TRUE(f.output().ends_with(kHello));
}

TEST(H1ServerConnection, InvitesContentAtTheFirstPull) {
  ConnectionFixture f;
  f.connect();
  f.send("POST /count HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(f.wire.output, "HTTP/1.1 100 Continue\r\n\r\n");
  f.send("abc");
  EXPECT_EQ(f.statuses(), (std::vector<int>{100, 200}));
  EXPECT_TRUE(f.wire.output.ends_with("\r\n\r\n3"));
}

TEST(H1ServerConnection, InvitesContentThatTheResponseIsMadeOf) {
  ConnectionFixture f;
  f.connect();
  f.send("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(f.statuses(), (std::vector<int>{100, 200}));
  f.send("abc");
  EXPECT_TRUE(f.wire.output.ends_with("\r\n\r\nabc"));
}

TEST(H1ServerConnection, DoesNotInviteContentNobodyWants) {
  ConnectionFixture f;
  f.connect();
  f.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(f.statuses(), (std::vector<int>{200}));
  EXPECT_NE(f.wire.output.find("Connection: close"), std::string::npos);
  EXPECT_TRUE(f.wire.shut_down);
}

TEST(H1ServerConnection, DrainsASmallUploadNobodyReads) {
  ConnectionFixture f;
  f.connect();
  const std::string content(60'000, 'x');
  f.send(post("/", content) + get("/"));
  EXPECT_EQ(f.statuses(), (std::vector<int>{200, 200}));
  EXPECT_FALSE(f.wire.shut_down);
}

TEST(H1ServerConnection, DrainsAnUploadThatArrivesAfterTheAnswer) {
  ConnectionFixture f;
  f.connect();
  f.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n");
  EXPECT_EQ(f.statuses(), (std::vector<int>{200}));
  f.send("ab");
  f.send("cd" + get("/"));
  EXPECT_EQ(f.statuses(), (std::vector<int>{200, 200}));
}

TEST(H1ServerConnection, ClosesWithLingeringAfterALargeUploadNobodyReads) {
  ConnectionFixture f;
  f.connect();
  f.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + std::string(9000, 'x'));
  EXPECT_EQ(f.statuses(), (std::vector<int>{200}));
  EXPECT_NE(f.wire.output.find("Connection: close"), std::string::npos);
  EXPECT_TRUE(f.wire.shut_down);
  EXPECT_FALSE(f.wire.closed) << "the client still sends: it must be able to read the status";
  f.send(std::string(30'000, 'x'));
  EXPECT_FALSE(f.wire.closed);
  f.send(std::string(40'000, 'x'));
  EXPECT_TRUE(f.wire.closed) << "64 KiB are enough";
}

TEST(H1ServerConnection, BoundsAChunkedUploadNobodyReads) {
  ConnectionFixture f;
  f.connect();
  f.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(f.statuses(), (std::vector<int>{200}));
  for (int i = 0; i < 20 && !f.wire.closed; ++i) {
    f.send("2000\r\n" + std::string(0x2000, 'x') + "\r\n");
  }
  EXPECT_TRUE(f.wire.shut_down);
}

TEST(H1ServerConnection, AnswersContentOverTheRoutesLimitWith413) {
  conf::Limits limits;
  limits.body = 10;
  ConnectionFixture f(limits);
  f.connect();
  f.send(post("/count", "12345678901"));
  EXPECT_EQ(f.statuses(), (std::vector<int>{413}));
  EXPECT_TRUE(f.wire.shut_down);
  ASSERT_EQ(f.log.entries.size(), 1u);
  EXPECT_EQ(f.log.entries[0].limit, "body");
  f.connect();
  f.send(post("/count", "1234567890"));
  EXPECT_EQ(f.statuses(), (std::vector<int>{200}));
  f.connect();
  f.send("POST /count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n123456\r\n");
  f.send("6\r\n123456\r\n");
  EXPECT_EQ(f.statuses(), (std::vector<int>{413}));
}

TEST(H1ServerConnection, AnswersBrokenContentWith400) {
  ConnectionFixture f;
  f.connect();
  f.send("POST /count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
  EXPECT_EQ(f.statuses(), (std::vector<int>{400}));
  EXPECT_EQ(f.handler.cancelled, 1);
  EXPECT_TRUE(f.wire.shut_down);
}

TEST(H1ServerConnection, StopsReadingWhenContentIsNotPulled) {
  ConnectionFixture f;
  f.connect();
  f.send("POST /later HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
  for (int i = 0; i < 20; ++i) f.send(std::string(50'000, 'x'));
  uint64_t unread = 0;
  for (const Wire::Step& step : f.wire.input) unread += step.octets.size();
  EXPECT_GE(unread, 1'000'000u - f.limits.exchange_body - f.limits.turn_read);
  EXPECT_EQ(f.handler.cancelled, 0);
}

TEST(H1ServerConnection, DoesNotPullWhatThePeerDoesNotTake) {
  ConnectionFixture f;
  f.connect();
  f.handler.tap.ready = std::string(8 * 1024 * 1024, 'x');
  f.handler.tap.length = f.handler.tap.ready.size();
  f.handler.tap.ended = true;
  f.wire.takes = false;
  f.send(get("/tap"));
  for (int i = 0; i < 50; ++i) f.wake();
  EXPECT_GE(f.handler.tap.ready.size(), 7u * 1024 * 1024);
  f.wire.takes = true;
  for (int i = 0; i < 20; ++i) f.wake();
  EXPECT_TRUE(f.handler.tap.ready.empty());
  EXPECT_GT(f.wire.output.size(), 8u * 1024 * 1024);
}

TEST(H1ServerConnection, SendsWhatASourceGivesLater) {
  ConnectionFixture f;
  f.connect();
  f.send(get("/tap") + get("/"));
  EXPECT_EQ(f.statuses(), (std::vector<int>{200}));
  f.handler.tap.ready = "abc";
  f.wake();
  EXPECT_TRUE(f.wire.output.ends_with("3\r\nabc\r\n"));
  f.handler.tap.ended = true;
  f.wake();
  EXPECT_EQ(f.statuses(), (std::vector<int>{200, 200}));
  EXPECT_EQ(f.handler.tap.destroyed, 1);
}

TEST(H1ServerConnection, AnswersLater) {
  ConnectionFixture f;
  f.connect();
  f.send(get("/later") + get("/"));
  EXPECT_EQ(f.wire.output, "");
  ResponseHead hints;
  hints.status = 103;
  f.handler.waiting->interim(hints);
  f.turn();
  EXPECT_EQ(f.statuses(), (std::vector<int>{103}));
  f.handler.waiting->respond();
  f.turn();
  EXPECT_EQ(f.statuses(), (std::vector<int>{103, 200, 200}));
}

TEST(H1ServerConnection, CutsAResponseWhoseContentFailsVisibly) {
  ConnectionFixture f;
  f.connect();
  f.send(get("/tap"));
  f.handler.tap.ready = "abc";
  f.wake();
  f.handler.tap.failed = true;
  f.wake();
  EXPECT_TRUE(f.wire.output.ends_with("3\r\nabc\r\n")) << "no last chunk";
  EXPECT_TRUE(f.wire.closed);
  ASSERT_EQ(f.log.entries.size(), 1u);
  EXPECT_FALSE(f.log.entries[0].complete);
}

TEST(H1ServerConnection, CutsContentThatIsNotOfTheAnnouncedLength) {
  for (const std::string content : {"abc", "abcdefgh"}) {
    ConnectionFixture f;
    f.handler.tap.length = 5;
    f.handler.tap.ready = content;
    f.handler.tap.ended = true;
    f.connect();
    f.send(get("/tap") + get("/"));
    EXPECT_EQ(f.statuses().size(), 0u) << "nothing that could be read as a response";
    EXPECT_TRUE(f.wire.closed);
    ASSERT_EQ(f.log.entries.size(), 1u);
    EXPECT_FALSE(f.log.entries[0].complete);
  }
}

TEST(H1ServerConnection, ResetsAnHttp10ResponseThatFailsBecauseItsEndWouldLookWhole) {
  ConnectionFixture f;
  f.connect();
  f.send("GET /tap HTTP/1.0\r\n\r\n");
  f.handler.tap.failed = true;
  f.wake();
  EXPECT_TRUE(f.wire.reset_on_close);
}

TEST(H1ServerConnection, ServesAClientThatClosedItsSideAfterTheRequest) {
  ConnectionFixture f;
  f.connect();
  f.wire.input.push_back({Wire::Step::Kind::octets, get("/")});
  f.send_end();
  EXPECT_EQ(f.output(), kHello);
  EXPECT_TRUE(f.wire.closed);
}

TEST(H1ServerConnection, EndsVisiblyWhenAFileEndsEarly) {
  conf::Limits limits;
  ConnectionFixture f(limits);
  f.connect();
  f.send(get("/tap"));
  f.wire.fails = true;
  f.handler.tap.ready = "abc";
  f.wake();
  EXPECT_TRUE(f.wire.closed);
  EXPECT_EQ(f.handler.tap.destroyed, 1);
}

// DESIGN: a table test resets the client at every state of an exchange.
TEST(H1ServerConnection, SurvivesAResetInEveryState) {
  struct Case {
    const char* name;
    std::vector<std::string> sent;
    int cancelled;
  };
  const std::vector<Case> cases = {
      {"idle, nothing sent", {}, 0},
      {"in a head", {"GET / HT"}, 0},
      {"waiting for the handler", {get("/later")}, 1},
      {"waiting for content",
       {"POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nab"},
       1},
      {"echoing", {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nab"}, 0},
      {"source pending", {get("/tap")}, 0},
      {"idle after a response", {get("/")}, 0},
      {"draining", {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nab"}, 0},
      {"lingering", {"GET\r\n\r\n"}, 0},
      {"pipelined behind a waiting one", {get("/later") + get("/")}, 1},
  };
  for (const Case& c : cases) {
    for (bool by_reset : {true, false}) {
      ConnectionFixture f;
      f.connect();
      for (const std::string& part : c.sent) f.send(part);
      if (by_reset) {
        f.send_reset();
        EXPECT_TRUE(f.wire.closed) << c.name;
        EXPECT_EQ(f.handler.cancelled, c.cancelled) << c.name;
        EXPECT_EQ(f.load.connections.load(), 0u) << c.name;
        EXPECT_EQ(f.context.connections(), 0u) << c.name;
      } else {
        f.send_end();
        const bool waits = c.name == std::string("waiting for the handler") ||
                           c.name == std::string("source pending") ||
                           c.name == std::string("pipelined behind a waiting one");
        EXPECT_EQ(f.wire.closed, !waits) << c.name << ", by FIN";
      }
    }
  }
}

TEST(H1ServerConnection, OwnsNoBlockWhileIdle) {
  ConnectionFixture f;
  f.connect();
  f.send(get("/"));
  const size_t blocks = f.context.pool.blocks_in_use();
  std::vector<Wire> wires(50);
  for (Wire& wire : wires) {
    auto* connection =
        new H1ServerConnection(f.context, f.listener, net::ConnectionSlot(f.load), f.peer);
    wire.input.push_back({Wire::Step::Kind::octets, get("/")});
    connection->open(std::make_unique<ScriptedTransport>(wire));
    f.turn();
    EXPECT_FALSE(wire.output.empty());
  }
  EXPECT_EQ(f.context.pool.blocks_in_use(), blocks);
  EXPECT_EQ(f.context.idle.size(), 51u);
  f.wait(std::chrono::milliseconds(150));  // who has only begun to idle is spared
  f.context.shed_idle(20);
  f.turn();
  EXPECT_EQ(f.context.idle.size(), 31u);
  EXPECT_TRUE(f.wire.closed) << "the one that was idle longest goes first";
  f.context.abort_all("test over");  // the wires end before the fixture does
  f.turn();
}

TEST(H1ServerConnection, DrainingFinishesTheCurrentExchange) {
  ConnectionFixture f;
  f.connect();
  f.send(get("/later") + get("/"));
  f.context.start_draining();
  f.turn();
  EXPECT_FALSE(f.wire.shut_down);
  f.handler.waiting->respond();
  f.turn();
  EXPECT_EQ(f.statuses(), (std::vector<int>{200}));
  EXPECT_NE(f.wire.output.find("Connection: close"), std::string::npos);
  EXPECT_TRUE(f.wire.shut_down);
}

TEST(H1ServerConnection, DrainingEndsIdleConnectionsAtOnce) {
  ConnectionFixture f;
  f.connect();
  f.send(get("/"));
  f.context.start_draining();
  f.turn();
  EXPECT_TRUE(f.wire.shut_down);
  EXPECT_EQ(f.context.idle.size(), 0u);
}

TEST(H1ServerConnection, ClosesAfterConnect) {
  ConnectionFixture f;
  f.connect();
  f.send("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n" + get("/smuggled"));
  EXPECT_EQ(f.statuses().size(), 1u);
  EXPECT_TRUE(f.wire.shut_down);
}

TEST(H1ServerConnection, PinsNoLargeBlockWhileItAnswers) {
  conf::Limits limits;
  limits.large_heads = 1;
  ConnectionFixture f(limits);
  const std::string fields = "X-1: " + std::string(7000, 'v') +
                             "\r\nX-2: " + std::string(7000, 'v') +
                             "\r\nX-3: " + std::string(7000, 'v') + "\r\n";
  f.connect();
  f.send(get("/later", fields) + get("/"));
  ASSERT_NE(f.handler.waiting, nullptr);
  EXPECT_EQ(f.handler.waiting->request().fields.value(FieldId::other).size(), 7000u);
  Exchange* const first = f.handler.waiting;
  Wire second;
  auto* connection =
      new H1ServerConnection(f.context, f.listener, net::ConnectionSlot(f.load), f.peer);
  second.input.push_back({Wire::Step::Kind::octets, get("/", fields)});
  connection->open(std::make_unique<ScriptedTransport>(second));
  f.turn();
  EXPECT_TRUE(second.output.starts_with("HTTP/1.1 200")) << second.output;
  first->respond();
  f.turn();
  EXPECT_EQ(f.statuses(), (std::vector<int>{200, 200}));
  f.context.abort_all("test over");  // the second wire ends before the fixture does
  f.turn();
}

TEST(H1ServerConnection, TakesAHeadThatOutgrowsABlock) {
  conf::Limits limits;
  ConnectionFixture f(limits);
  f.connect();
  std::string head = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 5; ++i)
    head += "X-" + std::to_string(i) + ": " + std::string(6000, 'v') + "\r\n";
  head += "\r\n";
  f.send(head);
  EXPECT_EQ(f.output(), kHello);
  limits.large_heads = 0;
  ConnectionFixture g(limits);
  g.connect();
  g.send(head);
  EXPECT_EQ(g.statuses(), (std::vector<int>{431}));
  EXPECT_EQ(g.log.entries.at(0).limit, "large_heads");
}

}  // namespace
}  // namespace sluice::http
