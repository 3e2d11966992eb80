// Listeners that come and go while the workers run, as a reload wants it: nobody who was told that
// he is connected is lost, and who is connected stays.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <vector>

#include "server/net/listen_address.h"
#include "server/net/worker.h"
#include "unit/server/net/worker_fixture.h"

namespace sluice::net {
namespace {

// One more address for `threads`.
struct Second {
  Second() {
    ListenAddress address;
    EXPECT_EQ(parse_listen_address("127.0.0.1:0", address), "");
    EXPECT_EQ(sockets.open(address, kMostWorkers, 256), "");
    port = local_port(sockets.descriptor(0));
  }
  Descriptor connect() const {
    Descriptor client = tcp_socket();
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    setsockopt(client.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    EXPECT_EQ(connect_to(client.get(), port), 0);
    return client;
  }

  ListenSockets sockets;
  uint16_t port = 0;
};

TEST(WorkerListenersThreads, OneThatIsOpenedWhileTheyRunIsServed) {
  Threads threads;
  threads.start();
  const Second second;
  ASSERT_EQ(threads.workers->open_listener(second.sockets, 3), "");
  std::vector<Descriptor> clients;
  for (int i = 0; i < 12; ++i) clients.push_back(second.connect());
  for (const Descriptor& client : clients) EXPECT_EQ(receive(client.get(), 1).size(), 1u);
  EXPECT_EQ(threads.notes.came_through[3], 12);
  const Descriptor other = threads.connect_greeted();
  EXPECT_EQ(threads.notes.came_through[0], 1) << "the first listener goes on";
}

TEST(WorkerListenersThreads, OneThatIsClosedLeavesItsConnectionsAndTheOthers) {
  Threads threads;
  threads.start();
  Second second;
  ASSERT_EQ(threads.workers->open_listener(second.sockets, 1), "");
  const Descriptor stays = second.connect();
  EXPECT_EQ(receive(stays.get(), 1).size(), 1u);
  threads.workers->close_listener(1);
  second.sockets = ListenSockets();
  const Descriptor late = tcp_socket();
  EXPECT_NE(connect_to(late.get(), second.port), 0);
  EXPECT_EQ(errno, ECONNREFUSED);
  send_all(stays.get(), "on");
  EXPECT_EQ(receive(stays.get(), 2), "on");
  threads.connect_greeted();
}

TEST(WorkerListenersThreads, WhoWaitedInTheKernelsQueueIsServedWhenAListenerIsClosed) {
  Threads threads;
  threads.start();
  for (uint32_t round = 0; round < 20; ++round) {
    Second second;
    ASSERT_EQ(threads.workers->open_listener(second.sockets, 1), "");
    std::vector<Descriptor> clients;
    for (int i = 0; i < 20; ++i) clients.push_back(second.connect());
    threads.workers->close_listener(1);
    second.sockets = ListenSockets();
    for (const Descriptor& client : clients) ASSERT_EQ(receive(client.get(), 1).size(), 1u);
  }
}

TEST(WorkerListenersThreads, AUnixSocketIsSharedByAllOfThem) {
  Threads threads;
  threads.start();
  std::string folder = testing::TempDir() + "/sluice-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  ListenAddress address;
  ASSERT_EQ(parse_listen_address("unix:" + folder + "/s", address), "");
  {
    ListenSockets sockets;
    ASSERT_EQ(sockets.open(address, kMostWorkers, 16), "");
    ASSERT_EQ(threads.workers->open_listener(sockets, 2), "");
    const Descriptor client(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(connect_to_path(client.get(), folder + "/s"), 0);
    EXPECT_EQ(receive(client.get(), 1).size(), 1u);
    EXPECT_EQ(threads.notes.came_through[2], 1);
    threads.workers->close_listener(2);
  }
  EXPECT_EQ(rmdir(folder.c_str()), 0) << "the path went with its socket";
}

TEST(WorkerListenersThreads, OneThatEpollRefusesIsOnNoWorker) {
  Threads threads;
  threads.start();
  Second second;
  const Descriptor file = file_of("always ready");
  // The last worker's descriptor becomes one that epoll has no use for.
  ASSERT_EQ(dup2(file.get(), second.sockets.descriptor(kMostWorkers - 1)),
            second.sockets.descriptor(kMostWorkers - 1));
  const std::string error = threads.workers->open_listener(second.sockets, 1);
  EXPECT_NE(error.find("not permitted"), std::string::npos) << error;
  const Descriptor client = second.connect();  // the kernel queues it; nobody accepts
  EXPECT_FALSE(threads.notes.came_through[1] > 0);
  threads.connect_greeted();
}

TEST(WorkerListenersThreads, AVisitSeesEachServiceOnItsOwnThread) {
  Threads threads;
  threads.start();
  std::array<std::atomic<int>, kMostWorkers> visits{};
  threads.workers->visit([&](size_t worker, Loop& loop, Service&) {
    if (loop.on_own_thread()) ++visits[worker];
  });
  for (const std::atomic<int>& count : visits) EXPECT_EQ(count, 1);
}

TEST(WorkerListenersThreads, AWorkerThatIsStuckIsNoticed) {
  Threads threads;
  threads.start();
  EXPECT_TRUE(threads.workers->answer_within(seconds(10)));
  std::atomic<bool> release{false};
  std::thread sticking([&] {
    threads.workers->visit([&](size_t worker, Loop&, Service&) {
      while (worker == 1 && !release) std::this_thread::sleep_for(milliseconds(1));
    });
  });
  EXPECT_TRUE(eventually([&] { return !threads.workers->answer_within(milliseconds(20)); }));
  release = true;
  sticking.join();
  EXPECT_TRUE(threads.workers->answer_within(seconds(10)));
}

TEST(WorkerListenersThreads, NobodyWaitsForWorkersThatHaveEnded) {
  Threads threads;
  threads.start();
  threads.workers->drain();
  ASSERT_TRUE(threads.workers->wait(seconds(10)));
  const Second second;
  EXPECT_EQ(threads.workers->open_listener(second.sockets, 1), "");
  threads.workers->close_listener(1);
  int visits = 0;
  threads.workers->visit([&](size_t, Loop&, Service&) { ++visits; });
  EXPECT_EQ(visits, 0);
  EXPECT_TRUE(threads.workers->answer_within(milliseconds(0)));
}

}  // namespace
}  // namespace sluice::net
