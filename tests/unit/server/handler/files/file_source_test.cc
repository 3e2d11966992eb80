// Cold windows are touched by a helper, lately sent ones go at once, and a source may end while a
// helper works.
#include "server/handler/files/file_source.h"

#include "tests/unit/server/handler/files/files_fixture.h"

namespace sluice::handler {
namespace {

constexpr size_t kWindow = 8192;
constexpr size_t kSize = 10 * kWindow + 100;

class FileSourceTest : public FilesTest {
 protected:
  void SetUp() override {
    text = text_of_size(kSize);
    write("big", text);
    limits.file_window = kWindow;
    limits.file_check = 1h;
    limits.etag_hash_max = 0;  // a hash would read the file first
  }
  conf::Limits limits = quick_limits();
  std::string text;
};

TEST_F(FileSourceTest, WaitsForAHelperOnlyAtFirst) {
  serve(limits);
  const auto first = worker->begin("/big");
  Chain chain;
  EXPECT_EQ(first->exchange.source()->pull(chain, kWindow), Pull::pending);
  EXPECT_TRUE(chain.empty());
  EXPECT_EQ(get("/big").body, text);
  const auto second = worker->begin("/big");
  EXPECT_EQ(second->exchange.source()->pull(chain, 1 << 20), Pull::end) << "all was sent just now";
  EXPECT_EQ(chain.nodes(), 1u) << "one range over all windows";
  EXPECT_EQ(octets_of(chain), text);
}

TEST_F(FileSourceTest, AnotherWorkerKnowsWhatWasSent) {
  serve(limits);
  EXPECT_EQ(get("/big").body, text);
  FileWorker other(*site);
  const auto pending = other.begin("/big");
  Chain chain;
  EXPECT_EQ(pending->exchange.source()->pull(chain, 1 << 20), Pull::end);
}

TEST_F(FileSourceTest, WakesWhenTheWindowIsTouched) {
  serve(limits);
  const auto pending = worker->begin("/big");
  Chain chain;
  ASSERT_EQ(pending->exchange.source()->pull(chain, 1 << 20), Pull::pending);
  EXPECT_EQ(pending->exchange.source()->pull(chain, 1 << 20), Pull::pending) << "asked once more";
  for (int i = 0; i < 500 && pending->stream.wakes == 0; ++i) worker->turn(10ms);
  EXPECT_EQ(pending->stream.wakes, 1);
  EXPECT_EQ(pending->exchange.source()->pull(chain, 1 << 20), Pull::ready);
  EXPECT_EQ(chain.size(), kWindow);
}

TEST_F(FileSourceTest, TouchesTheNextWindowAhead) {
  serve(limits);
  const auto pending = worker->begin("/big");
  Chain chain;
  ASSERT_EQ(worker->pull(*pending, chain, kWindow), Pull::ready);
  const int wakes = pending->stream.wakes;
  for (int i = 0; i < 20; ++i) worker->turn(10ms);
  EXPECT_EQ(pending->stream.wakes, wakes) << "nobody waits for what is read ahead";
  EXPECT_EQ(pending->exchange.source()->pull(chain, kWindow), Pull::ready);
  EXPECT_EQ(octets_of(chain), text.substr(0, 2 * kWindow));
}

TEST_F(FileSourceTest, ACancelledSourceNeverWakes) {
  serve(limits);
  auto pending = worker->begin("/big");
  Chain chain;
  ASSERT_EQ(pending->exchange.source()->pull(chain, kWindow), Pull::pending);
  pending->exchange.end();
  for (int i = 0; i < 20; ++i) worker->turn(5ms);
  EXPECT_EQ(pending->stream.wakes, 0);
  EXPECT_EQ(get("/big").body, text);
}

TEST_F(FileSourceTest, AsksAgainWhenTheHelpersAreBusy) {
  serve(limits);
  FileWorker busy(*site, 1, 0);  // a queue of no jobs: nothing is ever taken
  const auto pending = busy.begin("/big");
  Chain chain;
  ASSERT_EQ(pending->exchange.source()->pull(chain, kWindow), Pull::pending);
  for (int i = 0; i < 100 && pending->stream.wakes == 0; ++i) busy.turn(10ms);
  EXPECT_EQ(pending->stream.wakes, 1);
  EXPECT_EQ(get("/big").body, text) << "another worker's helper touches it";
  EXPECT_EQ(pending->exchange.source()->pull(chain, 1 << 20), Pull::end);
  EXPECT_EQ(octets_of(chain), text);
}

TEST_F(FileSourceTest, HeadsStartNoHelper) {
  serve(limits);
  get("/big", {.method = Method::head});
  for (int i = 0; i < 10; ++i) worker->turn(5ms);
  const auto pending = worker->begin("/big");
  Chain chain;
  EXPECT_EQ(pending->exchange.source()->pull(chain, kWindow), Pull::pending) << "still cold";
}

TEST_F(FileSourceTest, SendsPartOfAFile) {
  serve(limits);
  get("/big");
  const FileReading reading{worker->loop(), worker->helpers(), site->limits()};
  const cache::Pin pin = cache::pin(site->store().find("/big", site->scope()));
  const auto pending = worker->begin("/big");
  FileSource part(pending->exchange, reading, pin, 5'000, 20'000);
  EXPECT_EQ(part.length(), 15'000u);
  Chain chain;
  EXPECT_EQ(part.pull(chain, 10'000), Pull::ready);
  EXPECT_EQ(part.pull(chain, 10'000), Pull::end);
  EXPECT_EQ(octets_of(chain), text.substr(5'000, 15'000));
}

TEST_F(FileSourceTest, RangesOutliveTheirSource) {
  serve(limits);
  Chain chain;
  {
    const auto pending = worker->begin("/big");
    while (worker->pull(*pending, chain, 1 << 20) == Pull::ready) continue;
  }
  site->store().drop_all();
  get("/none");  // lets the index go
  EXPECT_EQ(octets_of(chain), text) << "the chain's nodes pin the descriptor";
}

}  // namespace
}  // namespace sluice::handler
