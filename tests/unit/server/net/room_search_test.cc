// Who goes when the house is full: over real workers and sockets, from clients with different
// loopback addresses.
#include "server/net/room_search.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <string>
#include <vector>

#include "unit/server/net/worker_fixture.h"

namespace sluice::net {
namespace {

// A client of this loopback address, greeted by its worker.
Descriptor client_of(const Threads& threads, const char* address) {
  Descriptor client = tcp_socket();
  const timeval patience{.tv_sec = 10, .tv_usec = 0};
  setsockopt(client.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  sockaddr_in own{};
  own.sin_family = AF_INET;
  inet_pton(AF_INET, address, &own.sin_addr);
  EXPECT_EQ(bind(client.get(), reinterpret_cast<sockaddr*>(&own), sizeof own), 0);
  EXPECT_EQ(connect_to(client.get(), threads.port()), 0);
  return client;
}

struct Crowd {
  explicit Crowd(Threads& with) : threads(with) {}
  // Adds `count` clients; all of them are greeted.
  void add(const char* address, int count) {
    for (int i = 0; i < count; ++i) {
      clients.push_back(client_of(threads, address));
      EXPECT_EQ(receive(clients.back().get(), 1).size(), 1u);
      addresses.emplace_back(address);
    }
  }
  // How many of an address still have their connection.
  int alive(const std::string& address) const {
    int count = 0;
    for (size_t i = 0; i < clients.size(); ++i) {
      char octet = 0;
      const bool gone = recv(clients[i].get(), &octet, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
      if (addresses[i] == address && !gone) ++count;
    }
    return count;
  }

  Threads& threads;
  std::vector<Descriptor> clients;
  std::vector<std::string> addresses;
};

TEST(RoomSearchThreads, TheAddressThatHoldsMostGivesUpItsConnectionsFirst) {
  Threads threads({.workers = 1, .listening = 1, .max_connections = 10, .obeys_shedding = true});
  threads.start();
  Crowd crowd(threads);
  crowd.add("127.0.0.2", 2);  // the longest there
  crowd.add("127.0.0.3", 7);
  crowd.add("127.0.0.4", 1);  // at 90 %: makes room
  EXPECT_TRUE(eventually([&] { return crowd.alive("127.0.0.3") == 6; }));
  crowd.add("127.0.0.5", 3);
  EXPECT_TRUE(eventually([&] { return crowd.alive("127.0.0.3") == 3; }));
  EXPECT_EQ(crowd.alive("127.0.0.2"), 2);
  EXPECT_EQ(crowd.alive("127.0.0.4"), 1);
  EXPECT_EQ(crowd.alive("127.0.0.5"), 3);
  EXPECT_EQ(threads.notes.sum(&Notes::OfWorker::turned_away), 0);
}

TEST(RoomSearchThreads, WhereNobodyHoldsMoreTheLongestIdleGoes) {
  Threads threads({.workers = 1, .listening = 1, .max_connections = 3, .obeys_shedding = true});
  threads.start();
  Crowd crowd(threads);
  crowd.add("127.0.0.2", 1);
  crowd.add("127.0.0.3", 1);
  crowd.add("127.0.0.4", 1);
  crowd.add("127.0.0.5", 1);
  EXPECT_TRUE(eventually([&] { return crowd.alive("127.0.0.2") == 0; }));
  EXPECT_EQ(threads.notes.workers[0].shed_of_address, 0);
  EXPECT_EQ(threads.counted(), 3u);
}

// Only the first worker listens; it hands most connections over. Where it has none of the address
// that holds most, another has.
TEST(RoomSearchThreads, GoesRoundUntilSomebodyHasRoom) {
  Threads threads({.listening = 1, .max_connections = 12, .obeys_shedding = true});
  threads.start();
  Crowd crowd(threads);
  crowd.add("127.0.0.2", 12);
  for (int i = 0; i < 30; ++i) crowd.add("127.0.0.3", 1);
  EXPECT_EQ(threads.notes.sum(&Notes::OfWorker::turned_away), 0);
  EXPECT_LE(threads.counted(), 12u);
  EXPECT_TRUE(eventually([&] { return crowd.alive("127.0.0.2") <= 6; }));
}

TEST(RoomSearchThreads, EndsWithARefusalWhereNobodyIsIdle) {
  Threads threads({.listening = 1, .max_connections = 8});
  threads.start();
  Crowd crowd(threads);
  crowd.add("127.0.0.2", 8);
  for (int i = 0; i < 5; ++i) {
    const Descriptor late = client_of(threads, "127.0.0.3");
    EXPECT_EQ(receive(late.get(), 2), "-");
  }
  EXPECT_EQ(threads.notes.sum(&Notes::OfWorker::turned_away), 5);
  for (size_t i = 0; i < kMostWorkers; ++i) {
    EXPECT_GE(threads.notes.workers[i].shed_of_address, 5) << "worker " << i << " was asked";
  }
  EXPECT_EQ(threads.counted(), 8u);
}

// Sockets that are searching when all ends close with everything else.
TEST(RoomSearchThreads, EndWhileNewcomersSearch) {
  for (int round = 0; round < 10; ++round) {
    Threads threads({.listening = 1, .max_connections = 4});
    threads.start();
    std::vector<Descriptor> clients = threads.connect_many(40);
    threads.workers.reset();
    for (const Descriptor& client : clients) EXPECT_LE(receive(client.get(), 2).size(), 1u);
  }
}

TEST(ConnectionsPerAddressThreads, AreCountedOverAllWorkers) {
  Threads threads({.max_per_address = 5});
  threads.start();
  Crowd crowd(threads);
  crowd.add("127.0.0.2", 5);
  for (int i = 0; i < 4; ++i) {
    const Descriptor sixth = client_of(threads, "127.0.0.2");
    EXPECT_EQ(receive(sixth.get(), 2), "-");
  }
  EXPECT_EQ(threads.notes.sum(&Notes::OfWorker::turned_away_for_address), 4);
  crowd.add("127.0.0.3", 5);  // others are not concerned
  crowd.clients.erase(crowd.clients.begin());
  EXPECT_TRUE(eventually([&] { return threads.counted() == 9; }));
  crowd.add("127.0.0.2", 1);
}

TEST(MemoryPressureThreads, TurnsNewcomersAwayAndClosesIdleOnes) {
  Threads threads({.workers = 2, .listening = 2, .obeys_shedding = true});
  threads.start();
  Crowd crowd(threads);
  crowd.add("127.0.0.2", 4);
  threads.workers->set_memory_pressure(MemoryPressure::high);
  EXPECT_TRUE(eventually([&] { return threads.counted() == 0; }));
  const Descriptor late = client_of(threads, "127.0.0.3");
  EXPECT_EQ(receive(late.get(), 2), "-");
  EXPECT_EQ(threads.notes.sum(&Notes::OfWorker::turned_away_for_memory), 1);
  EXPECT_EQ(threads.notes.sum(&Notes::OfWorker::closed_largest), 0);
  threads.workers->set_memory_pressure(MemoryPressure::none);
  crowd.add("127.0.0.3", 1);
}

TEST(MemoryPressureThreads, ClosesTheOneThatHoldsMostOfAllWorkers) {
  Threads threads;  // nobody is idle
  threads.start();
  Crowd crowd(threads);
  crowd.add("127.0.0.2", 16);
  const uint32_t of_last = threads.workers->connections(kMostWorkers - 1);
  ASSERT_GT(of_last, 1u);
  threads.workers->set_memory_pressure(MemoryPressure::critical);
  EXPECT_TRUE(eventually([&] { return threads.counted() == 15; }));
  EXPECT_EQ(threads.workers->connections(kMostWorkers - 1), of_last - 1)
      << "the fake's largest are the last worker's";
  threads.workers->set_memory_pressure(MemoryPressure::critical);
  EXPECT_TRUE(eventually([&] { return threads.counted() == 14; }));
}

}  // namespace
}  // namespace sluice::net
