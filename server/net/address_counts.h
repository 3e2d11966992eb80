// How many connections each client address has, over all workers: what connections_per_address is
// compared with, and who makes room first when the house is full.
//
// An address stands for a client: an IPv4 address, or the /64 of an IPv6 address, which is what one
// subscriber is given. One client's connections are spread over all workers by the kernel, so a
// figure per worker would let it have a multiple.
//
// Why every connection is counted, also while connections_per_address is off: when the house is
// nearly full it is too late to begin, because whoever filled it came before. Counting is two short
// locks in a connection's life, when it is accepted and when it ends: 1.5 us together with 100,000
// addresses on a busy machine, beside half a dozen system calls. A request costs nothing.
//
// Invariants:
//   1. An entry exists while its address has a connection: the table is bounded by their number.
//   2. Addresses are spread over shards by a hash that nobody outside can foresee (AddressHash).
//   3. A shard keeps its entries in lists, one for each number of connections. Numbers change by
//      one, so the highest list that is not empty is known without searching.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

namespace sluice::net {

// An IPv4 address or an IPv6 /64 as one number; 0 for peers that have no address (Unix sockets),
// which are not counted.
using AddressBlock = uint64_t;
AddressBlock address_block(const sockaddr_storage& address) noexcept;

// For tables of addresses: seeded once for the process, so that nobody can choose addresses whose
// hashes meet.
struct AddressHash {
  size_t operator()(AddressBlock block) const noexcept;
};

class AddressCounts;

// One connection's place in the count of its address, from accept to end. Any thread; the counts
// outlive it.
class AddressSlot {
 public:
  AddressSlot() noexcept = default;
  AddressSlot(AddressCounts& counts, AddressBlock block);
  AddressSlot(AddressSlot&& other) noexcept
      : counts_(std::exchange(other.counts_, nullptr)),
        block_(other.block_),
        number_(other.number_) {}
  AddressSlot& operator=(AddressSlot&& other) noexcept {
    std::swap(counts_, other.counts_);
    std::swap(block_, other.block_);
    std::swap(number_, other.number_);
    return *this;
  }
  ~AddressSlot();

  // How many connections its address had with this one, when it came: of two that come at once one
  // is the later. 0 when it is not counted.
  uint64_t number() const noexcept { return number_; }
  // It turns out to be another address's connection: counted as that one's from now on.
  void count_as(AddressBlock block) {
    if (counts_ != nullptr) *this = AddressSlot(*counts_, block);
  }

 private:
  AddressCounts* counts_ = nullptr;
  AddressBlock block_ = 0;  // 0: not counted
  uint64_t number_ = 0;
};

// Any thread.
class AddressCounts {
 public:
  static constexpr size_t kShards = 16;

  AddressCounts();
  AddressCounts(const AddressCounts&) = delete;
  AddressCounts& operator=(const AddressCounts&) = delete;

  struct Holder {
    AddressBlock block = 0;
    uint64_t connections = 0;
  };
  // For each shard the address that holds most, the greatest number first: the first is the one
  // that holds most of all, the others are among those that come next. `connections` is 0 for
  // shards without entries.
  std::array<Holder, kShards> heaviest() const;

 private:
  friend class AddressSlot;
  struct Entry {
    AddressBlock block = 0;
    size_t connections = 0;
    Entry* previous = nullptr;
    Entry* next = nullptr;
  };
  // A cache line of its own: workers lock different ones at the same time.
  struct alignas(64) Shard {
    void unlink(Entry& entry) noexcept;
    void link(Entry& entry);
    mutable std::mutex mutex;
    std::unordered_map<AddressBlock, Entry, AddressHash> entries;
    std::vector<Entry*> by_count;  // [n]: the first entry with n connections
    size_t most = 0;               // the highest n with an entry
  };

  Shard& shard_of(AddressBlock block) noexcept;
  uint64_t enter(AddressBlock block);
  void leave(AddressBlock block) noexcept;

  std::unique_ptr<std::array<Shard, kShards>> shards_;
};

}  // namespace sluice::net
