// Which targets are this very server, and which only look like it.
#include "conf/own_listener.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "conf/upstream_url.h"
#include "tests/support/memory_files.h"

namespace sluice::conf {
namespace {

bool own(const std::string& url, const std::vector<std::string>& addresses) {
  test::MemoryFiles files({}, {});
  UpstreamUrl upstream;
  if (const auto problem = parse_upstream(url, "/", files, upstream)) {
    ADD_FAILURE() << url << ": " << problem->message;
  }
  std::vector<Listener> listeners;
  for (const std::string& address : addresses) {
    listeners.push_back({.name = address, .address = address});
  }
  return own_listener(upstream.target, listeners, files) != nullptr;
}

TEST(OwnListener, EveryAddressIsReachedByAllThatIsLocal) {
  for (const char* url : {"http://127.0.0.1:80", "http://127.3.2.1", "http://localhost",
                          "https://LOCALHOST:80", "http://app.localhost", "http://[::1]",
                          "http://[::ffff:127.0.0.1]", "http://0.0.0.0", "http://[::]/base"}) {
    EXPECT_TRUE(own(url, {":80"})) << url;
    EXPECT_FALSE(own(url, {":81"})) << url;
  }
}

TEST(OwnListener, AnAddressIsReachedByItselfHoweverItIsSpelt) {
  EXPECT_TRUE(own("http://192.0.2.7:80", {"192.0.2.7:80"}));
  EXPECT_TRUE(own("http://[::ffff:192.0.2.7]", {"192.0.2.7:80"}));
  EXPECT_TRUE(own("http://[2001:DB8:0::7]", {"[2001:db8::7]:80"}));
  EXPECT_TRUE(own("http://localhost", {"127.0.0.1:80"}));
  EXPECT_TRUE(own("http://localhost", {"[::1]:80"}));
  EXPECT_TRUE(own("http://0.0.0.0", {"localhost:80"}));
  EXPECT_TRUE(own("http://[::]", {"[::1]:80"}));
  EXPECT_FALSE(own("http://127.0.0.1", {"192.0.2.7:80"}));
  EXPECT_FALSE(own("http://127.0.0.2", {"127.0.0.1:80"}));
  EXPECT_FALSE(own("http://[::1]", {"127.0.0.1:80"}));
}

TEST(OwnListener, AllOfOneFamilyAreNotTheOther) {
  EXPECT_TRUE(own("http://127.0.0.1", {"0.0.0.0:80"}));
  EXPECT_FALSE(own("http://[::1]", {"0.0.0.0:80"}));
  EXPECT_TRUE(own("http://[::1]", {"[::]:80"}));
  EXPECT_FALSE(own("http://127.0.0.1", {"[::]:80"}));
}

TEST(OwnListener, WhatOnlyALookUpOrTheMachineKnowsIsNotSaid) {
  EXPECT_FALSE(own("http://sluice.example", {":80"}));
  EXPECT_FALSE(own("http://_http._tcp.localhost", {":80"}));
  EXPECT_FALSE(own("http://192.0.2.7", {":80"}));
  // Port 0 becomes any free one.
  EXPECT_FALSE(own("http://127.0.0.1", {"127.0.0.1:0"}));
}

TEST(OwnListener, ASocketIsItsPath) {
  EXPECT_TRUE(own("unix:/run/a.sock", {":80", "unix:/run/a.sock"}));
  EXPECT_TRUE(own("unix:/run/x/../a.sock", {"unix:/run/./a.sock"}));
  EXPECT_FALSE(own("unix:/run/b.sock", {"unix:/run/a.sock", ":80"}));
  EXPECT_FALSE(own("http://127.0.0.1", {"unix:/run/a.sock"}));
}

TEST(OwnListener, TheOneThatIsMeantIsNamed) {
  test::MemoryFiles files({}, {});
  UpstreamUrl upstream;
  ASSERT_FALSE(parse_upstream("http://127.0.0.1:81", "/", files, upstream));
  const std::vector<Listener> listeners = {{.name = "no", .address = "nonsense"},
                                           {.name = "a", .address = "127.0.0.1:80"},
                                           {.name = "b", .address = "127.0.0.1:81"}};
  EXPECT_EQ(own_listener(upstream.target, listeners, files), &listeners[2]);
}

}  // namespace
}  // namespace sluice::conf
