// Targets on their way upstream: as received where that is safe, else as our rules read them.
#include <string>

#include "server/handler/proxy/forwarding.h"
#include "unit/server/handler/proxy/forwarding_fixture.h"

namespace sluice::handler::proxy {
namespace {

TEST(ForwardingTarget, IsForwardedOctetForOctet) {
  ForwardingFixture f;
  for (const std::string_view target :
       {"/", "/a/b", "/a?b=c", "/?", "//a//b", "/%7euser/%41", "/a%2Fb%2f..", "/a%5cb", "/.../x",
        "/a?../..", "/a|b^c", "/%e2%82%ac?%41"}) {
    EXPECT_EQ(f.target_of(target), target);
  }
}

TEST(ForwardingTarget, TheAbsoluteFormBecomesTheOriginForm) {
  ForwardingFixture f;
  EXPECT_EQ(f.target_of("http://example.com/a%41?b"), "/a%41?b");
  EXPECT_EQ(f.target_of("http://example.com"), "/");
  EXPECT_EQ(f.target_of("http://example.com?b"), "/?b");
  EXPECT_EQ(f.target_of("http://example.com/a/../b"), "/b");
}

// DESIGN section 2: the upstream must not read a path that our rules were not applied to.
TEST(ForwardingTarget, DotSegmentsGoOutNormalised) {
  ForwardingFixture f;
  EXPECT_EQ(f.target_of("/public/../admin"), "/admin");
  EXPECT_EQ(f.target_of("/public/%2e%2E/admin?x"), "/admin?x");
  EXPECT_EQ(f.target_of("/./"), "/");
  EXPECT_EQ(f.target_of("/../../x%7e"), "/x~");
}

TEST(ForwardingTarget, ARewriteIsWhatGoesOut) {
  ForwardingFixture f;
  f.ask("/old%41?q");
  f.in.path = "/new";
  EXPECT_EQ(f.forward(), Verdict::forward);
  EXPECT_EQ(f.out.target, "/new?q");
  f.in.query = "other";
  EXPECT_EQ(f.forward(), Verdict::forward);
  EXPECT_EQ(f.out.target, "/new?other");
  f.ask("/same");
  f.in.query = "added";
  f.in.has_query = true;
  EXPECT_EQ(f.forward(), Verdict::forward);
  EXPECT_EQ(f.out.target, "/same?added");
  EXPECT_EQ(f.out.path, "/same");
}

TEST(ForwardingTarget, APrefixIsTakenOffBeforeASlashOrAtTheEnd) {
  ForwardingFixture f;
  f.action.strip = "/api";
  EXPECT_EQ(f.target_of("/api/users?x"), "/users?x");
  EXPECT_EQ(f.target_of("/api/"), "/");
  EXPECT_EQ(f.target_of("/api"), "/");
  EXPECT_EQ(f.target_of("/api?x"), "/?x");
  EXPECT_EQ(f.target_of("/apix/y"), "/apix/y");
  EXPECT_EQ(f.target_of("/other"), "/other");
  EXPECT_EQ(f.target_of("/%61pi/%7ex%2Fy"), "/~x%2Fy");
  EXPECT_EQ(f.target_of("/api/../x"), "/x");
}

TEST(ForwardingTarget, ABaseIsPutBefore) {
  ForwardingFixture f;
  f.action.base = "/v1";
  EXPECT_EQ(f.target_of("/users?x"), "/v1/users?x");
  EXPECT_EQ(f.target_of("/"), "/v1/");
  EXPECT_EQ(f.target_of("/../x"), "/v1/x");
  f.action.strip = "/api";
  EXPECT_EQ(f.target_of("/api/users"), "/v1/users");
  EXPECT_EQ(f.target_of("/api"), "/v1");
  EXPECT_EQ(f.target_of("/api/"), "/v1/");
  EXPECT_EQ(f.target_of("/other"), "/v1/other");
}

TEST(ForwardingTarget, OptionsOfTheWholeServerHasNoPathToChange) {
  ForwardingFixture f;
  f.in.method = Method::options;
  f.ask("*");
  EXPECT_EQ(f.forward(), Verdict::forward);
  EXPECT_EQ(f.out.target, "*");
  EXPECT_EQ(f.out.path, "*");
  f.action.strip = "/api";
  EXPECT_EQ(f.forward(), Verdict::forward);
  f.ask("http://example.com");
  EXPECT_EQ(f.forward(), Verdict::forward);
  EXPECT_EQ(f.out.target, "*");
  f.action.base = "/v1";
  EXPECT_EQ(f.forward(), Verdict::not_proxied);
}

TEST(ForwardingTarget, ConnectIsNotProxied) {
  ForwardingFixture f;
  f.in.method = Method::connect;
  f.ask("example.com:443");
  EXPECT_EQ(f.forward(), Verdict::not_proxied);
}

// Longer than what is compared on the stack.
TEST(ForwardingTarget, LongTargetsAreNoExceptions) {
  ForwardingFixture f;
  const std::string tail(20000, 'a');
  const std::string spelled = "/%41" + tail;
  const std::string dotted = "/x/../" + tail;
  EXPECT_EQ(f.target_of(spelled), spelled);
  EXPECT_EQ(f.target_of(dotted), "/" + tail);
  f.action.base = "/v1";
  EXPECT_EQ(f.target_of(spelled), "/v1/A" + tail);
}

}  // namespace
}  // namespace sluice::handler::proxy
