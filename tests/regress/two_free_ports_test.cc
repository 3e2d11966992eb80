// A reload of two listeners with port 0 gave both the socket of the first, and closed the second.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server/net/listener_set.h"
#include "unit/server/net/worker_fixture.h"

namespace sluice::net {
namespace {

TEST(TwoFreePortsThreads, KeepTheirSocketsAcrossAReload) {
  Threads threads;
  threads.start();
  ListenerSet set(threads.workers->count());
  const std::vector<conf::Listener> wanted = {{.name = "one", .address = "127.0.0.1:0"},
                                              {.name = "two", .address = "127.0.0.1:0"}};
  ASSERT_EQ(set.prepare(wanted), "");
  ASSERT_EQ(set.commit(*threads.workers), "");
  const std::vector<std::string> urls = set.urls();
  const std::vector<uint32_t> numbers = set.numbers();
  ASSERT_EQ(set.prepare(wanted), "");
  ASSERT_EQ(set.commit(*threads.workers), "");
  EXPECT_EQ(set.urls(), urls);
  EXPECT_EQ(set.numbers(), numbers);
  threads.workers->stop_accepting();
}

}  // namespace
}  // namespace sluice::net
