// Answers that wait for a hash, and what happens when somebody does not.
#include "server/handler/files/tag_waits.h"

#include "tests/unit/server/handler/files/files_fixture.h"

namespace sluice::handler {
namespace {

class TagWaitsTest : public FilesTest {
 protected:
  void SetUp() override {
    write("a", text);
    write("b", text_of_size(100'000, 2));
    serve();
  }
  void TearDown() override {
    plug.pull();
    busy.reset();
  }
  // A worker whose helper does nothing yet; `room`: jobs that can wait.
  void start_busy(size_t room) {
    busy = std::make_unique<FileWorker>(*site, 1, room);
    plug.insert(busy->helpers(), busy->loop());
  }
  static std::string tag(const FileWorker::Pending& pending) {
    const ResponseHead& head = pending.exchange.response();
    const Field* field = head.prepared != nullptr ? head.prepared->fields.find("ETag") : nullptr;
    return field != nullptr ? std::string(field->value) : std::string();
  }

  const std::string text = text_of_size(100'000);
  Plug plug;
  std::unique_ptr<FileWorker> busy;
};

TEST_F(TagWaitsTest, TheFirstAnswerHasTheTag) {
  const Answer answer = get("/a");
  EXPECT_EQ(value_in(answer.fields, "ETag"), tag_of(text).view());
  EXPECT_EQ(answer.body, text);
  EXPECT_EQ(site->tags().size(), 1u);
  EXPECT_EQ(site->store().entries(), 1u);
}

TEST_F(TagWaitsTest, HeadsDoNotWait) {
  const auto pending = worker->begin("/a", {.method = Method::head});
  EXPECT_TRUE(pending->stream.final);
  EXPECT_EQ(tag(*pending), "");
  EXPECT_EQ(site->tags().size(), 0u);
  get("/a");
  EXPECT_EQ(value_in(get("/a", {.method = Method::head}).fields, "ETag"), tag_of(text).view());
}

TEST_F(TagWaitsTest, OneReadingAnswersAllThatWait) {
  start_busy(1);
  const auto first = busy->begin("/a");
  const auto second = busy->begin("/a");
  const auto third =
      busy->begin("/a", {.fields = {{"If-None-Match", std::string(tag_of(text).view())}}});
  EXPECT_FALSE(first->stream.final);
  EXPECT_FALSE(third->stream.final);
  const auto other = busy->begin("/b");
  EXPECT_TRUE(other->stream.final) << "the helpers' queue is full: it goes without a tag";
  EXPECT_EQ(tag(*other), "");
  plug.pull();
  for (const auto* pending : {first.get(), second.get(), third.get()}) {
    EXPECT_TRUE(busy->await_head(const_cast<FileWorker::Pending&>(*pending)));
    EXPECT_EQ(pending->exchange.response().status, pending == third.get() ? 304 : 200);
  }
  EXPECT_EQ(tag(*first), tag_of(text).view());
  EXPECT_EQ(first->exchange.response().prepared, second->exchange.response().prepared);
}

TEST_F(TagWaitsTest, WhoLeavesIsForgotten) {
  start_busy(1);
  {
    const auto gone = busy->begin("/a");
    const auto stays = busy->begin("/a");
    EXPECT_FALSE(gone->stream.final);
    gone->exchange.end();
    EXPECT_FALSE(stays->stream.final);
    stays->exchange.end();
  }
  plug.pull();
  for (int i = 0; i < 10; ++i) busy->turn(5ms);
  EXPECT_EQ(busy->get("/a").body, text);
}

// Each reading has a descriptor open, wanted or not.
TEST_F(TagWaitsTest, ReadingsAreBounded) {
  conf::Limits limits = quick_limits();
  limits.etag_queue = 2;
  serve(limits);
  for (const char* name : {"c", "d"}) write(name, text);
  start_busy(10);
  for (int i = 0; i < 2; ++i) {
    const auto gone = busy->begin(i == 0 ? "/a" : "/b");
    EXPECT_FALSE(gone->stream.final);
  }
  const auto third = busy->begin("/c");
  EXPECT_TRUE(third->stream.final) << "it goes without a tag";
  EXPECT_EQ(tag(*third), "");
  plug.pull();
  for (int i = 0; i < 10; ++i) busy->turn(5ms);
  EXPECT_EQ(value_in(busy->get("/d").fields, "ETag"), tag_of(text).view());
  EXPECT_EQ(value_in(busy->get("/c").fields, "ETag"), tag_of(text).view());
}

TEST_F(TagWaitsTest, TheHandlerMayEndFirst) {
  start_busy(1);
  auto pending = busy->begin("/a");
  EXPECT_FALSE(pending->stream.final);
  pending->exchange.end();
  pending.reset();
  plug.pull();
  busy.reset();
}

TEST_F(TagWaitsTest, AFileThatChangesMeanwhileIsOpenedAnew) {
  start_busy(1);
  const auto in_place = busy->begin("/a");
  EXPECT_FALSE(in_place->stream.final);
  std::this_thread::sleep_for(20ms);  // past the granularity of times
  const std::string other = text_of_size(100'000, 3);
  write("a", other);
  plug.pull();
  ASSERT_TRUE(busy->await_head(*in_place));
  EXPECT_EQ(tag(*in_place), tag_of(other).view());
  Chain chain;
  while (busy->pull(*in_place, chain, 1 << 20) == Pull::ready) continue;
  EXPECT_EQ(octets_of(chain), other);
}

TEST_F(TagWaitsTest, AFileThatIsRemovedMeanwhileIsMissing) {
  start_busy(1);
  const auto pending = busy->begin("/a");
  EXPECT_FALSE(pending->stream.final);
  std::filesystem::remove(folder / "a");
  plug.pull();
  ASSERT_TRUE(busy->await_head(*pending));
  EXPECT_EQ(pending->exchange.response().status, 404);
}

TEST_F(TagWaitsTest, WhatMayStillChangeUnseenHasNoTag) {
  conf::Limits limits = quick_limits();
  limits.file_settle = 1h;
  serve(limits);
  write("small", "hello");
  EXPECT_EQ(value_in(get("/a").fields, "ETag"), "") << "a rewrite might keep its times";
  EXPECT_EQ(get("/a").body, text);
  EXPECT_EQ(site->tags().size(), 0u);
  EXPECT_EQ(value_in(get("/small").fields, "ETag"), tag_of("hello").view()) << "of what is sent";
}

}  // namespace
}  // namespace sluice::handler
