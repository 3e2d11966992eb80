// The problem: requests get the connection that is most likely to live, never one to a server that
// the name has left, and always an answer, whatever becomes of names and servers meanwhile.
#include "server/handler/proxy/upstream_pool.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "unit/protocol/h2/pair.h"
#include "unit/server/handler/proxy/pool_fixture.h"

namespace sluice::handler::proxy {
namespace {

using std::chrono::milliseconds;

class UpstreamPoolTest : public ::testing::Test {
 protected:
  UpstreamPoolTest() { f.name->set({server.address()}); }

  // So many connections, each used once and idle now: the last one since the shortest time.
  std::vector<Peer> idle(size_t count) {
    std::vector<Peer> peers;
    std::vector<Asking*> asking;
    for (size_t i = 0; i < count; ++i) {
      asking.push_back(&f.ask());
      peers.push_back(f.accept(server));
      EXPECT_TRUE(f.hears(peers.back()));
    }
    for (size_t i = 0; i < count; ++i) f.serve(peers[i], *asking[i]);
    return peers;
  }

  LocalServer server;
  PoolFixture f;
};

TEST_F(UpstreamPoolTest, UsesWhatWasUsedLastFirst) {
  std::vector<Peer> peers = idle(3);
  Asking& first = f.ask();
  Asking& second = f.ask();
  EXPECT_TRUE(f.hears(peers[2]));
  EXPECT_TRUE(f.hears(peers[1]));
  f.serve(peers[2], first);
  f.serve(peers[1], second);
  peers[0].listen();
  EXPECT_EQ(peers[0].heard, "");
  EXPECT_TRUE(f.nobody_connects(server));
}

TEST_F(UpstreamPoolTest, KeepsNoMoreThanItMay) {
  conf::Limits limits;
  limits.upstream_idle = 2;
  PoolFixture few(limits);
  few.name->set({server.address()});
  std::vector<Peer> peers;
  std::vector<Asking*> asking;
  for (int i = 0; i < 4; ++i) {
    asking.push_back(&few.ask());
    peers.push_back(few.accept(server));
  }
  for (size_t i = 0; i < 4; ++i) few.serve(peers[i], *asking[i]);
  EXPECT_TRUE(few.ends(peers[0]));
  EXPECT_TRUE(few.ends(peers[1]));
  few.turn();
  peers[2].listen();
  peers[3].listen();
  EXPECT_FALSE(peers[2].ended || peers[3].ended);
}

TEST_F(UpstreamPoolTest, GivesWhatBecomesFreeToWhoWaits) {
  LocalServer slow(0);
  f.name->set({slow.address()});
  Asking& first = f.ask();
  Peer peer = f.accept(slow);
  slow.plug();
  Asking& second = f.ask();
  f.serve(peer, first);
  EXPECT_EQ(second.connection, first.connection);
  f.serve(peer, second);
}

TEST_F(UpstreamPoolTest, GivesNothingToWhoDoesNotWaitAnyMore) {
  Asking& gone = f.ask();
  f.pool->forget(gone);
  f.pool->forget(gone);
  const Peer peer = f.accept(server);
  f.turn();
  EXPECT_FALSE(gone.connection || gone.failure);
  // What was begun for it is there for the next one.
  Asking& next = f.ask();
  EXPECT_NE(next.connection, nullptr);
  EXPECT_TRUE(f.nobody_connects(server));
}

TEST_F(UpstreamPoolTest, DoesNotUseWhatWasClosedMeanwhile) {
  std::vector<Peer> peers = idle(2);
  peers[1].close();
  f.turn();
  f.upstream->kept_time.on_survived(milliseconds(2000));  // whatever that close says
  Asking& one = f.ask();
  f.serve(peers[0], one);
  peers[0].close();
  Asking& other = f.ask(Wanted::fresh);
  Peer fresh = f.accept(server);
  f.serve(fresh, other);
}

TEST_F(UpstreamPoolTest, DoesNotUseWhatMayBeTooOld) {
  std::vector<Peer> peers = idle(1);
  f.upstream->kept_time.on_announced(milliseconds(0));
  Asking& one = f.ask();
  Peer other = f.accept(server);
  f.serve(other, one);
}

TEST_F(UpstreamPoolTest, LearnsFromWhatTheUpstreamSaysAndDoes) {
  Asking& one = f.ask();
  Peer peer = f.accept(server);
  f.serve(peer, one, "HTTP/1.1 204 No Content\r\nKeep-Alive: timeout=5\r\n\r\n");
  EXPECT_EQ(f.upstream->kept_time.usable(), milliseconds(4000));
  f.wait(milliseconds(20));
  peer.close();
  EXPECT_TRUE(f.until([&] { return f.upstream->kept_time.usable() < milliseconds(4000); }));
}

TEST_F(UpstreamPoolTest, LooksAfterWhatIsIdle) {
  std::vector<Peer> peers = idle(1);
  EXPECT_EQ(f.upstream->kept_time.shown(net::Clock::now()), milliseconds(0));
  EXPECT_TRUE(
      f.until([&] { return f.upstream->kept_time.shown(net::Clock::now()) > milliseconds(0); }));
  f.upstream->kept_time.on_announced(milliseconds(1));
  EXPECT_TRUE(f.ends(peers[0]));  // there is nothing more to learn from it
}

// --- What cannot be sent twice -------------------------------------------------------------------

TEST_F(UpstreamPoolTest, SendsWhatCannotBeSentTwiceAtProvenAgesOnly) {
  std::vector<Peer> peers = idle(1);
  Asking& unproven = f.ask(Wanted::fresh);
  Peer second = f.accept(server);
  f.serve(second, unproven);
  f.upstream->kept_time.on_survived(milliseconds(900));
  Asking& proven = f.ask(Wanted::fresh);
  EXPECT_NE(proven.connection, nullptr);
  f.serve(second, proven);
}

TEST_F(UpstreamPoolTest, SendsWhatCannotBeSentTwiceWithinItsTimeOnly) {
  conf::Limits limits;
  limits.upstream_fresh = milliseconds(20);
  PoolFixture strict(limits);
  strict.name->set({server.address()});
  Asking& one = strict.ask();
  Peer peer = strict.accept(server);
  strict.serve(peer, one);
  strict.upstream->kept_time.on_survived(milliseconds(900));
  strict.wait(milliseconds(25));
  Asking& late = strict.ask(Wanted::fresh);
  Peer other = strict.accept(server);
  strict.serve(other, late);
}

TEST_F(UpstreamPoolTest, TriesAgainOnANewConnection) {
  std::vector<Peer> peers = idle(1);
  Asking& again = f.ask(Wanted::not_kept);
  Peer other = f.accept(server);
  f.serve(other, again);
  peers[0].listen();
  EXPECT_EQ(peers[0].heard, "");
}

// --- Connecting ----------------------------------------------------------------------------------

TEST_F(UpstreamPoolTest, LetsAddressesTakeTurns) {
  LocalServer other;
  f.name->set({server.address(), other.address()});
  (void)f.ask();
  (void)f.accept(server);
  (void)f.ask();
  (void)f.accept(other);
  (void)f.ask();
  (void)f.accept(server);
}

TEST_F(UpstreamPoolTest, TellsAllWhoWaitThatNobodyListens) {
  server.listener = net::Descriptor();
  Asking& one = f.ask();
  Asking& other = f.ask();
  EXPECT_TRUE(f.until([&] { return one.done() && other.done(); }));
  for (const Asking* each : {&one, &other}) {
    ASSERT_TRUE(each->failure);
    EXPECT_EQ(each->failure->status, 502);
    EXPECT_EQ(each->failure->error, "connection_refused");
    EXPECT_TRUE(each->failure->unread);
  }
  EXPECT_GT(f.name->refreshes, 0);
}

TEST_F(UpstreamPoolTest, GivesUpAnAddressThatDoesNotAnswer) {
  conf::Limits limits;
  limits.upstream_connect_timeout = milliseconds(60);
  PoolFixture hasty(limits);
  LocalServer slow(0);
  slow.plug();
  hasty.name->set({slow.address()});
  Asking& one = hasty.ask();
  EXPECT_TRUE(hasty.until([&] { return one.done(); }));
  ASSERT_TRUE(one.failure);
  EXPECT_EQ(one.failure->status, 504);
  EXPECT_EQ(one.failure->error, "connection_timeout");
  EXPECT_EQ(one.failure->limit, "upstream_connect_timeout");
}

// --- Preludes ------------------------------------------------------------------------------------

class UpstreamPoolWithPrelude : public ::testing::Test {
 protected:
  static conf::UpstreamTarget target() {
    conf::UpstreamTarget made;
    made.proxy_protocol = conf::UpstreamTarget::ProxyProtocol::v1;
    return made;
  }
  UpstreamPoolWithPrelude() { f.name->set({server.address()}); }
  LocalServer server;
  PoolFixture f{{}, target()};
};

TEST_F(UpstreamPoolWithPrelude, GivesEachRequestAConnectionOfItsOwn) {
  Asking& one = f.ask(Wanted::any, "PROXY one\r\n");
  Asking& other = f.ask(Wanted::any, "PROXY other\r\n");
  Peer first = f.accept(server);
  Peer second = f.accept(server);
  EXPECT_TRUE(f.hears(first));
  EXPECT_TRUE(f.hears(second));
  EXPECT_TRUE(first.heard.starts_with("PROXY one\r\nGET ")) << first.heard;
  EXPECT_TRUE(second.heard.starts_with("PROXY other\r\nGET ")) << second.heard;
  f.serve(first, one);
  f.serve(second, other);
  EXPECT_TRUE(f.ends(first));
  EXPECT_TRUE(f.ends(second));
}

TEST_F(UpstreamPoolWithPrelude, StopsConnectingForWhoIsGone) {
  Asking& gone = f.ask(Wanted::any, "PROXY gone\r\n");
  f.pool->forget(gone);
  f.turn();
  EXPECT_FALSE(gone.connection || gone.failure);
  if (auto peer = server.accept()) {
    EXPECT_TRUE(f.ends(*peer));
    EXPECT_EQ(peer->heard, "");
  }
}

TEST_F(UpstreamPoolWithPrelude, TellsWhomItWasFor) {
  server.listener = net::Descriptor();
  Asking& one = f.ask(Wanted::any, "PROXY one\r\n");
  EXPECT_TRUE(f.until([&] { return one.done(); }));
  ASSERT_TRUE(one.failure);
  EXPECT_EQ(one.failure->error, "connection_refused");
}

// --- HTTP/2 --------------------------------------------------------------------------------------

class UpstreamPoolOverHttp2 : public ::testing::Test {
 protected:
  static conf::UpstreamTarget target() {
    conf::UpstreamTarget made;
    made.http2 = conf::UpstreamTarget::Http2::always;
    return made;
  }
  UpstreamPoolOverHttp2() { f.name->set({server.address()}); }
  // Lets the two talk until `done`.
  bool talk(Peer& peer, h2::Server& upstream, const std::function<bool()>& done) {
    return f.until([&] {
      peer.listen();
      if (!peer.heard.empty()) (void)upstream.feed(std::exchange(peer.heard, ""));
      const std::string said = upstream.say();
      if (!said.empty()) peer.say(said);
      return done();
    });
  }
  static void respond(h2::Server& upstream, h2::StreamId id) {
    ResponseHead head;
    head.status = 204;
    upstream.codec.submit_response(id, head, {}, nullptr);
  }
  LocalServer server;
  PoolFixture f{{}, target()};
};

TEST_F(UpstreamPoolOverHttp2, SharesAConnection) {
  Asking& one = f.ask();
  Asking& other = f.ask(Wanted::fresh);
  Peer peer = f.accept(server);
  h2::Server upstream({}, h2::test_limits());
  EXPECT_TRUE(talk(peer, upstream, [&] { return upstream.began.size() == 2; }));
  Asking& third = f.ask(Wanted::not_kept);
  EXPECT_EQ(third.connection, one.connection);
  EXPECT_TRUE(talk(peer, upstream, [&] { return upstream.began.size() == 3; }));
  for (const h2::StreamId id : upstream.began) respond(upstream, id);
  EXPECT_TRUE(talk(peer, upstream, [&] { return one.done() && other.done() && third.done(); }));
  EXPECT_TRUE(one.receiver.ended && other.receiver.ended && third.receiver.ended);
  EXPECT_TRUE(f.nobody_connects(server));
}

TEST_F(UpstreamPoolOverHttp2, EndsWhatTheNameHasLeftBehindItsStreams) {
  Asking& one = f.ask();
  Peer peer = f.accept(server);
  h2::Server upstream({}, h2::test_limits());
  EXPECT_TRUE(talk(peer, upstream, [&] { return upstream.began.size() == 1; }));
  LocalServer moved;
  f.name->set({moved.address()});
  f.turn();
  (void)f.ask();
  const Peer next = f.accept(moved);
  respond(upstream, upstream.began.back());
  EXPECT_TRUE(talk(peer, upstream, [&] { return one.done() && peer.ended; }));
  EXPECT_TRUE(one.receiver.ended);
}

// --- Names ---------------------------------------------------------------------------------------

TEST_F(UpstreamPoolTest, LeavesAnAddressThatTheNameHasLeft) {
  std::vector<Peer> peers = idle(2);
  Asking& busy = f.ask();
  EXPECT_TRUE(f.hears(peers[1]));
  LocalServer moved;
  f.name->set({moved.address()}, {}, false);
  Asking& next = f.ask();  // before anybody told the pool
  Peer there = f.accept(moved);
  f.serve(there, next);
  EXPECT_TRUE(f.ends(peers[0]));
  peers[1].listen();
  EXPECT_FALSE(peers[1].ended);
  f.serve(peers[1], busy);
  EXPECT_TRUE(f.ends(peers[1]));
  EXPECT_TRUE(f.nobody_connects(server));
}

// The services swap their addresses while a connection is on its way.
TEST_F(UpstreamPoolTest, DoesNotWaitForAnAddressThatTheNameHasLeft) {
  LocalServer slow(0);
  slow.plug();
  f.name->set({slow.address()});
  Asking& one = f.ask();
  f.turn();
  f.name->set({server.address()});
  Peer peer = f.accept(server);
  f.serve(peer, one);
}

TEST_F(UpstreamPoolTest, DoesNotUseAConnectionThatCameTooLate) {
  LocalServer moved;
  Asking& one = f.ask();  // it is connecting, to the server
  f.name->set({moved.address()}, {}, false);
  Peer wrong = f.accept(server);
  Peer right = f.accept(moved);
  f.serve(right, one);
  EXPECT_TRUE(f.ends(wrong));
  EXPECT_EQ(wrong.heard, "");
}

TEST_F(UpstreamPoolWithPrelude, DoesNotUseAConnectionThatCameTooLate) {
  LocalServer moved;
  Asking& one = f.ask(Wanted::any, "PROXY one\r\n");
  f.name->set({moved.address()});
  Peer right = f.accept(moved);
  EXPECT_TRUE(f.hears(right));
  EXPECT_TRUE(right.heard.starts_with("PROXY one\r\nGET ")) << right.heard;
  f.serve(right, one);
}

TEST_F(UpstreamPoolWithPrelude, SaysThatTheNameIsGone) {
  LocalServer slow(0);
  slow.plug();
  f.name->set({slow.address()});
  Asking& one = f.ask(Wanted::any, "PROXY one\r\n");
  f.turn();
  f.name->set({}, "dns_error");
  EXPECT_TRUE(f.until([&] { return one.done(); }));
  ASSERT_TRUE(one.failure);
  EXPECT_EQ(one.failure->error, "dns_error");
}

// --- The end -------------------------------------------------------------------------------------

// A worker ends with whatever is under way; what lives on until the loop has freed it needs nothing
// of the pool's, nor of what the pool alone held.
TEST_F(UpstreamPoolTest, EndsWithAllThatItHas) {
  std::vector<Peer> peers = idle(2);
  Asking& connected = f.ask();
  Asking& cancelled = f.ask();
  EXPECT_TRUE(f.hears(peers[0]));
  Asking& on_its_way = f.ask(Wanted::not_kept);
  f.leave(connected);
  f.leave(cancelled);
  f.leave(on_its_way);
  f.end_all();
  EXPECT_TRUE(f.ends(peers[0]));
  EXPECT_TRUE(f.ends(peers[1]));
}

TEST_F(UpstreamPoolOverHttp2, EndsWithAllThatItHas) {
  Asking& one = f.ask();
  Peer peer = f.accept(server);
  EXPECT_TRUE(f.until([&] { return one.connection != nullptr; }));
  f.leave(one);
  f.end_all();
  EXPECT_TRUE(f.ends(peer));
}

TEST_F(UpstreamPoolWithPrelude, EndsWithAllThatItHas) {
  (void)f.ask(Wanted::any, "PROXY one\r\n");
  f.leave(*f.asking.back());
  (void)f.ask(Wanted::any, "PROXY other\r\n");
  const Asking& other = *f.asking.back();
  f.pool->forget(*f.asking.back());
  f.pool.reset();
  f.turn();
  EXPECT_FALSE(other.connection || other.failure);
  f.end_all();
}

}  // namespace
}  // namespace sluice::handler::proxy
