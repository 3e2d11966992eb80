// The problem: a name answers late, not at all, or again; and whoever sees it first (the pool, a
// request, the timer), everybody who waits is connected or told.
#include <gtest/gtest.h>

#include <chrono>

#include "unit/server/handler/proxy/pool_fixture.h"

namespace sluice::handler::proxy {
namespace {

using std::chrono::milliseconds;

TEST(UpstreamPoolNames, WaitForTheFirstAnswer) {
  LocalServer server;
  PoolFixture f;
  Asking& one = f.ask();
  f.turn();
  EXPECT_FALSE(one.failure || one.connection);
  f.name->set({server.address()});
  Peer peer = f.accept(server);
  f.serve(peer, one);
}

TEST(UpstreamPoolNames, AreNotWaitedForWithoutEnd) {
  conf::Limits limits;
  limits.upstream_connect_timeout = milliseconds(50);
  PoolFixture f(limits);
  Asking& one = f.ask();
  EXPECT_TRUE(f.until([&] { return one.done(); }));
  ASSERT_TRUE(one.failure);
  EXPECT_EQ(one.failure->status, 503);
  EXPECT_EQ(one.failure->error, "dns_timeout");
}

TEST(UpstreamPoolNames, ThatDoNotResolveAreToldAndRecover) {
  LocalServer server;
  PoolFixture f;
  Asking& waiting = f.ask();
  f.name->set({}, "dns_error");
  f.turn();
  ASSERT_TRUE(waiting.failure);
  EXPECT_EQ(waiting.failure->status, 503);
  EXPECT_EQ(waiting.failure->error, "dns_error");
  const int refreshes = f.name->refreshes;
  Asking& at_once = f.ask();
  ASSERT_TRUE(at_once.failure);
  EXPECT_EQ(at_once.failure->error, "dns_error");
  EXPECT_GT(f.name->refreshes, refreshes);
  f.name->set({server.address()});
  Asking& later = f.ask();
  Peer peer = f.accept(server);
  f.serve(peer, later);
}

// Whoever comes first sees the answer, and not only for itself.
TEST(UpstreamPoolNames, AreSeenByARequestBeforeThePoolIsTold) {
  {
    PoolFixture f;
    Asking& waiting = f.ask();
    f.name->set({}, "dns_error", false);
    Asking& next = f.ask();
    f.name->tell();
    f.turn();
    EXPECT_TRUE(waiting.failure);
    EXPECT_TRUE(next.failure);
  }
  LocalServer server;
  PoolFixture f;
  Asking& waiting = f.ask();
  f.name->set({server.address()}, {}, false);
  Asking& next = f.ask();
  f.name->tell();
  Peer first = f.accept(server);
  Peer second = f.accept(server);
  f.serve(first, waiting);
  f.serve(second, next);
}

TEST(UpstreamPoolNames, AreSeenByTheTimerBeforeThePoolIsTold) {
  LocalServer server;
  PoolFixture f;
  Asking& waiting = f.ask();
  f.name->set({server.address()}, {}, false);
  f.wait(milliseconds(400));
  f.name->tell();
  Peer peer = f.accept(server);
  f.serve(peer, waiting);
}

}  // namespace
}  // namespace sluice::handler::proxy
