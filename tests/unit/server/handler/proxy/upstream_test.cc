// One upstream for one target, however often it is asked for, and for as long as somebody uses it.
#include "server/handler/proxy/upstream.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace sluice::handler::proxy {
namespace {

class UpstreamsTest : public ::testing::Test {
 protected:
  UpstreamsTest() { loop.bind_to_this_thread(); }
  static conf::UpstreamTarget target(uint16_t port) {
    conf::UpstreamTarget made;
    made.host = "127.0.0.1";
    made.port = port;
    return made;
  }
  std::shared_ptr<Upstream> get(const conf::UpstreamTarget& wanted) {
    problem.clear();
    return upstreams.get(wanted, problem);
  }
  net::Loop loop;
  net::Resolver resolver{loop, {}, {}};
  conf::Limits limits;
  Upstreams upstreams{resolver, limits};
  std::string problem;
};

TEST_F(UpstreamsTest, AreTheSameForTheSameTarget) {
  const auto one = get(target(80));
  ASSERT_NE(one, nullptr);
  EXPECT_EQ(get(target(80)), one);
  EXPECT_NE(get(target(81)), one);
  conf::UpstreamTarget other = target(80);
  other.http2 = conf::UpstreamTarget::Http2::always;
  EXPECT_NE(get(other), one);
  EXPECT_EQ(one->tls(), nullptr);
  EXPECT_EQ(one->kept_time.usable(), limits.upstream_idle_timeout);
}

TEST_F(UpstreamsTest, LastAsLongAsSomebodyUsesThem) {
  std::weak_ptr<Upstream> known;
  {
    const auto one = get(target(80));
    known = one;
  }
  EXPECT_TRUE(known.expired());
  EXPECT_NE(get(target(80)), nullptr);
}

TEST_F(UpstreamsTest, KnowNumbersAndPathsWithoutAskingAnybody) {
  const auto number = get(target(80));
  EXPECT_EQ(number->name().generation(), 1U);
  EXPECT_EQ(number->name().resolution()->addresses.at(0).text(), "127.0.0.1:80");
  conf::UpstreamTarget path;
  path.path = "/run/app.sock";
  EXPECT_EQ(get(path)->name().resolution()->addresses.at(0).text(), "unix:/run/app.sock");
}

// A reload reads the files again; the upstream with its connections stays.
TEST_F(UpstreamsTest, GetTheirCertificatesAnew) {
  conf::UpstreamTarget secure = target(443);
  secure.tls = conf::UpstreamTls{.verify = false};
  const auto one = get(secure);
  ASSERT_NE(one, nullptr) << problem;
  const auto before = one->tls();
  EXPECT_NE(before, nullptr);
  EXPECT_EQ(get(secure), one);
  EXPECT_NE(one->tls(), nullptr);
  EXPECT_NE(one->tls(), before);
}

TEST_F(UpstreamsTest, SayWhatIsWrongWithTheirFiles) {
  conf::UpstreamTarget secure = target(443);
  secure.tls = conf::UpstreamTls{.authorities = "/nonexistent/authorities.pem"};
  EXPECT_EQ(get(secure), nullptr);
  EXPECT_NE(problem.find("/nonexistent/authorities.pem"), std::string::npos) << problem;
}

TEST_F(UpstreamsTest, LetAddressesTakeTurns) {
  const auto one = get(target(80));
  EXPECT_EQ(one->next_turn(), 0U);
  EXPECT_EQ(one->next_turn(), 1U);
}

}  // namespace
}  // namespace sluice::handler::proxy
