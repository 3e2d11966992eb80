// A name server's answer: what is read is bounded and whole, whatever the octets say; and the first
// octet chooses what was asked for.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "server/net/dns_message.h"
#include "tests/fuzz/feeding.h"

namespace sluice::net {
namespace {

void check(DnsType type, std::span<const uint8_t> message) {
  const std::string_view text(reinterpret_cast<const char*>(message.data()), message.size());
  const DnsAnswer answer = read_dns_answer(type, 0, message);
  const bool answered = answer.outcome == DnsAnswer::Outcome::answered;
  const size_t records = answer.addresses.size() + answer.services.size();
  fuzz::require(answered == (records > 0), "an answer without records, or the reverse", text);
  fuzz::require(answered == answer.problem.empty(), "a failure without words", text);
  fuzz::require(records <= kMostRecords, "too many records", text);
  fuzz::require(answer.ttl.count() >= 0 && answer.ttl.count() <= 0x7FFFFFFF, "TTL", text);
  for (const SocketAddress& address : answer.addresses) {
    const int family = type == DnsType::a ? AF_INET : AF_INET6;
    fuzz::require(address.family() == family, "another family", text);
  }
  (void)least_ttl(message);
}

}  // namespace
}  // namespace sluice::net

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  // A copy of exact size, so that a read behind its end is seen.
  const std::vector<uint8_t> message(data + 1, data + size);
  constexpr sluice::net::DnsType kTypes[] = {sluice::net::DnsType::a, sluice::net::DnsType::aaaa,
                                             sluice::net::DnsType::srv};
  sluice::net::check(kTypes[data[0] % 3], message);
  return 0;
}
