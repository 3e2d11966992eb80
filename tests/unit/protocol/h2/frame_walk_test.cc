// Steps behind the headers of frames that nghttp2 may pass over, however their octets come.
#include "protocol/h2/frame_walk.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "unit/protocol/h2/frames.h"

namespace sluice::h2 {
namespace {

struct Found {
  size_t behind;
  uint8_t type;
  uint32_t length;
  bool operator==(const Found&) const = default;
};

std::vector<Found> headers_in(const std::string& octets, size_t skip, size_t piece) {
  FrameWalk walk(static_cast<uint32_t>(skip));
  std::vector<Found> found;
  for (size_t at = 0; at < octets.size();) {
    const std::string_view some = std::string_view(octets).substr(at, piece);
    const size_t size = walk.step(some);
    EXPECT_GT(size, 0U);
    EXPECT_LE(size, some.size());
    at += size;
    if (walk.at_header()) found.push_back({at, walk.type(), walk.length()});
  }
  return found;
}

TEST(H2FrameWalk, StopsBehindHeadersThatMayBePassedOver) {
  const std::string octets = "pre" + frame(kSettings, 0, 0, "123456") + frame(kData, 0, 1, "xyz") +
                             frame(kData, kEndStream, 1) + get(3) +
                             frame(0xBB, 0, 0, std::string(300, 'x')) + frame(kPing, 0, 0);
  const size_t first = 3 + 9 + 6 + 9;
  const size_t second = first + 3 + 9;
  const size_t third = second + get(3).size() + 9;
  for (const size_t piece : {size_t{1}, size_t{2}, size_t{5}, size_t{9}, size_t{10}, SIZE_MAX}) {
    SCOPED_TRACE(piece);
    EXPECT_EQ(headers_in(octets, 3, piece),
              (std::vector<Found>{{first, kData, 3}, {second, kData, 0}, {third, 0xBB, 300}}));
  }
}

TEST(H2FrameWalk, TellsHowMuchContentThereIsInAnyCase) {
  EXPECT_EQ(content_at_least(0, false), 0U);
  EXPECT_EQ(content_at_least(16384, false), 16384U);
  EXPECT_EQ(content_at_least(256, true), 0U);
  EXPECT_EQ(content_at_least(257, true), 1U);
}

}  // namespace
}  // namespace sluice::h2
