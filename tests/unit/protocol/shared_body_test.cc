// A stored body that grows while others read it. The tests named Threads are for ThreadSanitizer as
// well.
#include "protocol/shared_body.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <thread>

#include "protocol/chain.h"

namespace sluice {
namespace {

// The octet that belongs at `offset`: no short period, so that a segment at the wrong place is
// seen.
char octet_at(size_t offset) { return static_cast<char>((offset * 2654435761u) >> 13); }

std::string octets(size_t begin, size_t size) {
  std::string text(size, '\0');
  for (size_t i = 0; i < size; ++i) text[i] = octet_at(begin + i);
  return text;
}

Ref<SharedBody> new_body() { return Ref<SharedBody>::adopt(new SharedBody()); }

Ref<Owner> handle_on(const Ref<SharedBody>& body) {
  return Ref<Owner>(new Handle(Ref<SharedOwner>(body.get())));
}

TEST(SharedBody, IsEmptyAtFirst) {
  const auto body = new_body();
  EXPECT_EQ(body->length(), 0u);
  EXPECT_TRUE(body->read(handle_on(body), 0, 100).empty());
}

TEST(SharedBody, ReadsRunsWithinSegments) {
  const auto body = new_body();
  body->append("abc");
  body->append("");
  body->append("defgh");
  const auto handle = handle_on(body);
  EXPECT_EQ(body->length(), 8u);
  EXPECT_EQ(body->read(handle, 0, 100).view(), "abc");
  EXPECT_EQ(body->read(handle, 1, 1).view(), "b");
  EXPECT_EQ(body->read(handle, 3, 100).view(), "defgh");
  EXPECT_EQ(body->read(handle, 7, 100).view(), "h");
  EXPECT_TRUE(body->read(handle, 8, 100).empty());
  EXPECT_TRUE(body->read(handle, 9, 100).empty());
  EXPECT_TRUE(body->read(handle, 0, 0).empty());
}

TEST(SharedBody, WhatIsPreparedIsSeenOncePublished) {
  const auto body = new_body();
  char* room = body->prepare(4);
  std::copy_n("text", 4, room);
  EXPECT_EQ(body->length(), 0u);
  EXPECT_TRUE(body->read(handle_on(body), 0, 4).empty());
  body->publish();
  const Slice slice = body->read(handle_on(body), 0, 4);
  EXPECT_EQ(slice.view(), "text");
  EXPECT_EQ(slice.data(), room) << "published in place, not copied";
}

TEST(SharedBody, ADroppedPreparationLeavesNoTrace) {
  const auto body = new_body();
  body->append("one");
  body->prepare(1000);
  body->append("two");
  EXPECT_EQ(body->length(), 6u);
  EXPECT_EQ(body->read(handle_on(body), 3, 10).view(), "two");
}

TEST(SharedBody, ASliceOutlivesTheStoresReference) {
  auto body = new_body();
  body->append("still here");
  Slice slice = body->read(handle_on(body), 0, 100);
  body.reset();
  EXPECT_EQ(slice.view(), "still here");
}

TEST(SharedBody, ManySegmentsDoNotRecurseWhenFreed) {
  const auto body = new_body();
  for (size_t i = 0; i < 200'000; ++i) body->append("x");
  EXPECT_EQ(body->length(), 200'000u);
}

// Reads the whole body as it grows, through a handle of this thread's own, and pins slices in a
// chain meanwhile.
void read_all(Ref<SharedBody> body, size_t size, size_t step, bool* same) {
  const auto handle = handle_on(body);
  body.reset();  // the handle is this thread's only pin
  auto* shared = static_cast<SharedBody*>(static_cast<Handle*>(handle.get())->shared());
  Chain chain;
  *same = true;
  for (size_t offset = 0; offset < size;) {
    const size_t length = shared->length();
    Slice slice = shared->read(handle, offset, step);
    if (slice.empty()) {
      *same &= length <= offset;
      std::this_thread::yield();
      continue;
    }
    *same &= slice.view() == octets(offset, slice.size());
    offset += slice.size();
    chain.append(std::move(slice));
    if (chain.nodes() > 8) chain.drain(chain.size() / 2);
  }
}

TEST(SharedBody, ThreadsReadWhileItIsAppended) {
  constexpr size_t kSize = 200'000;
  auto body = new_body();
  std::array<bool, 2> same{};
  std::thread first(read_all, body, kSize, 1000, &same[0]);
  std::thread second(read_all, body, kSize, 37, &same[1]);
  for (size_t offset = 0, i = 1; offset < kSize; ++i) {
    const size_t size = std::min(kSize - offset, i * 7 % 1500 + 1);
    body->append(octets(offset, size));
    offset += size;
  }
  body.reset();  // evicted while both may still be reading
  first.join();
  second.join();
  EXPECT_TRUE(same[0]);
  EXPECT_TRUE(same[1]);
}

TEST(SharedBody, ThreadsKeepWhatIsReplacedMeanwhile) {
  std::array<bool, 2> same{true, true};
  for (int round = 0; round < 200; ++round) {
    auto body = new_body();
    body->append(octets(0, 500));
    std::thread first(read_all, body, 1000, 100, &same[0]);
    std::thread second(read_all, body, 1000, 100, &same[1]);
    body->append(octets(500, 500));
    body.reset();
    first.join();
    second.join();
    ASSERT_TRUE(same[0] && same[1]);
  }
}

}  // namespace
}  // namespace sluice
