// The workers over real listening sockets, with a service that answers with its worker's number:
// who gets a connection, how many there may be, and how all of it ends.
//
// Names that say Threads are those for ThreadSanitizer; every test here starts threads.
#include "server/net/worker.h"

#include <gtest/gtest.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "server/net/listen_address.h"
#include "unit/server/net/worker_fixture.h"

namespace sluice::net {
namespace {

// All are served, and no worker holds more than 20 of 64.
void expect_even(Threads& threads, const std::vector<Descriptor>& clients) {
  for (const Descriptor& client : clients) ASSERT_EQ(receive(client.get(), 1).size(), 1u);
  EXPECT_EQ(threads.counted(), 64u);
  for (size_t i = 0; i < kMostWorkers; ++i) {
    EXPECT_LE(threads.workers->connections(i), 20u) << "worker " << i;
    EXPECT_LE(threads.notes.workers[i].most, 20) << "worker " << i;
    EXPECT_EQ(static_cast<uint32_t>(threads.notes.workers[i].served),
              threads.workers->connections(i));
  }
}

TEST(WorkersThreads, SpreadConnectionsThatComeOneByOne) {
  Threads threads;
  threads.start();
  std::vector<Descriptor> clients;
  for (int i = 0; i < 64; ++i) {
    clients.push_back(threads.connect());
    char octet = 0;
    ASSERT_EQ(recv(clients.back().get(), &octet, 1, MSG_PEEK), 1);
  }
  expect_even(threads, clients);
}

TEST(WorkersThreads, SpreadConnectionsThatComeAtOnce) {
  Threads threads;
  const std::vector<Descriptor> clients = threads.connect_many(64);  // wait in the kernel's queues
  threads.start();
  expect_even(threads, clients);
}

TEST(WorkersThreads, SpreadWhatTheKernelGivesToOneListener) {
  Threads threads({.listening = 1});
  const std::vector<Descriptor> clients = threads.connect_many(64);
  threads.start();
  expect_even(threads, clients);
}

TEST(WorkersThreads, HandingOverKeepsWhatTheClientSent) {
  Threads threads({.listening = 1});
  std::vector<Descriptor> clients;
  for (int i = 0; i < 64; ++i) {
    clients.push_back(threads.connect());
    send_all(clients.back().get(), "message " + std::to_string(100 + i));
  }
  threads.start();
  int handed_over = 0;
  for (int i = 0; i < 64; ++i) {
    const std::string answer = receive(clients[static_cast<size_t>(i)].get(), 12);
    ASSERT_EQ(answer.size(), 12u);
    EXPECT_EQ(answer.substr(1), "message " + std::to_string(100 + i));
    if (answer[0] != '0') ++handed_over;
  }
  EXPECT_GE(handed_over, 44);
}

TEST(WorkersThreads, CountConnectionsUntilTheyAreGone) {
  Threads threads;
  threads.start();
  std::vector<Descriptor> clients;
  for (int i = 0; i < 8; ++i) clients.push_back(threads.connect_greeted());
  EXPECT_EQ(threads.counted(), 8u);
  clients.resize(3);
  EXPECT_TRUE(eventually([&] { return threads.counted() == 3; }));
  clients.clear();
  EXPECT_TRUE(eventually([&] { return threads.counted() == 0; }));
}

TEST(WorkersThreads, TurnAwayWhoeverIsOverTheCap) {
  Threads threads({.workers = 2, .listening = 2, .max_connections = 8});
  threads.start();
  std::vector<Descriptor> clients;
  for (int i = 0; i < 8; ++i) clients.push_back(threads.connect_greeted());
  const Descriptor one_more = threads.connect();
  EXPECT_EQ(receive(one_more.get(), 2), "-") << "the refusal, then the end";
  EXPECT_EQ(threads.counted(), 8u);
  clients.pop_back();
  ASSERT_TRUE(eventually([&] { return threads.counted() == 7; }));
  const Descriptor in_its_place = threads.connect();
  EXPECT_NE(receive(in_its_place.get(), 1), "-");
  EXPECT_EQ(threads.notes.sum(&Notes::OfWorker::turned_away), 1);
}

TEST(WorkersThreads, AskForIdleOnesToGoFromNineTenthsOfTheCapOn) {
  Threads threads({.workers = 1, .listening = 1, .max_connections = 20});
  threads.start();
  std::vector<Descriptor> clients;
  for (int i = 0; i < 18; ++i) clients.push_back(threads.connect_greeted());
  EXPECT_EQ(threads.notes.workers[0].shed, 0);
  clients.push_back(threads.connect_greeted());
  EXPECT_EQ(threads.notes.workers[0].shed, 1);
  clients.push_back(threads.connect_greeted());
  EXPECT_EQ(threads.notes.workers[0].shed, 2);
  EXPECT_EQ(threads.notes.workers[0].turned_away, 0);
}

TEST(WorkersThreads, ServeNewcomersInThePlaceOfIdleOnes) {
  Threads threads({.workers = 1, .listening = 1, .max_connections = 5, .obeys_shedding = true});
  threads.start();
  std::vector<Descriptor> clients;
  for (int i = 0; i < 12; ++i) clients.push_back(threads.connect_greeted());
  EXPECT_EQ(threads.notes.workers[0].turned_away, 0);
  EXPECT_EQ(threads.notes.workers[0].served, 12);
  EXPECT_EQ(receive(clients.front().get(), 1), "") << "the longest idle one went";
  EXPECT_EQ(threads.counted(), 5u);
}

TEST(WorkersThreads, DrainingEndsWithTheLastConnection) {
  Threads threads;
  threads.start();
  std::vector<Descriptor> clients;
  for (int i = 0; i < 6; ++i) clients.push_back(threads.connect_greeted());
  threads.workers->stop_accepting();
  threads.workers->drain();
  ASSERT_TRUE(eventually([&] { return threads.notes.sum(&Notes::OfWorker::drained) == 4; }));
  clients.resize(1);
  EXPECT_FALSE(threads.workers->wait(milliseconds(100))) << "somebody is still there";
  send_all(clients[0].get(), "still served");
  EXPECT_EQ(receive(clients[0].get(), 12), "still served");
  clients.clear();
  EXPECT_TRUE(threads.workers->wait(seconds(10)));
}

TEST(WorkersThreads, DrainingWithoutConnectionsEndsAtOnce) {
  Threads threads;
  threads.start();
  threads.workers->stop_accepting();
  threads.workers->drain();
  EXPECT_TRUE(threads.workers->wait(seconds(10)));
  threads.workers->stop_accepting();  // finds nobody, and does not wait for anybody
}

TEST(WorkersThreads, DrainingCutsWhatIsLeftAfterItsTime) {
  Threads threads({.workers = 2, .listening = 2, .shutdown_timeout = milliseconds(200)});
  threads.start();
  const Descriptor stays = threads.connect_greeted();
  threads.workers->stop_accepting();
  const Time begin = Clock::now();
  threads.workers->drain();
  EXPECT_TRUE(threads.workers->wait(seconds(10)));
  EXPECT_GE(Clock::now() - begin, milliseconds(200));
  EXPECT_EQ(receive(stays.get(), 1), "");
  EXPECT_EQ(threads.counted(), 0u);
}

TEST(WorkersThreads, AbortingCutsEverythingAtOnce) {
  Threads threads;
  threads.start();
  std::vector<Descriptor> clients;
  for (int i = 0; i < 8; ++i) clients.push_back(threads.connect_greeted());
  threads.workers->abort();
  EXPECT_TRUE(threads.workers->wait(seconds(10)));
  for (const Descriptor& client : clients) EXPECT_EQ(receive(client.get(), 1), "");
  EXPECT_EQ(threads.counted(), 0u);
  EXPECT_GE(threads.notes.sum(&Notes::OfWorker::aborted), 4);
}

TEST(WorkersThreads, ASecondThoughtCutsADrainShort) {
  Threads threads;
  threads.start();
  const Descriptor stays = threads.connect_greeted();
  threads.workers->drain();
  EXPECT_FALSE(threads.workers->wait(milliseconds(50)));
  threads.workers->abort();
  EXPECT_TRUE(threads.workers->wait(seconds(10)));
  EXPECT_EQ(receive(stays.get(), 1), "");
}

TEST(WorkersThreads, NewcomersAreRefusedOnceTheListenersAreClosed) {
  Threads threads;
  threads.start();
  const Descriptor before = threads.connect_greeted();
  threads.workers->stop_accepting();
  threads.sockets = ListenSockets();
  const Descriptor after = tcp_socket();
  EXPECT_NE(connect_to(after.get(), threads.port()), 0);
  EXPECT_EQ(errno, ECONNREFUSED);
  send_all(before.get(), "on");
  EXPECT_EQ(receive(before.get(), 2), "on") << "who was there before stays";
}

TEST(WorkersThreads, WhoWaitedInTheKernelsQueueIsServedWhenAcceptingStops) {
  for (int round = 0; round < 20; ++round) {
    Threads threads;
    threads.start();
    const std::vector<Descriptor> clients = threads.connect_many(40);
    threads.workers->stop_accepting();
    threads.sockets = ListenSockets();
    for (const Descriptor& client : clients) ASSERT_EQ(receive(client.get(), 1).size(), 1u);
  }
}

TEST(WorkersThreads, AListenerThatEpollRefusesFailsTheStart) {
  const Descriptor file = file_of("a file is always ready: epoll has no use for it");
  Threads threads({.workers = 2, .listening = 2});
  threads.workers->listen(1, file.get(), false);
  const std::string error = threads.workers->start();
  EXPECT_NE(error.find("epoll"), std::string::npos) << error;
  EXPECT_NE(error.find("not permitted"), std::string::npos) << error;
  threads.workers->stop_accepting();  // does not wait for the worker that never accepted
  threads.workers->drain();
  EXPECT_TRUE(threads.workers->wait(seconds(10)));
}

TEST(WorkersThreads, EndWithoutHavingStarted) {
  Threads threads;
  threads.workers->stop_accepting();
  threads.workers.reset();
  EXPECT_EQ(threads.notes.sum(&Notes::OfWorker::aborted), 0);
}

// The end comes while connections pour in and the last worker hands them over: the mailboxes of
// workers that have already ended must still be there for it.
TEST(WorkersThreads, EndWhileConnectionsAreHandedOver) {
  for (int round = 0; round < 30; ++round) {
    Threads threads({.listening = 1, .first_listening = kMostWorkers - 1});
    threads.start();
    std::atomic<bool> stop{false};
    std::thread crowd([&] {
      while (!stop) {
        std::vector<Descriptor> clients;
        for (int i = 0; i < 64; ++i) {
          clients.push_back(tcp_socket());
          make_non_blocking(clients.back().get());  // nobody may be left to accept
          connect_to(clients.back().get(), threads.port());
        }
      }
    });
    EXPECT_TRUE(
        eventually([&] { return threads.notes.sum(&Notes::OfWorker::served) > 20 + round; }));
    threads.workers.reset();
    stop = true;
    crowd.join();
  }
}

TEST(WorkersThreads, LeakNoDescriptors) {
  { Threads warm_up; }
  const size_t before = open_descriptors();
  for (int round = 0; round < 3; ++round) {
    Threads threads({.listening = 1, .max_connections = 24});
    threads.start();
    std::vector<Descriptor> clients = threads.connect_many(30);  // some are turned away
    for (const Descriptor& client : clients) EXPECT_EQ(receive(client.get(), 1).size(), 1u);
    clients.resize(10);
    threads.workers->stop_accepting();
    threads.workers->drain();
    if (round == 1) threads.workers->abort();
    if (round == 2) clients.clear();
  }
  EXPECT_EQ(open_descriptors(), before);
}

}  // namespace
}  // namespace sluice::net
