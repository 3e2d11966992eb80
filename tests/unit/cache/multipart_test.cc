// The octets around the parts of multipart/byteranges (RFC 9110 section 14.6, RFC 2046 section
// 5.1.1).
#include "cache/multipart.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace sluice::cache {
namespace {

constexpr std::array<uint64_t, 2> kBits{0x0123456789abcdef, 0xfedcba9876543210};
const std::string kBoundary = "fedcba98765432100123456789abcdef";

TEST(Multipart, StandsAroundTheParts) {
  const Multipart multipart(kBits, "text/plain", 8000);
  EXPECT_EQ(multipart.content_type(), "multipart/byteranges; boundary=" + kBoundary);
  EXPECT_EQ(multipart.head({500, 1000}, true),
            "--" + kBoundary +
                "\r\nContent-Type: text/plain\r\nContent-Range: bytes 500-999/8000\r\n\r\n");
  EXPECT_EQ(multipart.head({7000, 8000}, false),
            "\r\n--" + kBoundary +
                "\r\nContent-Type: text/plain\r\nContent-Range: bytes 7000-7999/8000\r\n\r\n");
  EXPECT_EQ(multipart.end(), "\r\n--" + kBoundary + "--\r\n");
}

TEST(Multipart, LeavesOutATypeThatNobodyKnows) {
  EXPECT_EQ(Multipart(kBits, "", 10).head({0, 1}, true),
            "--" + kBoundary + "\r\nContent-Range: bytes 0-0/10\r\n\r\n");
}

TEST(Multipart, KnowsItsLengthAhead) {
  const Multipart multipart(kBits, "text/plain", 8000);
  const std::array<ByteRange, 3> ranges{ByteRange{500, 1000}, {7000, 8000}, {0, 1}};
  const std::string naive = multipart.head(ranges[0], true) + std::string(500, 'x') +
                            multipart.head(ranges[1], false) + std::string(1000, 'x') +
                            multipart.head(ranges[2], false) + "x" + multipart.end();
  EXPECT_EQ(multipart.total(ranges), naive.size());
}

}  // namespace
}  // namespace sluice::cache
