// Names of exchanges: different ones here, and only harmless ones from elsewhere.
#include "server/http/request_id.h"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>

namespace sluice::http {
namespace {

std::string made(RequestIds& ids) {
  std::array<char, RequestIds::kSize> room;
  ids.make(room);
  return {room.data(), room.size()};
}

TEST(RequestIds, AreHexadecimalAndDiffer) {
  RequestIds one;
  RequestIds other;
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    for (RequestIds* ids : {&one, &other}) {
      const std::string id = made(*ids);
      EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos) << id;
      EXPECT_TRUE(is_request_id(id));
      EXPECT_TRUE(seen.insert(id).second) << id;
    }
  }
}

TEST(RequestIds, TakesOverOnlyHarmlessOnes) {
  for (const char* good : {"a", "Z-9_.x", "4bf92f3577b34da6a3ce929d0e0e4736"}) {
    EXPECT_TRUE(is_request_id(good)) << good;
  }
  EXPECT_TRUE(is_request_id(std::string(64, 'x')));
  EXPECT_FALSE(is_request_id(std::string(65, 'x')));
  for (const char* bad : {"", "a b", "a\"", "a,b", "a=b", "\xc3\xa9", "a\x01", "a@", "[", "`"}) {
    EXPECT_FALSE(is_request_id(bad)) << bad;
  }
}

}  // namespace
}  // namespace sluice::http
