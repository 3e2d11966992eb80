// Our own name in Via: found where it stands as an element, and nowhere else.
#include "server/handler/proxy/via_name.h"

#include <gtest/gtest.h>

#include <string>

#include "protocol/grammar.h"

namespace sluice::handler::proxy {
namespace {

TEST(ViaName, IsOneForTheProcessAndAToken) {
  EXPECT_EQ(&ViaName::own(), &ViaName::own());
  const std::string_view name = ViaName::own().name();
  EXPECT_EQ(name.size(), 15U);
  EXPECT_TRUE(name.starts_with("sluice-"));
  EXPECT_TRUE(is_token(name));
  EXPECT_EQ(name.find_first_not_of("0123456789abcdef", 7), std::string_view::npos);
}

TEST(ViaName, IsFoundInWhatItSays) {
  const ViaName via("me");
  for (const std::string_view protocol : {"HTTP/1.0", "HTTP/1.1", "HTTP/2.0", ""}) {
    EXPECT_EQ(via.sights(via.value(protocol)), 1U);
  }
  EXPECT_EQ(ViaName::own().sights(ViaName::own().value("HTTP/1.1")), 1U);
  EXPECT_EQ(ViaName::own().sights(via.value("HTTP/1.1")), 0U);
}

TEST(ViaName, CountsElements) {
  const ViaName via("me");
  EXPECT_EQ(via.sights("1.1 me, 1.1 you (me too, or not), 2 me"), 2U);
  EXPECT_EQ(via.sights("1.1 me,1.0 me (x)"), 2U);
  EXPECT_EQ(via.sights("me"), 0U);
  EXPECT_EQ(via.sights("1.1 meme, 1.1 me2, 1.1 a-me, 1.1 me:80"), 0U);
  EXPECT_EQ(via.sights(""), 0U);
}

}  // namespace
}  // namespace sluice::handler::proxy
