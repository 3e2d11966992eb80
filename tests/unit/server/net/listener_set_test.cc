// Listening sockets across reloads, with workers that run.
#include "server/net/listener_set.h"

#include <gtest/gtest.h>

#include <charconv>
#include <string>
#include <vector>

#include "unit/server/net/worker_fixture.h"

namespace sluice::net {
namespace {

conf::Listener listener(const std::string& address) {
  return {.name = address, .address = address};
}

uint16_t port_of(const std::string& url) {
  uint16_t port = 0;
  const char* const end = url.data() + url.size();
  EXPECT_EQ(std::from_chars(url.data() + url.rfind(':') + 1, end, port).ptr, end);
  return port;
}

bool accepts(uint16_t port) {
  const Descriptor client = tcp_socket();
  return connect_to(client.get(), port) == 0;
}

TEST(ListenerSetThreads, WhatIsWantedStillKeepsItsSocketAndNumber) {
  Threads threads;
  threads.start();
  ListenerSet set(threads.workers->count());
  ASSERT_EQ(set.prepare({listener("127.0.0.1:0")}), "");
  const std::vector<uint32_t> first = set.numbers();
  ASSERT_EQ(set.commit(*threads.workers), "");
  const std::vector<std::string> urls = set.urls();
  ASSERT_EQ(set.prepare({listener("[::1]:0"), listener("127.0.0.1:0")}), "");
  ASSERT_EQ(set.numbers().size(), 2u);
  EXPECT_EQ(set.numbers()[1], first[0]);
  EXPECT_NE(set.numbers()[0], first[0]);
  ASSERT_EQ(set.commit(*threads.workers), "");
  ASSERT_EQ(set.urls().size(), 2u);
  EXPECT_EQ(set.urls()[0], urls[0]);
  EXPECT_TRUE(accepts(port_of(urls[0])));
  threads.workers->stop_accepting();
}

TEST(ListenerSetThreads, AFreePortIsKnownOnceItIsChosen) {
  Threads threads;
  threads.start();
  ListenerSet set(threads.workers->count());
  ASSERT_EQ(set.prepare({listener("127.0.0.1:0")}), "");
  const std::vector<uint16_t> prepared = set.ports();
  ASSERT_EQ(set.commit(*threads.workers), "");
  EXPECT_EQ(prepared, std::vector{port_of(set.urls()[0])});
  ASSERT_EQ(set.prepare({listener("[::1]:0"), listener("127.0.0.1:0")}), "");
  ASSERT_EQ(set.ports().size(), 2u);
  EXPECT_EQ(set.ports()[1], prepared[0]) << "one that is kept keeps its port";
  EXPECT_NE(set.ports()[0], 0);
  threads.workers->stop_accepting();
}

TEST(ListenerSetThreads, WhatIsNotWantedAnyMoreIsClosed) {
  Threads threads;
  threads.start();
  ListenerSet set(threads.workers->count());
  ASSERT_EQ(set.prepare({listener("127.0.0.1:0")}), "");
  ASSERT_EQ(set.commit(*threads.workers), "");
  const uint16_t port = port_of(set.urls()[0]);
  EXPECT_TRUE(accepts(port));
  ASSERT_EQ(set.prepare({listener("[::1]:0")}), "");
  EXPECT_TRUE(accepts(port)) << "preparing changes nothing";
  ASSERT_EQ(set.commit(*threads.workers), "");
  EXPECT_FALSE(accepts(port));
  threads.workers->stop_accepting();
}

TEST(ListenerSetThreads, AnAddressThatCannotBeHadChangesNothing) {
  Threads threads;
  threads.start();
  ListenerSet set(threads.workers->count());
  ASSERT_EQ(set.prepare({listener("127.0.0.1:0")}), "");
  ASSERT_EQ(set.commit(*threads.workers), "");
  const std::vector<std::string> urls = set.urls();
  const std::vector<uint32_t> numbers = set.numbers();
  EXPECT_NE(set.prepare({listener("[::1]:0"), listener("192.0.2.1:80")}), "");
  EXPECT_EQ(set.urls(), urls);
  EXPECT_EQ(set.numbers(), numbers);
  EXPECT_TRUE(accepts(port_of(urls[0])));
  threads.workers->stop_accepting();
}

}  // namespace
}  // namespace sluice::net
