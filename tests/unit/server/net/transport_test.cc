// The socket transport on real sockets: what is sent arrives whole and in order, and what goes
// wrong is told.
#include "server/net/transport.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/tcp.h>  // glibc 2.36 lacks the segment counts
#include <sys/stat.h>

#include <random>
#include <thread>

#include "protocol/block.h"
#include "unit/server/net/sockets.h"

namespace sluice::net {
namespace {

using std::chrono::milliseconds;

constexpr uint64_t kBudget = 1024 * 1024;

enum class Kind : uint8_t { tcp, unix_stream };

// One transport on a loop, and its peer's end.
struct Rig {
  explicit Rig(Kind kind = Kind::tcp) : Rig(kind == Kind::tcp ? tcp_pair() : unix_pair()) {}
  explicit Rig(Pair pair)
      : peer(std::move(pair.theirs)),
        descriptor(pair.ours.release()),
        transport(std::make_unique<SocketTransport>(loop, descriptor, task)) {
    ignore_broken_pipes();
    EXPECT_EQ(transport->open(), 0);
    loop.run_once(milliseconds(0));  // the first event tells that it can be written
  }
  ~Rig() {
    transport.reset();
    loop.forget(task);
  }

  bool turn_until_readable() {
    return turn_until(loop, [this] { return transport->readable(); });
  }
  void set_send_buffer(int size) {
    ASSERT_EQ(setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
  }

  Loop loop;
  CountingTask task;
  Descriptor peer;
  int descriptor;  // the transport's
  std::unique_ptr<SocketTransport> transport;
};

FileRange range_of(const Descriptor& file, uint64_t offset, uint64_t size) {
  return {.descriptor = file.get(), .offset = offset, .size = size};
}

// Flushes all of `chain` while a thread receives `size` octets; returns what arrived.
std::string pump(Rig& rig, Chain& chain, size_t size, uint64_t budget) {
  std::string arrived;
  std::thread reader([&] { arrived = receive(rig.peer.get(), size); });
  const bool done = turn_until(rig.loop, [&] {
    const FlushResult result = rig.transport->flush(chain, budget);
    EXPECT_NE(result.status, Io::failed);
    EXPECT_LE(result.octets, budget);
    EXPECT_EQ(result.status == Io::blocked, !rig.transport->writable());
    return chain.empty();
  });
  EXPECT_TRUE(done);
  if (!done) shutdown(rig.descriptor, SHUT_RDWR);
  reader.join();
  return arrived;
}

class Transports : public ::testing::TestWithParam<Kind> {};
INSTANTIATE_TEST_SUITE_P(Kinds, Transports, ::testing::Values(Kind::tcp, Kind::unix_stream));

TEST_P(Transports, ReadsOnceAndKnowsWhenItIsDrained) {
  Rig rig(GetParam());
  EXPECT_FALSE(rig.transport->readable());
  send_all(rig.peer.get(), "hello");
  ASSERT_TRUE(rig.turn_until_readable());
  std::array<char, 100> room;
  const ReadResult result = rig.transport->read(room);
  EXPECT_EQ(std::string_view(room.data(), result.octets), "hello");
  EXPECT_EQ(result.status, Io::blocked) << "a short read drained it";
  EXPECT_FALSE(rig.transport->readable());
}

TEST_P(Transports, AFullReadMayHaveMore) {
  Rig rig(GetParam());
  send_all(rig.peer.get(), "hello");
  ASSERT_TRUE(rig.turn_until_readable());
  std::array<char, 5> room;
  EXPECT_EQ(rig.transport->read(room).status, Io::progress);
  EXPECT_TRUE(rig.transport->readable());
  const ReadResult again = rig.transport->read(room);
  EXPECT_EQ(again.status, Io::blocked);
  EXPECT_EQ(again.octets, 0u);
  EXPECT_FALSE(rig.transport->readable());
}

TEST_P(Transports, SeesAFinBehindDataThatWasNotReadYet) {
  Rig rig(GetParam());
  send_all(rig.peer.get(), pattern(5000));
  shutdown(rig.peer.get(), SHUT_WR);
  ASSERT_TRUE(turn_until(rig.loop, [&] { return rig.transport->peer_closed(); }));
  EXPECT_FALSE(rig.transport->broken()) << "a FIN in good order leaves our side open";
  std::string got;
  std::array<char, 3000> room;
  ReadResult result{};
  // No event comes any more: a short read must not be taken for drained.
  while (rig.transport->readable()) {
    result = rig.transport->read(room);
    got.append(room.data(), result.octets);
  }
  EXPECT_EQ(result.status, Io::end);
  EXPECT_EQ(got, pattern(5000));
  Chain chain;
  chain.append_static("answer");
  EXPECT_EQ(rig.transport->flush(chain, kBudget).octets, 6u);
  EXPECT_EQ(receive(rig.peer.get(), 6), "answer");
}

TEST_P(Transports, WakesItsTaskOnlyForNews) {
  Rig rig(GetParam());
  EXPECT_EQ(rig.task.runs, 0) << "that a fresh socket can be written is no news";
  send_all(rig.peer.get(), "one");
  ASSERT_TRUE(rig.turn_until_readable());
  EXPECT_EQ(rig.task.runs, 1);
  send_all(rig.peer.get(), "two");
  for (int i = 0; i < 5; ++i) rig.loop.run_once(milliseconds(1));
  EXPECT_EQ(rig.task.runs, 1) << "readable it was already";
  shutdown(rig.peer.get(), SHUT_WR);
  ASSERT_TRUE(turn_until(rig.loop, [&] { return rig.transport->peer_closed(); }));
  EXPECT_EQ(rig.task.runs, 2);
}

// --- Through a pipe ------------------------------------------------------------------------------

FileRange piped(const Pipe& pipe, uint64_t octets) {
  return {.descriptor = pipe.read_end(), .offset = 0, .size = octets, .is_pipe = true};
}

TEST_P(Transports, MovesOctetsIntoAPipeAndOutOfItInOrder) {
  const uint64_t most = 1;
  PipePool pool(most);
  Rig from(GetParam());
  Rig to(GetParam());
  const Ref<Pipe> pipe = pool.acquire();
  send_all(from.peer.get(), pattern(30'000));
  ASSERT_TRUE(from.turn_until_readable());
  Chain chain;
  chain.append(copy_of("head"));
  for (uint64_t moved = 0; moved < 30'000;) {
    ASSERT_TRUE(from.turn_until_readable());
    const ReadResult result = from.transport->read_into(*pipe, 7'000);
    ASSERT_NE(result.status, Io::failed);
    ASSERT_LE(result.octets, 7'000U);
    chain.append_file(Ref<Owner>(pipe.get()), piped(*pipe, result.octets));
    moved += result.octets;
  }
  chain.append(copy_of("tail"));
  EXPECT_FALSE(pipe->empty());
  EXPECT_EQ(pump(to, chain, 30'008, 1000), "head" + pattern(30'000) + "tail");
  EXPECT_TRUE(pipe->empty());
}

// Regression: an edge told of octets that found no room in the pipe; no other one comes.
TEST_P(Transports, AFullPipeIsNoEmptySocket) {
  const uint64_t most = 1;
  PipePool pool(most);
  Rig rig(GetParam());
  const Ref<Pipe> pipe = pool.acquire();
  ASSERT_GT(fcntl(pipe->write_end(), F_SETPIPE_SZ, 4096), 0);  // one place
  for (int i = 0; i < 60; ++i) send_all(rig.peer.get(), pattern(1000));
  ASSERT_TRUE(rig.turn_until_readable());
  uint64_t moved = 0;
  ReadResult result{};
  do {
    result = rig.transport->read_into(*pipe, 60'000 - moved);
    moved += result.octets;
  } while (result.octets > 0 && moved < 60'000);
  ASSERT_LT(moved, 60'000U) << "the pipe took it all";
  EXPECT_EQ(result.status, Io::blocked);
  EXPECT_TRUE(rig.transport->readable());

  std::string got(moved, 0);
  ASSERT_EQ(read(pipe->read_end(), got.data(), moved), static_cast<ssize_t>(moved));
  pipe->emptied(moved);
  EXPECT_GT(rig.transport->read_into(*pipe, 60'000 - moved).octets, 0U);
}

TEST_P(Transports, AnEmptySocketAnEndAndAResetAreSeenThroughAPipe) {
  const uint64_t most = 1;
  PipePool pool(most);
  const Ref<Pipe> pipe = pool.acquire();
  Rig rig(GetParam());
  send_all(rig.peer.get(), "a");
  ASSERT_TRUE(rig.turn_until_readable());
  EXPECT_EQ(rig.transport->read_into(*pipe, 10).octets, 1U);
  std::array<char, 1> room;
  ASSERT_EQ(read(pipe->read_end(), room.data(), 1), 1);
  pipe->emptied(1);
  EXPECT_EQ(rig.transport->read_into(*pipe, 10).status, Io::blocked);
  EXPECT_FALSE(rig.transport->readable());
  shutdown(rig.peer.get(), SHUT_WR);
  ASSERT_TRUE(rig.turn_until_readable());
  EXPECT_EQ(rig.transport->read_into(*pipe, 10).status, Io::end);
  EXPECT_TRUE(rig.transport->peer_closed());

  if (GetParam() == Kind::unix_stream) return;
  Rig other;
  reset_on_close(other.peer.get());
  other.peer = Descriptor();
  ASSERT_TRUE(other.turn_until_readable());
  EXPECT_EQ(other.transport->read_into(*pipe, 10).status, Io::failed);
  EXPECT_TRUE(other.transport->broken());
}

TEST_P(Transports, SendsMemoryOfManyNodesInOrder) {
  Rig rig(GetParam());
  Chain chain;
  std::string expected;
  for (uint32_t i = 0; i < 200; ++i) {  // more than one call takes
    const std::string text = pattern(50 + i, i);
    expected += text;
    chain.append(copy_of(text));
  }
  EXPECT_EQ(pump(rig, chain, expected.size(), kBudget), expected);
}

TEST_P(Transports, PartialWritesGoOnWhereTheyStopped) {
  Rig rig(GetParam());
  rig.set_send_buffer(4096);
  Chain chain;
  std::string expected;
  for (uint32_t i = 0; i < 100; ++i) {
    const std::string text = pattern(7001, i);
    expected += text;
    chain.append(copy_of(text));
  }
  const FlushResult first = rig.transport->flush(chain, kBudget);
  EXPECT_EQ(first.status, Io::blocked);
  EXPECT_GT(first.octets, 0u);
  EXPECT_EQ(chain.size() + first.octets, expected.size());
  EXPECT_FALSE(rig.transport->writable());
  EXPECT_EQ(rig.transport->flush(chain, kBudget).octets, 0u) << "nothing is tried before an event";
  EXPECT_EQ(pump(rig, chain, expected.size(), kBudget), expected);
}

TEST_P(Transports, MixesMemoryAndFilesUnderAnyBudget) {
  const std::string content = pattern(300'000, 9);
  const Descriptor file = file_of(content);
  std::mt19937 random(3);
  for (const uint64_t budget : {uint64_t{1000}, uint64_t{65'536}, uint64_t{70'001}, kBudget}) {
    Rig rig(GetParam());
    rig.set_send_buffer(65'536);
    Chain chain;
    std::string expected;
    for (uint32_t i = 0; i < 10; ++i) {
      const std::string text = pattern(random() % 3000 + 1, i);
      const uint64_t offset = random() % 200'000;
      const uint64_t size = random() % (budget > 1000 ? 100'000 : 3000) + 1;
      chain.append(copy_of(text));
      chain.append_file(Ref<Owner>(), range_of(file, offset, size));
      expected += text + content.substr(offset, size);
    }
    ASSERT_EQ(pump(rig, chain, expected.size(), budget), expected) << "budget " << budget;
  }
}

TEST_P(Transports, KeepsToItsBudget) {
  Rig rig(GetParam());
  const Descriptor file = file_of(pattern(50'000));
  Chain chain;
  chain.append(copy_of(pattern(100)));
  chain.append_file(Ref<Owner>(), range_of(file, 0, 50'000));
  EXPECT_EQ(rig.transport->flush(chain, 40).octets, 40u);
  EXPECT_EQ(rig.transport->flush(chain, 70).octets, 70u);
  const FlushResult result = rig.transport->flush(chain, 1000);
  EXPECT_EQ(result.octets, 1000u);
  EXPECT_EQ(result.status, Io::progress);
  EXPECT_EQ(chain.size(), 50'100u - 1110u);
}

TEST_P(Transports, AFileThatEndsEarlyIsTold) {
  Rig rig(GetParam());
  const Descriptor file = file_of(pattern(10'000));
  Chain chain;
  chain.append_static("head");
  chain.append_file(Ref<Owner>(), range_of(file, 0, 10'000));
  ASSERT_EQ(ftruncate(file.get(), 4000), 0);
  const FlushResult result = rig.transport->flush(chain, kBudget);
  EXPECT_EQ(result.status, Io::failed);
  EXPECT_TRUE(result.file_cut);
  EXPECT_EQ(result.octets, 4004u);
  EXPECT_FALSE(rig.transport->broken()) << "the connection is sound; it is the message that is not";
}

TEST_P(Transports, AFileTruncatedWhileItIsSentIsTold) {
  Rig rig(GetParam());
  rig.set_send_buffer(8192);
  const Descriptor file = file_of(pattern(3'000'000));
  Chain chain;
  chain.append_file(Ref<Owner>(), range_of(file, 0, 3'000'000));
  uint64_t sent = 0;
  FlushResult result = rig.transport->flush(chain, kBudget);
  sent += result.octets;
  ASSERT_EQ(result.status, Io::blocked);
  ASSERT_LT(sent, 2'000'000u);
  ASSERT_EQ(ftruncate(file.get(), 2'000'000), 0);
  std::thread reader([&] { receive(rig.peer.get(), 2'000'000); });
  EXPECT_TRUE(turn_until(rig.loop, [&] {
    result = rig.transport->flush(chain, kBudget);
    sent += result.octets;
    return result.status == Io::failed;
  }));
  EXPECT_TRUE(result.file_cut);
  EXPECT_EQ(sent, 2'000'000u);
  shutdown(rig.descriptor, SHUT_RDWR);
  reader.join();
}

TEST_P(Transports, AFileThatCannotBeReadIsTheFilesFault) {
  Rig rig(GetParam());
  const Descriptor folder(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  Chain chain;
  chain.append_file(Ref<Owner>(), range_of(folder, 0, 100));
  const FlushResult result = rig.transport->flush(chain, kBudget);
  EXPECT_EQ(result.status, Io::failed);
  EXPECT_TRUE(result.file_cut);
  EXPECT_FALSE(rig.transport->broken());
}

TEST_P(Transports, ShutdownWriteLeavesReadingOpen) {
  Rig rig(GetParam());
  rig.transport->shutdown_write();
  EXPECT_TRUE(ends_in_good_order(rig.peer.get()));
  send_all(rig.peer.get(), "late");
  ASSERT_TRUE(rig.turn_until_readable());
  std::array<char, 10> room;
  EXPECT_EQ(rig.transport->read(room).octets, 4u);
  shutdown(rig.peer.get(), SHUT_WR);
  ASSERT_TRUE(rig.turn_until_readable());
  EXPECT_EQ(rig.transport->read(room).status, Io::end);
  EXPECT_FALSE(rig.transport->broken()) << "both sides ended in good order";
}

TEST_P(Transports, SendingToAPeerThatIsGoneFailsWithoutASignal) {
  Rig rig(GetParam());
  rig.peer = Descriptor();
  const Descriptor file = file_of("file");
  FlushResult result{};
  EXPECT_TRUE(turn_until(rig.loop, [&] {
    Chain chain;
    chain.append_static("memory");
    chain.append_file(Ref<Owner>(), range_of(file, 0, 4));
    result = rig.transport->flush(chain, kBudget);
    return result.status == Io::failed;
  }));
  EXPECT_FALSE(result.file_cut);
  EXPECT_TRUE(rig.transport->broken());
}

TEST_P(Transports, TellsWhatThePeerHasNotTaken) {
  Rig rig(GetParam());
  EXPECT_EQ(rig.transport->unsent(), 0u);
  rig.set_send_buffer(GetParam() == Kind::tcp ? 1'000'000 : 65'536);
  Chain chain;
  while (rig.transport->writable()) {
    chain.append(copy_of(pattern(100'000)));
    rig.transport->flush(chain, kBudget);
  }
  EXPECT_GT(rig.transport->unsent(), 0u);
  std::thread reader([&] {
    while (!receive(rig.peer.get(), 4096).empty()) continue;
  });
  EXPECT_TRUE(turn_until(rig.loop, [&] { return rig.transport->unsent() == 0; }));
  shutdown(rig.descriptor, SHUT_RDWR);
  reader.join();
}

TEST_P(Transports, ClosesItsDescriptor) {
  Rig rig(GetParam());
  rig.transport.reset();
  EXPECT_TRUE(ends_in_good_order(rig.peer.get()));
  EXPECT_EQ(fcntl(rig.descriptor, F_GETFD), -1);
}

TEST(Transport, SeesAReset) {
  Rig rig;
  reset_on_close(rig.peer.get());
  rig.peer = Descriptor();
  ASSERT_TRUE(turn_until(rig.loop, [&] { return rig.transport->broken(); }));
  EXPECT_TRUE(rig.transport->readable());
  EXPECT_GE(rig.task.runs, 1);
  std::array<char, 10> room;
  EXPECT_EQ(rig.transport->read(room).status, Io::failed);
}

TEST(Transport, SeesAResetWhileItIsBlocked) {
  Rig rig;
  Chain chain;
  while (rig.transport->writable()) {
    chain.append(copy_of(pattern(100'000)));
    rig.transport->flush(chain, kBudget);
  }
  reset_on_close(rig.peer.get());
  rig.peer = Descriptor();
  ASSERT_TRUE(turn_until(rig.loop, [&] { return rig.transport->broken(); }));
  EXPECT_EQ(rig.transport->flush(chain, kBudget).status, Io::failed);
}

TEST(Transport, AUnixPeerThatClosedIsGone) {
  Rig rig(Kind::unix_stream);
  rig.peer = Descriptor();
  ASSERT_TRUE(turn_until(rig.loop, [&] { return rig.transport->peer_closed(); }));
  EXPECT_TRUE(rig.transport->broken());
}

TEST(Transport, ResetOnCloseIsSeenAsAReset) {
  Rig rig;
  Chain chain;
  chain.append_static("cut");
  rig.transport->flush(chain, kBudget);
  rig.transport->reset_on_close();
  rig.transport.reset();
  receive(rig.peer.get(), 3);
  EXPECT_FALSE(ends_in_good_order(rig.peer.get()));
}

uint32_t data_segments_sent(int descriptor) {
  tcp_info info{};
  socklen_t size = sizeof info;
  EXPECT_EQ(getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
  return info.tcpi_data_segs_out;
}

TEST(Transport, AHeadLeavesTogetherWithItsFilesFirstOctets) {
  Rig rig;
  const int on = 1;
  ASSERT_EQ(setsockopt(rig.descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
  const Descriptor file = file_of(pattern(2000));
  const uint32_t before = data_segments_sent(rig.descriptor);
  Chain chain;
  chain.append(copy_of(pattern(200)));
  chain.append_file(Ref<Owner>(), range_of(file, 0, 2000));
  EXPECT_EQ(rig.transport->flush(chain, kBudget).octets, 2200u);
  EXPECT_EQ(data_segments_sent(rig.descriptor) - before, 1u);
  EXPECT_EQ(receive(rig.peer.get(), 2200).size(), 2200u);
}

TEST(Transport, PipelinedHeadsLeaveTogether) {
  Rig rig;
  const int on = 1;
  ASSERT_EQ(setsockopt(rig.descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
  const uint32_t before = data_segments_sent(rig.descriptor);
  Chain chain;
  for (int i = 0; i < 60; ++i) chain.append(copy_of(pattern(100)));
  EXPECT_EQ(rig.transport->flush(chain, kBudget).octets, 6000u);
  EXPECT_EQ(data_segments_sent(rig.descriptor) - before, 1u);
}

}  // namespace
}  // namespace sluice::net
