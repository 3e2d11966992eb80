// A ClientHello as servers meet them: whole, cut at every octet, and with lengths that lie.
#include "tls/client_hello.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::tls {
namespace {

using Bytes = std::vector<uint8_t>;

Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}
Bytes text(std::string_view characters) { return {characters.begin(), characters.end()}; }
Bytes u16(size_t value) { return {static_cast<uint8_t>(value >> 8), static_cast<uint8_t>(value)}; }
Bytes vector8(const Bytes& body) { return Bytes{static_cast<uint8_t>(body.size())} + body; }
Bytes vector16(const Bytes& body) { return u16(body.size()) + body; }
Bytes extension(size_t type, const Bytes& body) { return u16(type) + vector16(body); }
Bytes sni(std::string_view name) { return extension(0, vector16(Bytes{0} + vector16(text(name)))); }

Bytes message(const Bytes& body) { return Bytes{1, 0} + vector16(body); }
Bytes fields() {
  return Bytes{3, 3} + Bytes(32, 0x5a) + vector8(Bytes(32, 1)) +
         vector16({0x2a, 0x2a, 0x13, 0x01, 0xc0, 0x2f}) + vector8({0});
}
Bytes hello_with(const Bytes& extensions) { return message(fields() + vector16(extensions)); }

Bytes all_extensions() {
  return sni("Example.COM.") + extension(10, vector16({0, 29, 0, 23})) +
         extension(13, vector16({8, 4})) +
         extension(16, vector16(vector8(text("h2")) + vector8(text("http/1.1")))) +
         extension(35, {}) + extension(43, vector8({0xaa, 0xaa, 3, 4, 3, 3})) +
         extension(51, vector16(Bytes{0, 29} + vector16(Bytes(32, 7)))) + extension(0x7777, {1});
}

TEST(ClientHello, ReadsAllThatIsOfInterest) {
  const auto hello = parse_client_hello(hello_with(all_extensions()));
  ASSERT_TRUE(hello);
  EXPECT_EQ(hello->legacy_version, 0x0303);
  EXPECT_EQ(hello->random[31], 0x5a);
  EXPECT_EQ(hello->session_id_size, 32U);
  EXPECT_EQ(hello->suites, (std::vector<uint16_t>{0x2a2a, 0x1301, 0xc02f}));
  EXPECT_EQ(hello->versions, (std::vector<uint16_t>{0xaaaa, 0x0304, 0x0303}));
  EXPECT_EQ(hello->newest_version(), 0x0304);
  EXPECT_EQ(hello->groups, (std::vector<uint16_t>{29, 23}));
  EXPECT_EQ(hello->key_share_groups, std::vector<uint16_t>{29});
  EXPECT_EQ(hello->signature_schemes, std::vector<uint16_t>{0x0804});
  EXPECT_EQ(hello->server_name, "example.com");
  EXPECT_FALSE(hello->has_invalid_server_name);
  EXPECT_EQ(hello->alpn, (std::vector<std::string>{"h2", "http/1.1"}));
  EXPECT_TRUE(hello->supports_tickets);
  EXPECT_FALSE(hello->offers_ticket);
  EXPECT_FALSE(hello->offers_psk);
}

TEST(ClientHello, MayHaveNoExtensions) {
  const auto hello = parse_client_hello(message(fields()));
  ASSERT_TRUE(hello);
  EXPECT_FALSE(hello->has_extensions);
  EXPECT_EQ(hello->newest_version(), 0x0303);
  EXPECT_TRUE(hello->versions.empty());
}

TEST(ClientHello, CutAnywhereIsNone) {
  const Bytes whole = hello_with(all_extensions());
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(parse_client_hello(std::span(whole).first(size))) << size;
  }
  EXPECT_FALSE(parse_client_hello(whole + Bytes{0}));
}

TEST(ClientHello, CutWithAHeaderThatFitsIsNone) {
  const Bytes body = fields() + vector16(all_extensions());
  for (size_t size = 0; size < body.size(); ++size) {
    const bool ends_before_extensions = size == fields().size();
    const Bytes cut(body.begin(), body.begin() + static_cast<ptrdiff_t>(size));
    EXPECT_EQ(parse_client_hello(message(cut)).has_value(), ends_before_extensions) << size;
  }
}

TEST(ClientHello, RefusesWhatIsMalformed) {
  EXPECT_FALSE(parse_client_hello(hello_with(sni("a.example") + sni("b.example"))));
  EXPECT_FALSE(parse_client_hello(hello_with(extension(0, {}))));
  EXPECT_FALSE(parse_client_hello(hello_with(extension(0, vector16({})))));
  EXPECT_FALSE(parse_client_hello(hello_with(extension(10, vector16({1, 2, 3})))));
  EXPECT_FALSE(parse_client_hello(hello_with(extension(16, vector16(vector8({}))))));
  EXPECT_FALSE(parse_client_hello(hello_with(extension(43, vector8({})))));
  EXPECT_FALSE(parse_client_hello(hello_with(extension(51, vector16({0, 29, 0, 0})))));
  EXPECT_FALSE(parse_client_hello(message(Bytes{3, 3} + Bytes(32, 0) + vector8(Bytes(33, 0)) +
                                          vector16({0, 1}) + vector8({0}))));
  Bytes other = hello_with({});
  other[0] = 2;
  EXPECT_FALSE(parse_client_hello(other));
}

TEST(ClientHello, TellsNamesFromWhatIsNone) {
  for (const char* name : {"localhost", "a.b.example", "xn--bcher-kva.example", "_dmarc.example",
                           "1.example", "EXAMPLE.com."}) {
    const auto hello = parse_client_hello(hello_with(sni(name)));
    ASSERT_TRUE(hello) << name;
    EXPECT_FALSE(hello->has_invalid_server_name) << name;
    EXPECT_FALSE(hello->server_name.empty()) << name;
  }
  const std::string long_label(64, 'a');
  const std::string long_name = "a." + std::string(63, 'b') + "." + std::string(63, 'c') + "." +
                                std::string(63, 'd') + "." + std::string(62, 'e');
  for (const std::string& name :
       {std::string("127.0.0.1"), std::string("::1"), std::string("a..b"), std::string("."),
        std::string("a b"), std::string("-a.example"), std::string("a-.example"), long_label,
        long_name, std::string("a\0b", 3), std::string("b\xc3\xbc.example")}) {
    const auto hello = parse_client_hello(hello_with(sni(name)));
    ASSERT_TRUE(hello) << name;
    EXPECT_TRUE(hello->has_invalid_server_name) << name;
    EXPECT_EQ(hello->server_name, "") << name;
  }
}

TEST(ClientHello, SeesTicketsAndPsk) {
  const auto ticket = parse_client_hello(hello_with(extension(35, {1, 2})));
  ASSERT_TRUE(ticket);
  EXPECT_TRUE(ticket->offers_ticket);
  const auto psk = parse_client_hello(hello_with(extension(42, {}) + extension(41, {1, 2, 3})));
  ASSERT_TRUE(psk);
  EXPECT_TRUE(psk->offers_psk);
  EXPECT_TRUE(psk->offers_early_data);
}

TEST(ClientHello, KeepsABoundedPartOfLongLists) {
  Bytes groups;
  for (size_t i = 0; i < 2000; ++i) groups = groups + u16(i);
  Bytes protocols;
  for (size_t i = 0; i < 2000; ++i) protocols = protocols + vector8({1});
  const auto hello = parse_client_hello(
      hello_with(extension(10, vector16(groups)) + extension(16, vector16(protocols))));
  ASSERT_TRUE(hello);
  EXPECT_EQ(hello->groups.size(), ClientHello::kMostCodePoints);
  EXPECT_EQ(hello->alpn.size(), ClientHello::kMostProtocols);
}

TEST(Grease, IsSixteenValues) {
  size_t count = 0;
  for (uint32_t value = 0; value <= 0xffff; ++value)
    count += is_grease(static_cast<uint16_t>(value));
  EXPECT_EQ(count, 16U);
  EXPECT_TRUE(is_grease(0x0a0a));
  EXPECT_FALSE(is_grease(0x0a1a));
}

}  // namespace
}  // namespace sluice::tls
