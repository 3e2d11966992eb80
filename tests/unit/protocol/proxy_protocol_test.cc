// The PROXY protocol's two forms, every way to cut and to spoil them, and what is written read
// back.
#include "protocol/proxy_protocol.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace sluice {
namespace {

using namespace std::string_literals;
using Command = ProxyHeader::Command;
using Family = ProxyHeader::Family;
using Status = ProxyReading::Status;

const std::string kSignature = "\r\n\r\n\0\r\nQUIT\n"s;
const std::string kIpv4Block = "\xC0\x00\x02\x07\xC6\x33\x64\x09\xD4\x31\x01\xBB"s;

// The longest line that there is: 107 octets.
const std::string kLongest =
    "PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535"s + std::string(48, ' ') + "\r\n";

std::string v2(int command, int family, const std::string& block) {
  return kSignature + static_cast<char>(command) + static_cast<char>(family) +
         static_cast<char>(block.size() >> 8) + static_cast<char>(block.size() & 0xff) + block;
}

std::string tlv(int type, const std::string& value) {
  return std::string(1, static_cast<char>(type)) + static_cast<char>(value.size() >> 8) +
         static_cast<char>(value.size() & 0xff) + value;
}

// CRC-32C by long division, unlike the reader's: by the polynomial as it is written, octets and
// remainder turned round.
uint32_t simple_checksum(const std::string& octets) {
  const auto reflected = [](uint32_t value, int bits) {
    uint32_t turned = 0;
    for (int i = 0; i < bits; ++i) turned |= (value >> i & 1U) << (bits - 1 - i);
    return turned;
  };
  uint32_t remainder = 0xffffffffU;
  for (const char octet : octets) {
    remainder ^= reflected(static_cast<uint8_t>(octet), 8) << 24;
    for (int bit = 0; bit < 8; ++bit)
      remainder = remainder << 1 ^ (remainder >> 31 != 0 ? 0x1edc6f41U : 0U);
  }
  return ~reflected(remainder, 32);
}

// Puts the checksum into the header's four last octets.
std::string with_checksum(std::string header) {
  const uint32_t sum = simple_checksum(header);
  for (int i = 0; i < 4; ++i)
    header[header.size() - 4 + static_cast<size_t>(i)] = static_cast<char>(sum >> (24 - 8 * i));
  return header;
}

std::string checked_v2() {
  return with_checksum(v2(0x21, 0x11, kIpv4Block + tlv(0x04, "xyz") + tlv(0x03, "\0\0\0\0"s)));
}

ProxyEndpoint endpoint(std::string_view address, uint16_t port) {
  const auto one = ProxyEndpoint::parse(address, port);
  EXPECT_TRUE(one) << address;
  return one.value_or(ProxyEndpoint{});
}

ProxyHeader header_of(const std::string& octets) {
  const ProxyReading reading = read_proxy_header(octets);
  EXPECT_EQ(reading.status, Status::complete) << reading.cause << ": " << octets;
  EXPECT_EQ(reading.size, octets.size());
  return reading.header;
}

Status status_of(const std::string& octets) { return read_proxy_header(octets).status; }

std::string written_v1(const ProxyHeader& header) {
  std::array<char, kProxyV1Most> out{};
  return {out.data(), write_proxy_v1(header, out)};
}

std::string written_v2(const ProxyHeader& header) {
  std::array<char, kProxyV2Written> out{};
  return {out.data(), write_proxy_v2(header, out)};
}

const ProxyHeader kIpv4 =
    ProxyHeader::of(endpoint("192.0.2.7", 54321), endpoint("198.51.100.9", 443));
const ProxyHeader kIpv6 = ProxyHeader::of(endpoint("2001:db8::7", 1), endpoint("2001:db8::9", 0));

std::vector<std::string> good_headers() {
  return {"PROXY TCP4 192.0.2.7 198.51.100.9 54321 443\r\n",
          "PROXY TCP6 2001:db8::7 2001:db8::9 1 0\r\n",
          "PROXY UNKNOWN\r\n",
          kLongest,
          v2(0x21, 0x11, kIpv4Block),
          v2(0x21, 0x21, std::string(36, '\x20')),
          v2(0x21, 0x31, std::string(216, '/')),
          v2(0x21, 0x00, ""),
          v2(0x20, 0x00, ""),
          v2(0x20, 0x7f, "whatever"),
          v2(0x21, 0x11, kIpv4Block + tlv(0x04, "") + tlv(0xea, std::string(300, 'x'))),
          v2(0x21, 0x11, kIpv4Block + tlv(0x04, std::string(520 - 12 - 3, 'x'))),
          checked_v2()};
}

TEST(ProxyProtocol, ReadsVersion1) {
  EXPECT_EQ(header_of("PROXY TCP4 192.0.2.7 198.51.100.9 54321 443\r\n"), kIpv4);
  EXPECT_EQ(header_of("PROXY TCP6 2001:db8::7 2001:DB8:0:0::9 1 0\r\n"), kIpv6);
  EXPECT_TRUE(kIpv4.names_peer());
  EXPECT_EQ(header_of("PROXY TCP6 ::ffff:192.0.2.7 ::1 5 6\r\n").source, endpoint("192.0.2.7", 5))
      << "an IPv4 client of a socket for both families";
}

TEST(ProxyProtocol, TakesUnknownAsItIs) {
  for (const std::string text : {"PROXY UNKNOWN\r\n", "PROXY UNKNOWN 1 2 3\r\n",
                                 "PROXY UNKNOWN TCP4 \x01 \r\n", "PROXY UNKNOWN \r\n"}) {
    const ProxyHeader header = header_of(text);
    EXPECT_EQ(header, ProxyHeader{}) << text;
    EXPECT_FALSE(header.names_peer());
  }
  EXPECT_EQ(kLongest.size(), kProxyV1Most);
  EXPECT_FALSE(header_of(kLongest).names_peer());
  EXPECT_FALSE(header_of(v2(0x21, 0x00, "anything")).names_peer());
}

TEST(ProxyProtocol, ReadsVersion2) {
  EXPECT_EQ(header_of(v2(0x21, 0x11, kIpv4Block)), kIpv4);
  const std::string block = "\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\x07" +
                            "\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\x09" + "\0\1\0\0"s;
  EXPECT_EQ(header_of(v2(0x21, 0x21, block)), kIpv6);
  const ProxyHeader path = header_of(v2(0x21, 0x31, std::string(216, '/')));
  EXPECT_EQ(path.family, Family::unix_socket);
  EXPECT_TRUE(path.names_peer());
  EXPECT_EQ(path.source, ProxyEndpoint{});
}

TEST(ProxyProtocol, IgnoresWhatLocalBrings) {
  for (const std::string& octets :
       {v2(0x20, 0x00, ""), v2(0x20, 0x11, kIpv4Block), v2(0x20, 0xff, "no TLV")}) {
    const ProxyHeader header = header_of(octets);
    EXPECT_EQ(header.command, Command::local);
    EXPECT_FALSE(header.names_peer());
  }
}

TEST(ProxyProtocol, SkipsTlvs) {
  EXPECT_EQ(header_of(v2(0x21, 0x11, kIpv4Block + tlv(0x01, "h2") + tlv(0x04, ""))), kIpv4);
  EXPECT_EQ(status_of(v2(0x21, 0x11, kIpv4Block + "\x04"s)), Status::malformed);
  EXPECT_EQ(status_of(v2(0x21, 0x11, kIpv4Block + "\x04\0"s)), Status::malformed);
  EXPECT_EQ(status_of(v2(0x21, 0x11, kIpv4Block + "\x04\0\2x"s)), Status::malformed);
}

TEST(ProxyProtocol, VerifiesTheChecksum) {
  EXPECT_EQ(simple_checksum("123456789"), 0xe3069283U) << "the check value of CRC-32C";
  EXPECT_EQ(header_of(checked_v2()), kIpv4);
  const size_t behind_length = 16;
  for (size_t at = behind_length; at < checked_v2().size(); ++at) {
    std::string spoilt = checked_v2();
    spoilt[at] = static_cast<char>(spoilt[at] ^ 0x10);
    // What was a checksum's type or length may be none any more: then nothing is promised.
    if (at >= spoilt.size() - 13 && at < spoilt.size() - 4) continue;
    EXPECT_EQ(read_proxy_header(spoilt).cause, "PROXY protocol header with a wrong checksum") << at;
  }
  EXPECT_EQ(status_of(v2(0x21, 0x11, kIpv4Block + tlv(0x03, "abc"))), Status::malformed);
}

TEST(ProxyProtocol, WaitsForEachOctet) {
  for (const std::string& header : good_headers()) {
    for (size_t size = 0; size < header.size(); ++size)
      EXPECT_EQ(status_of(header.substr(0, size)), Status::incomplete) << size << " of " << header;
    header_of(header);
  }
}

TEST(ProxyProtocol, LeavesWhatFollowsAlone) {
  for (const std::string& header : good_headers()) {
    for (const std::string follows : {"G", "\r\n", "PROXY UNKNOWN\r\n", "\x16\x03\x01"}) {
      const ProxyReading reading = read_proxy_header(header + follows);
      EXPECT_EQ(reading.status, Status::complete) << header;
      EXPECT_EQ(reading.size, header.size());
      EXPECT_EQ(reading.header, header_of(header));
    }
  }
}

// kProxyHeaderMost octets decide on whatever it is, and once it is decided, more octets change
// nothing.
TEST(ProxyProtocol, DecidesOnEachSpoiltHeaderOnceAndForAll) {
  for (const std::string& header : good_headers()) {
    for (size_t at = 0; at < header.size(); ++at) {
      for (int octet = 0; octet < 256; octet += 15) {
        std::string spoilt = header;
        spoilt[at] = static_cast<char>(octet);
        const std::string padded = spoilt + std::string(kProxyHeaderMost, 'x');
        const ProxyReading whole = read_proxy_header(padded);
        ASSERT_NE(whole.status, Status::incomplete) << header;
        ASSERT_EQ(whole.status == Status::malformed, !whole.cause.empty()) << header;
        ASSERT_LE(whole.size, kProxyHeaderMost);
        const ProxyReading now = read_proxy_header(spoilt);
        if (now.status == Status::incomplete) continue;
        ASSERT_EQ(now.status, whole.status) << header;
        ASSERT_EQ(now.size, whole.size);
        ASSERT_EQ(now.header, whole.header);
      }
    }
  }
}

TEST(ProxyProtocol, RefusesTheFirstWrongOctetOfABeginning) {
  for (const std::string& begin : {"PROXY "s, kSignature}) {
    for (size_t at = 0; at < begin.size(); ++at) {
      std::string wrong = begin.substr(0, at + 1);
      wrong[at] = 'z';
      EXPECT_EQ(read_proxy_header(wrong).cause, "no PROXY protocol header") << at;
    }
  }
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\n"), Status::malformed);
  EXPECT_EQ(status_of("\x16\x03\x01"), Status::malformed);
  EXPECT_EQ(status_of(kSignature + '\x22'), Status::malformed) << "a command that there is not";
  EXPECT_EQ(status_of(kSignature + '\x11'), Status::malformed) << "version 1";
  EXPECT_EQ(status_of(kSignature + "\x21\x12"s), Status::malformed) << "datagrams";
  EXPECT_EQ(status_of(kSignature + "\x21\x11\x02\x09"s), Status::malformed) << "521 octets";
}

TEST(ProxyProtocol, RefusesMalformedLines) {
  const std::vector<std::string> lines = {
      "PROXY TCP4 192.0.2.7 198.51.100.9 54321 443\n",
      "PROXY TCP4 192.0.2.7 198.51.100.9 54321 443\r\r\n",
      "PROXY TCP4  192.0.2.7 198.51.100.9 54321 443\r\n",
      "PROXY  TCP4 192.0.2.7 198.51.100.9 54321 443\r\n",
      "PROXY TCP4 192.0.2.7 198.51.100.9 54321 443 \r\n",
      "PROXY TCP4 192.0.2.7 198.51.100.9 54321\r\n",
      "PROXY TCP4 192.0.2.7 198.51.100.9 54321 \r\n",
      "PROXY TCP4 192.0.2.7 198.51.100.9 054321 443\r\n",
      "PROXY TCP4 192.0.2.7 198.51.100.9 54321 0443\r\n",
      "PROXY TCP4 192.0.2.7 198.51.100.9 65536 443\r\n",
      "PROXY TCP4 192.0.2.7 198.51.100.9 -1 443\r\n",
      "PROXY TCP4 192.0.2.7 198.51.100.9 +1 443\r\n",
      "PROXY TCP4 192.0.2.7 198.51.100.9 1a 443\r\n",
      "PROXY TCP4 192.0.2.07 198.51.100.9 1 443\r\n",
      "PROXY TCP4 192.0.2 198.51.100.9 1 443\r\n",
      "PROXY TCP4 192.0.2.256 198.51.100.9 1 443\r\n",
      "PROXY TCP4 192.0.2.7\0 198.51.100.9 1 443\r\n"s,
      "PROXY TCP4 2001:db8::7 2001:db8::9 1 443\r\n",
      "PROXY TCP4 192.0.2.7 2001:db8::9 1 443\r\n",
      "PROXY TCP6 192.0.2.7 198.51.100.9 1 443\r\n",
      "PROXY TCP6 2001::db8::7 2001:db8::9 1 443\r\n",
      "PROXY TCP6 [2001:db8::7] 2001:db8::9 1 443\r\n",
      "PROXY TCP6 fe80::1%eth0 2001:db8::9 1 443\r\n",
      "PROXY TCP6 12345::1 2001:db8::9 1 443\r\n",
      "PROXY TCP5 192.0.2.7 198.51.100.9 54321 443\r\n",
      "PROXY tcp4 192.0.2.7 198.51.100.9 54321 443\r\n",
      "PROXY UDP4 192.0.2.7 198.51.100.9 54321 443\r\n",
      "PROXY UNKNOWNS\r\n",
      "PROXY UNKNOWN\n",
      "PROXY UNKNOWN \r \r\n",
      "PROXY \r\n",
      "PROXY TCP4\r\n",
  };
  for (const std::string& line : lines)
    EXPECT_EQ(read_proxy_header(line).cause, "malformed PROXY protocol header") << line;
}

TEST(ProxyProtocol, RefusesWhatIsTooLong) {
  const std::string longer = "PROXY UNKNOWN " + std::string(92, 'x') + "\r\n";
  ASSERT_EQ(longer.size(), kProxyV1Most + 1);
  EXPECT_EQ(status_of(longer.substr(0, 106)), Status::incomplete);
  EXPECT_EQ(read_proxy_header(longer.substr(0, 107)).cause, "PROXY protocol header too long");
  EXPECT_EQ(read_proxy_header(longer).cause, "PROXY protocol header too long");
  const std::string beyond = v2(0x21, 0x11, kIpv4Block + tlv(4, std::string(506, 'x')));
  ASSERT_EQ(beyond.size(), kProxyHeaderMost + 1);
  EXPECT_EQ(read_proxy_header(beyond.substr(0, 16)).cause, "PROXY protocol header too long");
  EXPECT_EQ(read_proxy_header(beyond).cause, "PROXY protocol header too long");
}

TEST(ProxyProtocol, RefusesABlockThatHoldsNoAddresses) {
  EXPECT_EQ(status_of(v2(0x21, 0x11, kIpv4Block.substr(1))), Status::malformed);
  EXPECT_EQ(status_of(v2(0x21, 0x21, std::string(35, 'x'))), Status::malformed);
  EXPECT_EQ(status_of(v2(0x21, 0x31, std::string(215, 'x'))), Status::malformed);
}

TEST(ProxyProtocol, WritesVersion1) {
  EXPECT_EQ(written_v1(kIpv4), "PROXY TCP4 192.0.2.7 198.51.100.9 54321 443\r\n");
  EXPECT_EQ(written_v1(kIpv6), "PROXY TCP6 2001:db8::7 2001:db8::9 1 0\r\n");
  EXPECT_EQ(written_v1(ProxyHeader{}), "PROXY UNKNOWN\r\n");
  EXPECT_EQ(written_v1({.command = Command::local}), "PROXY UNKNOWN\r\n");
  EXPECT_EQ(written_v1({.family = Family::unix_socket}), "PROXY UNKNOWN\r\n");
  const ProxyEndpoint most = endpoint("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535);
  EXPECT_LE(written_v1(ProxyHeader::of(most, most)).size(), kProxyV1Most);
}

TEST(ProxyProtocol, WritesVersion2) {
  EXPECT_EQ(written_v2(kIpv4), v2(0x21, 0x11, kIpv4Block));
  EXPECT_EQ(written_v2(ProxyHeader{}), v2(0x21, 0x00, ""));
  EXPECT_EQ(written_v2({.command = Command::local}), v2(0x20, 0x00, ""));
  EXPECT_EQ(written_v2({.family = Family::unix_socket}), v2(0x21, 0x00, ""));
}

TEST(ProxyProtocol, ReadsWhatItWrites) {
  const ProxyHeader mixed = ProxyHeader::of(endpoint("192.0.2.7", 80), endpoint("::1", 8080));
  EXPECT_EQ(mixed.family, Family::ipv6);
  const ProxyHeader mapped =
      ProxyHeader::of(endpoint("::ffff:192.0.2.7", 80), endpoint("192.0.2.8", 8080));
  EXPECT_EQ(mapped.family, Family::ipv4) << "however it is spelt";
  for (const ProxyHeader& header : {kIpv4, kIpv6, mixed, mapped, ProxyHeader{}}) {
    EXPECT_EQ(header_of(written_v1(header)), header);
    EXPECT_EQ(header_of(written_v2(header)), header);
  }
}

TEST(ProxyProtocol, IsOfUnknownFamilyWhenAnEndIs) {
  EXPECT_FALSE(ProxyHeader::of(std::nullopt, endpoint("::1", 1)).names_peer());
  EXPECT_FALSE(ProxyHeader::of(endpoint("::1", 1), std::nullopt).names_peer());
}

TEST(ProxyEndpoint, IsANumericAddress) {
  EXPECT_TRUE(endpoint("192.0.2.7", 1).is_ipv4());
  EXPECT_FALSE(endpoint("2001:db8::7", 1).is_ipv4());
  for (const std::string_view text : {"", "unix:", "localhost", "192.0.2", "[::1]", "::1%lo"})
    EXPECT_FALSE(ProxyEndpoint::parse(text, 1)) << text;
}

}  // namespace
}  // namespace sluice
