// The forms of single values, each at its edges.
#include "conf/reading/value.h"

#include <gtest/gtest.h>

namespace sluice::conf {
namespace {

TEST(Value, HostsAreNamesWildcardsAndAddresses) {
  for (const char* good : {"example.com", "*.example.com", "a", "xn--mnchen-3ya.de", "my_app",
                           "127.0.0.1", "[::1]", "[2001:db8::1]"}) {
    EXPECT_EQ(host_problem(good), "") << good;
  }
  const std::string long_label(64, 'a');
  std::string long_name;
  for (int i = 0; i < 127; ++i) long_name += "a.";
  for (const std::string& bad : {std::string(),
                                 std::string("a..b"),
                                 std::string(".a"),
                                 std::string("a."),
                                 std::string("-a"),
                                 std::string("a-"),
                                 std::string("*"),
                                 std::string("*a.b"),
                                 std::string("a.*.b"),
                                 std::string("*.*.b"),
                                 std::string("a b"),
                                 std::string("a:80"),
                                 std::string("http://a"),
                                 std::string("a/b"),
                                 std::string("[::1"),
                                 std::string("[1.2.3.4]"),
                                 std::string("[::1]:80"),
                                 std::string("\xc3\xbc.de"),
                                 long_label,
                                 long_name + "aa"}) {
    EXPECT_NE(host_problem(bad), "") << bad;
  }
  EXPECT_EQ(host_problem(std::string(63, 'a')), "");
  EXPECT_EQ(host_problem(long_name.substr(0, 253)), "");
}

TEST(Value, BlocksOfAddressesAreMappedIntoIpv6) {
  const auto v4 = parse_block("192.0.2.0/24");
  ASSERT_TRUE(v4);
  EXPECT_EQ(v4->bits, 120);
  EXPECT_EQ(v4->address,
            (std::array<uint8_t, 16>{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 192, 0, 2, 0}));
  EXPECT_EQ(parse_block("192.0.2.7")->bits, 128);
  EXPECT_EQ(parse_block("fd00::/8")->bits, 8);
  EXPECT_EQ(parse_block("::/0")->bits, 0);
  EXPECT_EQ(parse_block("0.0.0.0/0")->bits, 96);
  for (const char* bad : {"", "a", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "10/8",
                          "10.0.0.0/8 ", "[::1]"}) {
    EXPECT_FALSE(parse_block(bad)) << bad;
  }
}

TEST(Value, AgesHaveAUnitAndFit31Bits) {
  EXPECT_EQ(parse_age("0s")->count(), 0);
  EXPECT_EQ(parse_age("10m")->count(), 600);
  EXPECT_EQ(parse_age("12h")->count(), 43'200);
  EXPECT_EQ(parse_age("365d")->count(), 31'536'000);
  EXPECT_EQ(parse_age("2147483647s")->count(), 2'147'483'647);
  for (const char* bad : {"", "s", "10", "10 s", "-1s", "1.5h", "1y", "2147483648s", "24856d",
                          "99999999999999999999d"}) {
    EXPECT_FALSE(parse_age(bad)) << bad;
  }
}

TEST(Value, FieldValuesAreOneLineWithoutPadding) {
  EXPECT_EQ(field_value_problem(""), "");
  EXPECT_EQ(field_value_problem("a b\tc \xc3\xbc"), "");
  for (const char* bad : {"a\r", "a\nb", " a", "a ", "\ta", "a\x01z", "a\x7f"}) {
    EXPECT_NE(field_value_problem(bad), "") << bad;
  }
}

TEST(Value, NamesOfFieldsAreTokens) {
  EXPECT_TRUE(is_token("X-Frame-Options"));
  EXPECT_TRUE(is_token("!#$%&'*+-.^_`|~09azAZ"));
  for (const char* bad : {"", "a b", "a:", "\xc3\xbc", "a\n", "(a)", "a/b"}) {
    EXPECT_FALSE(is_token(bad)) << bad;
  }
}

TEST(Value, FieldsThatSluiceMakesAreReservedWhateverTheirCase) {
  for (const char* name : {"Content-Length", "TRANSFER-ENCODING", "connection", "Date", "ETag",
                           "Last-Modified", "Content-Range", "Upgrade", "Keep-Alive", "Trailer"}) {
    EXPECT_NE(reserved_field(name), "") << name;
  }
  for (const char* name : {"Cache-Control", "Content-Type", "Server", "X-Date"}) {
    EXPECT_EQ(reserved_field(name), "") << name;
  }
}

TEST(Value, MediaTypesHaveTwoParts) {
  for (const char* good : {"text/html", "text/html; charset=utf-8", "application/vnd.api+json"}) {
    EXPECT_TRUE(is_media_type(good)) << good;
  }
  for (const char* bad : {"", "text", "/html", "text/", "text/html/x", "te xt/html", "text/html;",
                          "text/html\r\nX: y", "text/html; charset"}) {
    EXPECT_FALSE(is_media_type(bad)) << bad;
  }
}

// Normalised paths are compared (RFC 3986 section 6.2.2).
TEST(Value, SaysWhichPathsNoRequestHas) {
  for (const char* possible :
       {"/", "/a/b.c", "/%20/", "/a%2Fb", "/**", "*.css", "/[x]/|^", "/...", "/a;b=c", "/%C3%BC"}) {
    EXPECT_EQ(never_problem(possible), "") << possible;
  }
  for (const char* never : {"/a?b", "/a#b", "/a b", "/\xc3\xbc", "/%7E", "/%7e", "/%2f", "/%",
                            "/%4", "/./a", "/a/..", "/a/../b", "/\\", "/{x}", "/\x7f"}) {
    EXPECT_NE(never_problem(never), "") << never;
  }
}

}  // namespace
}  // namespace sluice::conf
