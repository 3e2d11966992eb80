// Answers of name servers: what is read, and that what is cut or malformed reads as a failure.
#include "server/net/dns_message.h"

#include <ares.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "unit/server/net/dns_server.h"

namespace sluice::net {
namespace {

using std::chrono::seconds;

std::span<const uint8_t> octets(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

std::string message(DnsType type, const DnsReply& reply) {
  const std::string question =
      dns_name("app.test") + big_endian(static_cast<uint16_t>(type), 2) + big_endian(1, 2);
  return "id" + dns_answer(question, type, reply);
}

TEST(DnsMessage, AddressesOfBothFamiliesAreRead) {
  const std::string ipv4 =
      message(DnsType::a,
              {.records = {address_record("192.0.2.1"), address_record("192.0.2.2")}, .ttl = 7});
  const DnsAnswer answer = read_dns_answer(DnsType::a, ARES_SUCCESS, octets(ipv4));
  EXPECT_EQ(answer.outcome, DnsAnswer::Outcome::answered);
  ASSERT_EQ(answer.addresses.size(), 2u);
  EXPECT_EQ(answer.addresses[1].text(), "192.0.2.2:0");
  EXPECT_EQ(answer.ttl, seconds(7));
  const std::string ipv6 = message(DnsType::aaaa, {.records = {address_record("2001:db8::1")}});
  const DnsAnswer other = read_dns_answer(DnsType::aaaa, ARES_SUCCESS, octets(ipv6));
  ASSERT_EQ(other.addresses.size(), 1u);
  EXPECT_EQ(other.addresses[0].text(), "[2001:db8::1]:0");
}

TEST(DnsMessage, ServicesAreReadWithTheirTtlAndWithoutTheDot) {
  const std::string text = message(
      DnsType::srv,
      {.records = {service_record(1, 2, 3, "a.test"), service_record(0, 0, 9, ".")}, .ttl = 5});
  const DnsAnswer answer = read_dns_answer(DnsType::srv, ARES_SUCCESS, octets(text));
  EXPECT_EQ(answer.services, (std::vector<SrvRecord>{{"a.test", 3, 1, 2}}));
  EXPECT_EQ(answer.ttl, seconds(5));
}

TEST(DnsMessage, MoreRecordsThanAnybodyTriesAreLeftUnread) {
  DnsReply many;
  for (size_t i = 0; i < kMostRecords + 1; ++i) {
    many.records.push_back(address_record(("192.0.2." + std::to_string(i)).c_str()));
  }
  const std::string text = message(DnsType::a, many);
  const DnsAnswer answer = read_dns_answer(DnsType::a, ARES_SUCCESS, octets(text));
  EXPECT_EQ(answer.addresses.size(), kMostRecords);
}

TEST(DnsMessage, ATtlWithTheHighestBitCountsAsNone) {
  const std::string text =
      message(DnsType::a, {.records = {address_record("192.0.2.1")}, .ttl = 0x80000001U});
  EXPECT_EQ(least_ttl(octets(text)), seconds(0));
}

// Each prefix in memory of its own size, so that asan sees a read behind it.
TEST(DnsMessage, CutAnywhereItIsNoAnswer) {
  for (const DnsType type : {DnsType::a, DnsType::aaaa, DnsType::srv}) {
    const std::string record = type == DnsType::a      ? address_record("192.0.2.1")
                               : type == DnsType::aaaa ? address_record("2001:db8::1")
                                                       : service_record(1, 2, 3, "a.test");
    const std::string whole = message(type, {.records = {record}});
    ASSERT_EQ(read_dns_answer(type, ARES_SUCCESS, octets(whole)).outcome,
              DnsAnswer::Outcome::answered);
    for (size_t size = 0; size < whole.size(); ++size) {
      const auto cut = std::make_unique<uint8_t[]>(size + 1);
      whole.copy(reinterpret_cast<char*>(cut.get()) + 1, size);
      const std::span<const uint8_t> prefix(cut.get() + 1, size);
      const DnsAnswer answer = read_dns_answer(type, ARES_SUCCESS, prefix);
      EXPECT_NE(answer.outcome, DnsAnswer::Outcome::answered) << size;
      EXPECT_FALSE(answer.problem.empty()) << size;
      if (size < whole.size() - record.size() - 10) {
        EXPECT_EQ(least_ttl(prefix), std::nullopt) << size;
      }
    }
  }
}

}  // namespace
}  // namespace sluice::net
