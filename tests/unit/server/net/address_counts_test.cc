// Who counts as one client, and who holds most.
//
// Names that say Threads are those for ThreadSanitizer.
#include "server/net/address_counts.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstring>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace sluice::net {
namespace {

AddressBlock block(const std::string& text) {
  sockaddr_storage storage{};
  if (text.find(':') == std::string::npos) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    EXPECT_EQ(inet_pton(AF_INET, text.c_str(), &address.sin_addr), 1);
    std::memcpy(&storage, &address, sizeof address);
  } else {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    EXPECT_EQ(inet_pton(AF_INET6, text.c_str(), &address.sin6_addr), 1);
    std::memcpy(&storage, &address, sizeof address);
  }
  return address_block(storage);
}

TEST(AddressBlock, IsAnIpv4AddressOrTheFirst64BitsOfAnIpv6Address) {
  EXPECT_NE(block("192.0.2.1"), block("192.0.2.2"));
  EXPECT_EQ(block("192.0.2.1"), block("::ffff:192.0.2.1")) << "the same client on a dual socket";
  EXPECT_EQ(block("2001:db8:1:2::1"), block("2001:db8:1:2:ffff:ffff:ffff:ffff"));
  EXPECT_NE(block("2001:db8:1:2::1"), block("2001:db8:1:3::1"));
  EXPECT_NE(block("::1"), 0u);
  EXPECT_NE(block("::1"), block("127.0.0.1"));
}

TEST(AddressBlock, IsNothingForAUnixSocket) {
  sockaddr_storage storage{};
  storage.ss_family = AF_UNIX;
  EXPECT_EQ(address_block(storage), 0u);
  storage.ss_family = AF_UNSPEC;
  EXPECT_EQ(address_block(storage), 0u);
}

TEST(AddressCounts, CountAConnectionAsAnothersFromThenOn) {
  AddressCounts counts;
  const AddressSlot client(counts, 8);
  AddressSlot through_proxy(counts, 7), from_unix_socket(counts, 0);
  through_proxy.count_as(8);
  EXPECT_EQ(through_proxy.number(), 2u);
  from_unix_socket.count_as(8);
  EXPECT_EQ(from_unix_socket.number(), 3u) << "although it was not counted before";
  EXPECT_EQ(counts.heaviest()[0].connections, 3u);
  EXPECT_EQ(counts.heaviest()[1].connections, 0u) << "7 has none any more";
  from_unix_socket.count_as(0);
  EXPECT_EQ(from_unix_socket.number(), 0u);
  AddressSlot nobodys;
  nobodys.count_as(8);
  EXPECT_EQ(counts.heaviest()[0].connections, 2u) << "there is nothing that counts it";
}

TEST(AddressCounts, CountWhileTheSlotLives) {
  AddressCounts counts;
  {
    const AddressSlot first(counts, 7);
    const AddressSlot second(counts, 7);
    AddressSlot other(counts, 8);
    EXPECT_EQ(first.number(), 1u);
    EXPECT_EQ(second.number(), 2u);
    EXPECT_EQ(other.number(), 1u);
    const AddressSlot moved = std::move(other);
    EXPECT_EQ(AddressSlot(counts, 8).number(), 2u) << "a moved slot is one slot";
    EXPECT_EQ(AddressSlot(counts, 8).number(), 2u) << "and the one above is gone again";
  }
  EXPECT_EQ(AddressSlot(counts, 7).number(), 1u);
}

TEST(AddressCounts, DoNotCountWhoHasNoAddress) {
  AddressCounts counts;
  const AddressSlot unix_peer(counts, 0);
  EXPECT_EQ(unix_peer.number(), 0u);
  EXPECT_EQ(counts.heaviest().front().connections, 0u);
}

// Against the obvious way of counting, through a random life.
TEST(AddressCounts, KnowWhoHoldsMost) {
  AddressCounts counts;
  std::mt19937 random(5);
  std::vector<std::pair<AddressBlock, AddressSlot>> alive;
  std::map<AddressBlock, uint64_t> expected;
  for (int step = 0; step < 20'000; ++step) {
    // Lower numbers come more often.
    const AddressBlock address = 1 + random() % (1 + random() % 60);
    if (random() % 2 == 0 || alive.empty()) {
      alive.emplace_back(address, AddressSlot(counts, address));
      ASSERT_EQ(alive.back().second.number(), ++expected[address]);
    } else {
      std::swap(alive[random() % alive.size()], alive.back());
      --expected[alive.back().first];
      alive.pop_back();
    }
    uint64_t most = 0;
    for (const auto& [key, count] : expected) most = std::max(most, count);
    const auto heaviest = counts.heaviest();
    ASSERT_EQ(heaviest.front().connections, most);
    for (size_t i = 0; i < heaviest.size(); ++i) {
      if (heaviest[i].connections == 0) continue;
      ASSERT_EQ(expected[heaviest[i].block], heaviest[i].connections);
      ASSERT_LE(heaviest[i].connections, heaviest[i == 0 ? 0 : i - 1].connections);
    }
  }
  alive.clear();
  EXPECT_EQ(counts.heaviest().front().connections, 0u);
}

TEST(AddressCountsThreads, AreOneFigureForAll) {
  AddressCounts counts;
  std::vector<std::thread> threads;
  for (int worker = 0; worker < 4; ++worker) {
    threads.emplace_back([&counts, worker] {
      for (int round = 0; round < 200; ++round) {
        std::vector<AddressSlot> slots;
        for (AddressBlock address = 1; address <= 20; ++address) {
          slots.emplace_back(counts, address * static_cast<AddressBlock>(1 + worker % 2));
        }
        EXPECT_GE(counts.heaviest().front().connections, 1u);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counts.heaviest().front().connections, 0u);
}

}  // namespace
}  // namespace sluice::net
