// Addresses as people and the kernel write them; two are the same when a connection to either is.
#include "server/net/socket_address.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::net {
namespace {

SocketAddress address(std::string_view host, uint16_t port) {
  const auto parsed = SocketAddress::parse(host, port);
  EXPECT_TRUE(parsed) << host;
  return parsed.value_or(SocketAddress());
}

TEST(SocketAddress, ReadsNumbersOnly) {
  EXPECT_EQ(address("192.0.2.1", 80).text(), "192.0.2.1:80");
  EXPECT_EQ(address("2001:DB8:0:0::1", 65535).text(), "[2001:db8::1]:65535");
  EXPECT_EQ(address("::ffff:192.0.2.1", 1).text(), "[::ffff:192.0.2.1]:1");
  for (const std::string_view none : {"", "localhost", "192.0.2", "192.0.2.256", "192.0.2.1:80",
                                      "[::1]", "::1%lo", " 192.0.2.1", "0x7f.0.0.1", "1::2::3"}) {
    EXPECT_FALSE(SocketAddress::parse(none, 80)) << none;
  }
  EXPECT_FALSE(SocketAddress::parse(std::string_view("192.0.2.1\0x", 11), 80));
}

TEST(SocketAddress, IsWhatTheKernelWants) {
  const SocketAddress four = address("192.0.2.1", 80);
  EXPECT_EQ(four.family(), AF_INET);
  EXPECT_EQ(four.size(), sizeof(sockaddr_in));
  EXPECT_EQ(four.get()->sa_family, AF_INET);
  EXPECT_EQ(reinterpret_cast<const sockaddr_in*>(four.get())->sin_port, htons(80));
  const SocketAddress six = address("::1", 443);
  EXPECT_EQ(six.family(), AF_INET6);
  EXPECT_EQ(six.size(), sizeof(sockaddr_in6));
  EXPECT_EQ(six.port(), 443);
  const auto path = SocketAddress::of_path("/run/app.sock");
  ASSERT_TRUE(path);
  EXPECT_EQ(path->family(), AF_UNIX);
  EXPECT_EQ(path->size(), sizeof(sockaddr_un));
  EXPECT_EQ(path->port(), 0);
  EXPECT_EQ(path->text(), "unix:/run/app.sock");
}

TEST(SocketAddress, HasRoomForPathsThatTheKernelTakes) {
  EXPECT_FALSE(SocketAddress::of_path(""));
  EXPECT_TRUE(SocketAddress::of_path(std::string(107, 'a')));
  EXPECT_EQ(SocketAddress::of_path(std::string(107, 'a'))->text(), "unix:" + std::string(107, 'a'));
  EXPECT_FALSE(SocketAddress::of_path(std::string(108, 'a')));
}

TEST(SocketAddress, ComparesWhatIsConnectedTo) {
  EXPECT_EQ(address("192.0.2.1", 80), address("192.0.2.1", 80));
  EXPECT_FALSE(address("192.0.2.1", 80) == address("192.0.2.1", 81));
  EXPECT_FALSE(address("192.0.2.1", 80) == address("192.0.2.2", 80));
  EXPECT_EQ(address("::1", 80), address("0:0::1", 80));
  EXPECT_FALSE(address("::1", 80) == address("::2", 80));
  EXPECT_FALSE(address("::ffff:192.0.2.1", 80) == address("192.0.2.1", 80));
  EXPECT_EQ(*SocketAddress::of_path("/a"), *SocketAddress::of_path("/a"));
  EXPECT_FALSE(*SocketAddress::of_path("/a") == *SocketAddress::of_path("/ab"));
}

// What the kernel fills in behind an address says nothing of where it leads.
TEST(SocketAddress, DoesNotCompareWhatLiesBehind) {
  SocketAddress one = address("192.0.2.1", 80);
  const SocketAddress other = one;
  auto* const raw = reinterpret_cast<sockaddr_in*>(const_cast<sockaddr*>(one.get()));
  raw->sin_zero[3] = 1;
  EXPECT_EQ(one, other);
}

}  // namespace
}  // namespace sluice::net
