// What a name server answered (RFC 1035 section 4, RFC 2782), read by c-ares out of octets that
// nobody vouches for.
//
// c-ares gives addresses and services, but of services no TTL, and of addresses one each: what
// counts is the least in the answer, that of every alias on the way (CNAME) with it. So that is
// read here.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "server/net/socket_address.h"

namespace sluice::net {

enum class DnsType : uint16_t { a = 1, aaaa = 28, srv = 33 };

// RFC 2782.
struct SrvRecord {
  std::string target;  // without a dot at its end
  uint16_t port = 0;
  uint16_t priority = 0;
  uint16_t weight = 0;

  bool operator==(const SrvRecord&) const = default;
};

struct DnsAnswer {
  // In the order of how much they say to people when nothing was answered.
  enum class Outcome : uint8_t {
    answered,
    no_such_name,    // NXDOMAIN
    no_data,         // the name is there, but has none of this type
    server_failure,  // SERVFAIL, REFUSED, or nobody listens there
    failed,          // an answer that cannot be read, not a name, no memory
    timed_out,
  };
  Outcome outcome = Outcome::failed;
  std::string problem;                   // for people; empty when answered
  std::vector<SocketAddress> addresses;  // of a and aaaa, with port 0
  std::vector<SrvRecord> services;       // of srv
  std::chrono::seconds ttl{0};
};

// More than so many addresses or services of one answer are left unread: 64 KiB of them would be
// thousands, and nobody tries so many.
inline constexpr size_t kMostRecords = 64;

// `status` is what c-ares says of the question, `message` the whole answer, if there is one.
DnsAnswer read_dns_answer(DnsType type, int status, std::span<const uint8_t> message);

// The least TTL in the answer section; nothing when it has no record or cannot be read. A TTL whose
// highest bit is set counts as 0 (RFC 2181 section 8).
std::optional<std::chrono::seconds> least_ttl(std::span<const uint8_t> message);

}  // namespace sluice::net
