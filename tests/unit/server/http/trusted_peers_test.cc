// Blocks of addresses against peers as the listener writes them.
#include "server/http/trusted_peers.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace sluice::http {
namespace {

conf::AddressBlock block(const char* address, uint8_t bits) {
  conf::AddressBlock made{.address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, .bits = bits};
  if (::inet_pton(AF_INET, address, made.address.data() + 12) == 1) {
    made.bits = static_cast<uint8_t>(bits + 96);
  } else {
    EXPECT_EQ(::inet_pton(AF_INET6, address, made.address.data()), 1);
  }
  return made;
}

TEST(TrustedPeers, AreThoseInABlock) {
  const std::vector<conf::AddressBlock> blocks{block("10.1.0.0", 16), block("192.0.2.128", 25),
                                               block("2001:db8::", 33), block("203.0.113.7", 32)};
  for (const char* inside : {"10.1.0.1", "10.1.255.255", "192.0.2.129", "::ffff:10.1.2.3",
                             "2001:db8::1", "2001:db8:7fff::1", "203.0.113.7", "unix:"}) {
    EXPECT_TRUE(is_trusted(blocks, inside)) << inside;
  }
  for (const char* outside : {"10.2.0.1", "192.0.2.127", "2001:db8:8000::1", "203.0.113.8", "::1",
                              "not an address", ""}) {
    EXPECT_FALSE(is_trusted(blocks, outside)) << outside;
  }
}

TEST(TrustedPeers, AreNobodyWithoutBlocksAndEverybodyWithAnEmptyOne) {
  EXPECT_FALSE(is_trusted({}, "127.0.0.1"));
  EXPECT_FALSE(is_trusted({}, "unix:"));
  EXPECT_TRUE(is_trusted({block("::", 0)}, "192.0.2.1"));
}

}  // namespace
}  // namespace sluice::http
