// Pipes are few, come back only when nothing lies in them, and tell who waits that there is room.
#include "server/net/pipe.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <vector>

#include "unit/server/net/sockets.h"

namespace sluice::net {
namespace {

TEST(PipePool, GivesNoMoreThanItMay) {
  uint64_t most = 2;
  PipePool pool(most);
  Ref<Pipe> one = pool.acquire();
  const Ref<Pipe> two = pool.acquire();
  ASSERT_TRUE(one && two);
  EXPECT_NE(one->read_end(), two->read_end());
  EXPECT_FALSE(pool.acquire());
  one.reset();
  EXPECT_EQ(pool.in_use(), 1U);
  EXPECT_TRUE(pool.acquire());
  most = 0;
  EXPECT_FALSE(pool.acquire());
}

// What a cut exchange left would come out before what the next one puts in.
TEST(PipePool, UsesAnEmptyPipeAgainAndNoOther) {
  const uint64_t most = 2;
  PipePool pool(most);
  Ref<Pipe> pipe = pool.acquire();
  const int descriptor = pipe->read_end();
  pipe.reset();
  pipe = pool.acquire();
  EXPECT_EQ(pipe->read_end(), descriptor);

  ASSERT_EQ(write(pipe->write_end(), "left", 4), 4);
  pipe->filled(4);
  EXPECT_FALSE(pipe->empty());
  pipe.reset();
  const Ref<Pipe> next = pool.acquire();
  std::array<char, 10> room;
  EXPECT_EQ(read(next->read_end(), room.data(), room.size()), -1) << "something lies in it";
}

TEST(PipePool, KeepsAFewOnly) {
  const uint64_t most = 100;
  PipePool pool(most);
  std::vector<Ref<Pipe>> pipes;
  for (uint64_t i = 0; i < most; ++i) pipes.push_back(pool.acquire());
  const int last = pipes.back()->write_end();
  pipes.clear();
  EXPECT_EQ(write(last, "a", 1), -1) << "it is open";
}

TEST(PipeTest, WakesWhoWaitsForRoomOnce) {
  const uint64_t most = 1;
  PipePool pool(most);
  Loop loop;
  loop.bind_to_this_thread();
  CountingTask task;
  const Ref<Pipe> pipe = pool.acquire();
  pipe->filled(10);
  pipe->emptied(1);
  loop.run_once(std::chrono::milliseconds(0));
  EXPECT_EQ(task.runs, 0) << "nobody waits";

  pipe->await_room(loop, task);
  pipe->emptied(1);
  pipe->emptied(1);
  loop.run_once(std::chrono::milliseconds(0));
  EXPECT_EQ(task.runs, 1);

  pipe->await_room(loop, task);
  pipe->forget(task);
  pipe->emptied(7);
  loop.run_once(std::chrono::milliseconds(0));
  EXPECT_EQ(task.runs, 1) << "it has gone";
  EXPECT_TRUE(pipe->empty());
}

}  // namespace
}  // namespace sluice::net
