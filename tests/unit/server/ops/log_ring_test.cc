// The ring against a model: what goes in comes out, in order, at every wrap, and equal means empty.
#include "server/ops/log_ring.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>
#include <thread>

namespace sluice::ops {
namespace {

bool put(LogRing& ring, const std::string& line, size_t reserve_more = 0) {
  char* room = ring.reserve(line.size() + reserve_more);
  if (room == nullptr) return false;
  std::memcpy(room, line.data(), line.size());
  ring.commit(line.size());
  return true;
}

std::string all(const LogRing& ring) {
  const LogRing::Readable now = ring.readable();
  return std::string(now.first) + std::string(now.second);
}

TEST(LogRing, GivesBackWhatWasCommitted) {
  LogRing ring(64);
  EXPECT_EQ(all(ring), "");
  ASSERT_TRUE(put(ring, "one\n", 20));
  ASSERT_TRUE(put(ring, "two\n"));
  EXPECT_EQ(all(ring), "one\ntwo\n");
  ring.release(2);
  EXPECT_EQ(all(ring), "e\ntwo\n");
  ring.release(6);
  EXPECT_EQ(all(ring), "");
}

TEST(LogRing, RefusesWhatDoesNotFit) {
  LogRing ring(10);
  EXPECT_EQ(ring.reserve(11), nullptr);
  ASSERT_TRUE(put(ring, "0123456789"));
  EXPECT_EQ(ring.reserve(1), nullptr);
  ring.release(3);
  EXPECT_EQ(ring.reserve(3), nullptr) << "would make full look like empty";
  ASSERT_TRUE(put(ring, "ab"));
  EXPECT_EQ(all(ring), "3456789ab");
}

TEST(LogRing, GoesToTheBeginningInOnePiece) {
  LogRing ring(10);
  ASSERT_TRUE(put(ring, "1234567"));
  ring.release(6);
  ASSERT_TRUE(put(ring, "abcd"));  // does not fit into the three at the end
  const LogRing::Readable now = ring.readable();
  EXPECT_EQ(now.first, "7");
  EXPECT_EQ(now.second, "abcd");
  ring.release(1);
  EXPECT_EQ(all(ring), "abcd");
}

TEST(LogRing, AReservationIsNoCommit) {
  LogRing ring(10);
  ASSERT_NE(ring.reserve(10), nullptr);
  EXPECT_EQ(all(ring), "");
  ASSERT_TRUE(put(ring, "x"));
  EXPECT_EQ(all(ring), "x");
}

TEST(LogRing, KnowsWhenItIsHalfFull) {
  LogRing ring(8);
  ASSERT_TRUE(put(ring, "123"));
  EXPECT_FALSE(ring.half_full());
  ASSERT_TRUE(put(ring, "4"));
  EXPECT_TRUE(ring.half_full());
  ring.release(1);
  EXPECT_FALSE(ring.half_full());
}

TEST(LogRing, FollowsAModelWithRandomSizes) {
  std::mt19937 random(7);
  for (size_t capacity : {1U, 2U, 7U, 64U, 1000U}) {
    LogRing ring(capacity);
    std::string model;
    char next = 'a';
    for (int step = 0; step < 20'000; ++step) {
      const size_t size = random() % (capacity + 1);
      if (random() % 2 == 0) {
        std::string line(size, next);
        next = next == 'z' ? 'a' : static_cast<char>(next + 1);
        const bool fitted = put(ring, line, random() % 3);
        if (fitted) model += line;
        ASSERT_TRUE(fitted || !model.empty() || size > capacity / 2 || size + 2 > capacity / 2);
      } else {
        const size_t taken = std::min(size, model.size());
        ring.release(taken);
        model.erase(0, taken);
      }
      ASSERT_EQ(all(ring), model) << "capacity " << capacity << ", step " << step;
      ASSERT_LE(model.size(), capacity);
    }
  }
}

// Lines "<number>\n" of varied length, through a ring much smaller than their sum.
TEST(LogRing, ThreadsSeeWholeLinesInOrder) {
  constexpr int kLines = 50'000;
  LogRing ring(512);
  std::thread producer([&] {
    for (int i = 0; i < kLines;) {
      const std::string line =
          std::to_string(i) + std::string(static_cast<size_t>(i % 40), '.') + "\n";
      put(ring, line, static_cast<size_t>(i % 17)) ? static_cast<void>(++i)
                                                   : std::this_thread::yield();
    }
  });
  std::string seen;
  int next = 0;
  while (next < kLines) {
    const std::string now = all(ring);
    ring.release(now.size());
    seen += now;
    for (size_t end; (end = seen.find('\n')) != std::string::npos; seen.erase(0, end + 1), ++next) {
      const std::string expected =
          std::to_string(next) + std::string(static_cast<size_t>(next % 40), '.');
      if (seen.substr(0, end) != expected) next = kLines;
    }
    if (now.empty()) std::this_thread::yield();
  }
  producer.join();
  EXPECT_EQ(next, kLines) << "a line was torn or out of order";
  EXPECT_EQ(seen, "");
}

}  // namespace
}  // namespace sluice::ops
