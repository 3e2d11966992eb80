// Routes with one upstream share its connections, and those last as long as somebody uses them.
#include "server/handler/proxy/worker_upstreams.h"

#include <gtest/gtest.h>

#include <memory>

#include "unit/server/handler/proxy/pool_fixture.h"

namespace sluice::handler::proxy {
namespace {

class WorkerUpstreamsTest : public ::testing::Test {
 protected:
  WorkerUpstreamsTest() { loop.bind_to_this_thread(); }
  std::shared_ptr<Upstream> upstream() {
    return std::make_shared<Upstream>(conf::UpstreamTarget{}, std::make_shared<FakeName>(),
                                      limits.upstream_idle_timeout);
  }
  net::Loop loop;
  conf::Limits limits;
  WorkerUpstreams upstreams{std::make_shared<http::WorkerResources>(loop, limits)};
};

TEST_F(WorkerUpstreamsTest, HaveOnePoolForAnUpstream) {
  const auto one = upstream();
  const auto other = upstream();
  const auto pool = upstreams.pool_of(one);
  EXPECT_EQ(&pool->upstream(), one.get());
  EXPECT_EQ(upstreams.pool_of(one), pool);
  EXPECT_NE(upstreams.pool_of(other), pool);
}

// A reload makes the new handlers before the old ones go.
TEST_F(WorkerUpstreamsTest, KeepAPoolForAsLongAsSomebodyHoldsIt) {
  const auto one = upstream();
  auto before = upstreams.pool_of(one);
  const std::weak_ptr<UpstreamPool> known = before;
  auto after = upstreams.pool_of(one);
  before.reset();
  EXPECT_FALSE(known.expired());
  after.reset();
  EXPECT_TRUE(known.expired());
  EXPECT_NE(upstreams.pool_of(one), nullptr);
}

TEST_F(WorkerUpstreamsTest, UseExchangesAgain) {
  ProxyExchange& one = upstreams.exchanges().acquire();
  ProxyExchange& other = upstreams.exchanges().acquire();
  EXPECT_NE(&one, &other);
  upstreams.exchanges().release(one);
  EXPECT_EQ(&upstreams.exchanges().acquire(), &one);
}

}  // namespace
}  // namespace sluice::handler::proxy
