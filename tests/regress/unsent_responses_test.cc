// Responses that wait to be sent: their connection is not idle, and what becomes of them is told as
// it was.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "unit/server/http/connection_fixture.h"

namespace sluice::http {
namespace {

using std::chrono::milliseconds;

// A stray CRLF behind a request is tolerated; it must not make a connection that still sends look
// idle.
TEST(UnsentResponses, AreNotShedAsIdle) {
  ConnectionFixture f;
  f.connect();
  f.handler.tap.ready = std::string(200'000, 'x');
  f.handler.tap.length = 200'000;
  f.handler.tap.ended = true;
  f.wire.take_per_flush = 1000;
  f.send(get("/tap") + "\r\n");
  f.wait(milliseconds(150));
  f.context.shed_idle(10);
  f.turn();
  EXPECT_FALSE(f.wire.closed);
  f.wire.take_per_flush = UINT64_MAX;
  f.wake();
  EXPECT_GT(f.wire.output.size(), 200'000u);
  EXPECT_EQ(f.context.idle.size(), 1u) << "idle now that all is sent";
}

TEST(UnsentResponses, OfARefusalAreNotShedAsIdle) {
  ConnectionFixture f;
  f.connect();
  f.wire.takes = false;
  f.send("\x16\x03\x01");
  EXPECT_EQ(f.context.idle.size(), 0u);
  f.wire.takes = true;
  f.wake();
  EXPECT_EQ(f.statuses(), (std::vector<int>{400}));
}

TEST(UnsentResponses, OfAPipelineAreNotLoggedAsCompleteBeforeTheyLeave) {
  ConnectionFixture f;
  f.connect();
  f.handler.tap.ready = std::string(900'000, 'x');
  f.handler.tap.length = 900'000;
  f.handler.tap.ended = true;
  f.wire.take_per_flush = 1000;
  f.send(get("/tap") + get("/"));
  EXPECT_TRUE(f.log.entries.empty());
  f.wire.fails = true;
  f.wake();
  ASSERT_EQ(f.log.entries.size(), 1u);
  EXPECT_FALSE(f.log.entries[0].complete);
  EXPECT_EQ(f.log.entries[0].target, "/tap");
}

TEST(UnsentResponses, ThatAreCutAfterTheirRecordAreToldOf) {
  ConnectionFixture f;
  f.connect();
  f.send(get("/") + get("/") + "GET / HT");
  EXPECT_EQ(f.log.entries.size(), 2u);
  ConnectionFixture g;
  g.connect();
  g.wire.fails = true;
  g.send(get("/") + get("/") + "\r\n");
  ASSERT_EQ(g.log.entries.size(), 3u);
  EXPECT_FALSE(g.log.entries[2].complete);
}

TEST(UnsentResponses, OfRequestsThatArrivedBeforeADrainAreSent) {
  conf::Limits limits;
  limits.turn_requests = 1;
  ConnectionFixture f(limits);
  f.connect();
  f.wire.takes = false;
  f.send(get("/one") + get("/two"));
  f.context.start_draining();
  f.wire.takes = true;
  f.wake();
  EXPECT_EQ(f.statuses(), (std::vector<int>{200, 200}));
  EXPECT_TRUE(f.wire.shut_down);
}

TEST(UnsentResponses, ABlankLineInTwoPiecesLeavesAConnectionIdle) {
  ConnectionFixture f;
  f.connect();
  f.send("\r");
  f.send("\n");
  EXPECT_EQ(f.context.idle.size(), 1u);
  f.send(get("/"));
  EXPECT_EQ(f.statuses(), (std::vector<int>{200}));
}

// The timer's iteration delivers mail first: a handler that answers in it must not be refused as
// well.
TEST(UnsentResponses, OfAHandlerThatAnswersAsItsContentTimesOutIsSentOnce) {
  class Answer final : public net::Mail {
   public:
    explicit Answer(ConnectionFixture& fixture) : fixture_(fixture) {}
    void deliver() override {
      if (fixture_.handler.waiting != nullptr) fixture_.handler.waiting->respond();
    }

   private:
    ConnectionFixture& fixture_;
  };
  conf::Limits limits;
  limits.body_timeout = milliseconds(40);
  ConnectionFixture f(limits);
  f.connect();
  f.send("POST /later HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n");
  Chain content;
  EXPECT_EQ(f.handler.waiting->request_body().pull(content, 10), Pull::pending);
  f.turn();
  std::this_thread::sleep_for(milliseconds(300));
  f.loop.post(std::make_unique<Answer>(f));
  f.turn();
  EXPECT_EQ(f.statuses(), (std::vector<int>{200}));
}

}  // namespace
}  // namespace sluice::http
