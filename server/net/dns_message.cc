// Answers of name servers. The lists that c-ares makes are copied and freed here.
#include "server/net/dns_message.h"

#include <ares.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string_view>

namespace sluice::net {

namespace {

using Octets = std::span<const uint8_t>;
using Outcome = DnsAnswer::Outcome;

constexpr size_t kHeader = 12;           // RFC 1035 section 4.1.1
constexpr size_t kQuestionTail = 4;      // type, class
constexpr size_t kRecordTail = 10;       // type, class, TTL, length
constexpr uint8_t kPointer = 0xC0;       // RFC 1035 section 4.1.4
constexpr uint32_t kMostTtl = 1U << 31;  // from here on it counts as 0

uint32_t number(Octets octets, size_t at, size_t size) noexcept {
  uint32_t value = 0;
  for (size_t i = 0; i < size; ++i) value = value << 8 | octets[at + i];
  return value;
}

// Where the name that begins at `at` ends; nothing when it runs out of the message. A pointer ends
// it, wherever it points: nobody follows it here.
std::optional<size_t> after_name(Octets message, size_t at) noexcept {
  while (at < message.size()) {
    const uint8_t length = message[at];
    if (length == 0) return at + 1;
    if ((length & kPointer) == kPointer) return at + 2;
    if ((length & kPointer) != 0) return std::nullopt;
    at += size_t{length} + 1;
  }
  return std::nullopt;
}

// c-ares's own list, freed when it goes.
struct FreeData {
  void operator()(void* list) const { ::ares_free_data(list); }
};

int size_of(Octets message) noexcept { return static_cast<int>(message.size()); }

int read_ipv4(Octets message, std::vector<SocketAddress>& out) {
  std::array<ares_addrttl, kMostRecords> found{};
  int count = kMostRecords;
  const int status =
      ::ares_parse_a_reply(message.data(), size_of(message), nullptr, found.data(), &count);
  if (status != ARES_SUCCESS) return status;
  for (int i = 0; i < count; ++i) {
    out.push_back(SocketAddress::of(found[static_cast<size_t>(i)].ipaddr, 0));
  }
  return status;
}

int read_ipv6(Octets message, std::vector<SocketAddress>& out) {
  std::array<ares_addr6ttl, kMostRecords> found{};
  int count = kMostRecords;
  const int status =
      ::ares_parse_aaaa_reply(message.data(), size_of(message), nullptr, found.data(), &count);
  if (status != ARES_SUCCESS) return status;
  for (int i = 0; i < count; ++i) {
    in6_addr address{};
    std::memcpy(&address, &found[static_cast<size_t>(i)].ip6addr, sizeof address);
    out.push_back(SocketAddress::of(address, 0));
  }
  return status;
}

int read_services(Octets message, std::vector<SrvRecord>& out) {
  ares_srv_reply* first = nullptr;
  const int status = ::ares_parse_srv_reply(message.data(), size_of(message), &first);
  const std::unique_ptr<ares_srv_reply, FreeData> list(first);
  if (status != ARES_SUCCESS) return status;
  for (const ares_srv_reply* here = first; here != nullptr; here = here->next) {
    if (out.size() == kMostRecords) break;
    // RFC 2782: "." says that the service is decidedly not to be had there.
    const std::string_view target = here->host == nullptr ? "" : here->host;
    if (target.empty() || target == ".") continue;
    out.push_back({std::string(target), here->port, here->priority, here->weight});
  }
  return status;
}

int read_records(DnsType type, Octets message, DnsAnswer& out) {
  if (type == DnsType::a) return read_ipv4(message, out.addresses);
  if (type == DnsType::aaaa) return read_ipv6(message, out.addresses);
  return read_services(message, out.services);
}

DnsAnswer failure(DnsType type, int status) {
  switch (status) {
    case ARES_ENOTFOUND:
      return {Outcome::no_such_name, "no such name (NXDOMAIN)"};
    case ARES_ENODATA:
    case ARES_SUCCESS:  // with nothing in it that we could use
      if (type == DnsType::srv) return {Outcome::no_data, "the name offers no service (SRV)"};
      return {Outcome::no_data, "the name has no address"};
    // c-ares 1.18 does not say which of them it was once it has asked all servers.
    case ARES_ESERVFAIL:
    case ARES_EREFUSED:
    case ARES_ECONNREFUSED:
      return {Outcome::server_failure,
              "no name server could answer (SERVFAIL, REFUSED, or none is there)"};
    case ARES_EBADRESP:
      return {Outcome::failed, "the name server's answer cannot be read"};
    case ARES_ETIMEOUT:
      return {Outcome::timed_out, "no name server answered in time"};
    default:
      return {Outcome::failed, std::string("cannot be asked for: ") + ::ares_strerror(status)};
  }
}

}  // namespace

DnsAnswer read_dns_answer(DnsType type, int status, std::span<const uint8_t> message) {
  if (status != ARES_SUCCESS) return failure(type, status);
  DnsAnswer answer;
  const int read = read_records(type, message, answer);
  if (read != ARES_SUCCESS) return failure(type, read);
  if (answer.addresses.empty() && answer.services.empty()) return failure(type, ARES_ENODATA);
  answer.outcome = Outcome::answered;
  answer.ttl = least_ttl(message).value_or(std::chrono::seconds(0));
  return answer;
}

std::optional<std::chrono::seconds> least_ttl(std::span<const uint8_t> message) {
  if (message.size() < kHeader) return std::nullopt;
  const uint32_t questions = number(message, 4, 2);
  const uint32_t records = number(message, 6, 2);
  size_t at = kHeader;
  for (uint32_t i = 0; i < questions; ++i) {
    const auto end = after_name(message, at);
    if (!end || message.size() - std::min(*end, message.size()) < kQuestionTail)
      return std::nullopt;
    at = *end + kQuestionTail;
  }
  std::optional<uint32_t> least;
  for (uint32_t i = 0; i < records; ++i) {
    const auto end = after_name(message, at);
    if (!end || message.size() - std::min(*end, message.size()) < kRecordTail) return std::nullopt;
    const uint32_t ttl = number(message, *end + 4, 4);
    least = std::min(least.value_or(ttl), ttl >= kMostTtl ? 0 : ttl);
    at = *end + kRecordTail + number(message, *end + 8, 2);
  }
  if (!least) return std::nullopt;
  return std::chrono::seconds(*least);
}

}  // namespace sluice::net
