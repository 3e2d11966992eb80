// Clients that ask for a folder and reset at once left jobs behind that each held a descriptor and
// read the whole folder for nobody, while cold files of others waited in the same queue.
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <iterator>
#include <memory>

#include "server/handler/files/files_handler.h"
#include "unit/server/handler/files/files_fixture.h"

namespace sluice::handler {
namespace {

using namespace std::chrono_literals;

ptrdiff_t open_descriptors() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                       std::filesystem::directory_iterator());
}

TEST_F(FilesTest, AbandonedListingsHoldNoDescriptorsAndListingsAreBounded) {
  write("docs/a", "x");
  conf::Limits limits = quick_limits();
  limits.listings = 3;
  serve(limits);
  net::Loop loop;
  Plug plug;
  net::Helpers helpers(1, 1000);
  loop.bind_to_this_thread();
  plug.insert(helpers, loop);
  FilesHandler handler(loop, helpers, *site, {});
  const Ref<http::ListenerSettings> listener(new http::ListenerSettings(0, {}));
  http::SingleRoute router({.handler = &handler, .filters = {}});
  NotingStream stream;
  const auto ask = [&](http::Exchange& exchange) {
    RequestHead head;
    head.method = Method::get;
    head.path = "/docs/";
    exchange.begin(stream, head, *listener, loop.now());
    exchange.start(router);
  };
  http::Exchange exchange;
  ask(exchange);
  exchange.end();
  const ptrdiff_t before = open_descriptors();
  for (int i = 0; i < 100; ++i) {
    ask(exchange);
    EXPECT_FALSE(exchange.responded());
    exchange.end();
  }
  EXPECT_EQ(open_descriptors(), before);
  std::array<http::Exchange, 4> waiting;
  for (http::Exchange& one : waiting) ask(one);
  EXPECT_FALSE(waiting[2].responded());
  ASSERT_TRUE(waiting[3].responded());
  EXPECT_EQ(waiting[3].response().status, 503);
  plug.pull();
  for (int i = 0; i < 200 && !waiting[2].responded(); ++i) loop.run_once(5ms);
  EXPECT_EQ(waiting[2].response().status, 200);
  for (http::Exchange& one : waiting) one.end();
}

}  // namespace
}  // namespace sluice::handler
