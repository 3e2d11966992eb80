// Addresses become 16 octets and are compared bit by bit.
#include "server/http/trusted_peers.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>

namespace sluice::http {
namespace {

using Octets = std::array<uint8_t, 16>;

std::optional<Octets> octets_of(const char* address) noexcept {
  Octets octets{};
  if (::inet_pton(AF_INET6, address, octets.data()) == 1) return octets;
  octets = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (::inet_pton(AF_INET, address, octets.data() + 12) == 1) return octets;
  return std::nullopt;
}

bool contains(const conf::AddressBlock& block, const Octets& address) noexcept {
  const size_t whole = block.bits / 8U;
  if (std::memcmp(block.address.data(), address.data(), whole) != 0) return false;
  const unsigned rest = block.bits % 8U;
  if (rest == 0) return true;
  const auto mask = static_cast<uint8_t>(0xffU << (8U - rest));
  return ((block.address[whole] ^ address[whole]) & mask) == 0;
}

}  // namespace

bool is_trusted(const std::vector<conf::AddressBlock>& blocks, const char* address) noexcept {
  if (blocks.empty()) return false;
  if (std::string_view(address).starts_with("unix:")) return true;
  const std::optional<Octets> octets = octets_of(address);
  return octets && std::any_of(blocks.begin(), blocks.end(), [&](const conf::AddressBlock& block) {
           return contains(block, *octets);
         });
}

}  // namespace sluice::http
