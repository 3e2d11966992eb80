// Counting by address: sixteen small tables, each with its lock.
#include "server/net/address_counts.h"

#include <netinet/in.h>
#include <sys/random.h>

#include <algorithm>
#include <cassert>
#include <cstring>

namespace sluice::net {

namespace {

// Keys of IPv4 addresses lie where no IPv6 /64 is assigned (RFC 4291 §2.5.5: that range begins with
// 80 bits of zero).
constexpr AddressBlock kIpv4 = AddressBlock{0xffff} << 32;

AddressBlock block_of(const in_addr& address) noexcept { return kIpv4 | ntohl(address.s_addr); }

AddressBlock block_of(const in6_addr& address) noexcept {
  if (IN6_IS_ADDR_V4MAPPED(&address)) {
    in_addr mapped;
    std::memcpy(&mapped, &address.s6_addr[12], sizeof mapped);
    return block_of(mapped);
  }
  AddressBlock high = 0;
  for (size_t i = 0; i < 8; ++i) high = high << 8 | address.s6_addr[i];
  return high == 0 ? 1 : high;  // ::1, for one
}

// Without randomness the tables are only easier to attack: where the stack lies will do.
uint64_t random_seed() noexcept {
  uint64_t seed = 0;
  if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) == sizeof seed) return seed;
  seed = reinterpret_cast<uintptr_t>(&seed);
  return seed;
}

}  // namespace

AddressBlock address_block(const sockaddr_storage& address) noexcept {
  if (address.ss_family == AF_INET) {
    return block_of(reinterpret_cast<const sockaddr_in&>(address).sin_addr);
  }
  if (address.ss_family == AF_INET6) {
    return block_of(reinterpret_cast<const sockaddr_in6&>(address).sin6_addr);
  }
  return 0;
}

size_t AddressHash::operator()(AddressBlock block) const noexcept {
  static const uint64_t seed = random_seed();
  // The finaliser of splitmix64, twice, with the secret before and between.
  uint64_t mixed = block ^ seed;
  for (int round = 0; round < 2; ++round) {
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9ULL;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebULL;
    mixed = (mixed ^ mixed >> 31) + seed;
  }
  return mixed;
}

// Takes an entry off the list of its present number.
void AddressCounts::Shard::unlink(Entry& entry) noexcept {
  if (entry.previous != nullptr) {
    entry.previous->next = entry.next;
  } else {
    by_count[entry.connections] = entry.next;
  }
  if (entry.next != nullptr) entry.next->previous = entry.previous;
  entry.previous = entry.next = nullptr;
}

void AddressCounts::Shard::link(Entry& entry) {
  Entry*& first = by_count[entry.connections];
  entry.next = first;
  if (first != nullptr) first->previous = &entry;
  first = &entry;
}

AddressCounts::AddressCounts() : shards_(std::make_unique<std::array<Shard, kShards>>()) {}

// By the top bits: a table's buckets are chosen by the low ones.
AddressCounts::Shard& AddressCounts::shard_of(AddressBlock block) noexcept {
  static_assert(kShards == 16);
  return (*shards_)[AddressHash()(block) >> 60];
}

uint64_t AddressCounts::enter(AddressBlock block) {
  Shard& shard = shard_of(block);
  const std::lock_guard lock(shard.mutex);
  Entry& entry = shard.entries[block];
  const size_t connections = entry.connections + 1;
  if (connections >= shard.by_count.size()) shard.by_count.resize(connections + 1);
  entry.block = block;
  if (entry.connections > 0) shard.unlink(entry);
  entry.connections = connections;
  shard.link(entry);
  shard.most = std::max(shard.most, connections);
  return connections;
}

void AddressCounts::leave(AddressBlock block) noexcept {
  Shard& shard = shard_of(block);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.entries.find(block);
  assert(found != shard.entries.end());
  Entry& entry = found->second;
  shard.unlink(entry);
  // If it was the only one with the highest number, it has the highest number still.
  if (shard.by_count[entry.connections] == nullptr && shard.most == entry.connections) --shard.most;
  if (--entry.connections > 0) {
    shard.link(entry);
  } else {
    shard.entries.erase(found);
  }
}

std::array<AddressCounts::Holder, AddressCounts::kShards> AddressCounts::heaviest() const {
  std::array<Holder, kShards> holders{};
  for (size_t i = 0; i < kShards; ++i) {
    const Shard& shard = (*shards_)[i];
    const std::lock_guard lock(shard.mutex);
    if (shard.most > 0) holders[i] = {shard.by_count[shard.most]->block, shard.most};
  }
  std::sort(holders.begin(), holders.end(),
            [](const Holder& a, const Holder& b) { return a.connections > b.connections; });
  return holders;
}

AddressSlot::AddressSlot(AddressCounts& counts, AddressBlock block)
    : counts_(&counts), block_(block), number_(block != 0 ? counts.enter(block) : 0) {}

AddressSlot::~AddressSlot() {
  if (counts_ != nullptr && block_ != 0) counts_->leave(block_);
}

}  // namespace sluice::net
