// The representations that all workers share: a sharded table under two budgets.
//
// A hit does not come here: each worker keeps an index of its own (worker_index.h) and learns of
// removals from a generation. Only a miss, a replacement or an eviction touches the table.
//
// Invariants:
//   1. An entry in the table is not dropped; one that left it is, for good, before the generation
//   moves.
//   2. bytes() and descriptors() are the sums over the table. An insert that goes over a budget
//   evicts down to 90 %
//      of it, in one batch, and moves the generation once.
//   3. Eviction is CLOCK (second chance): a hit only sets a bit, which the hand clears. New entries
//   start without
//      it, so that what is asked for once leaves first.
//   4. Keys belong to a scope: many sites share one table and its budgets, and none meets
//   another's.
// Knows no files and no time: what makes an entry stale is its deriver's matter. Any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cache/representation.h"
#include "protocol/owner.h"

namespace sluice::cache {

// A key in its scope, with its representation. Derive from it to keep what decides on freshness.
class Entry : public SharedOwner {
 public:
  Entry(std::string key, Ref<Representation> representation, uint64_t scope = 0)
      : key_(std::move(key)), scope_(scope), representation_(std::move(representation)) {}

  const std::string& key() const noexcept { return key_; }
  uint64_t scope() const noexcept { return scope_; }
  const Representation& representation() const noexcept { return *representation_; }
  // The table does not hold it any more: answer nothing new from it.
  bool dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }
  // Told at each hit. Stores only when the bit is clear, so that workers do not fight over the
  // cache line.
  void note_use() noexcept {
    if (!used_.load(std::memory_order_relaxed)) used_.store(true, std::memory_order_relaxed);
  }
  bool holds_descriptor() const noexcept { return representation_->file() != nullptr; }
  // Octets that the byte budget counts. Constant for an entry's life.
  virtual size_t footprint() const noexcept {
    return sizeof(*this) + key_.capacity() + representation_->footprint();
  }

 protected:
  ~Entry() override = default;

 private:
  friend class RepresentationStore;

  const std::string key_;
  const uint64_t scope_;
  const Ref<Representation> representation_;
  std::atomic<bool> used_{false};
  std::atomic<bool> dropped_{false};
};

class RepresentationStore {
 public:
  struct Budget {
    uint64_t bytes;
    uint64_t descriptors;  // entries that hold one open
  };

  explicit RepresentationStore(const Budget& budget) : budget_(budget) {}
  RepresentationStore(const RepresentationStore&) = delete;
  RepresentationStore& operator=(const RepresentationStore&) = delete;

  // The entry of this key, or null.
  Ref<Entry> find(std::string_view key, uint64_t scope = 0);
  // Puts `entry` in the place of its key; the one before is dropped. False, and nothing is changed
  // but that the one before is dropped, when a budget is too small for this entry alone. Requires:
  // it was never in a table.
  bool insert(Ref<Entry> entry);
  // Takes `entry` out, unless another has taken its place already.
  void drop(Entry& entry);
  void drop_all();
  // Drops what belongs to one scope. Walks the whole table.
  void drop_scope(uint64_t scope);
  // Gives up half of the descriptors, when the process has run out of them.
  void evict_descriptors();

  // Moves after entries were dropped in numbers: an index lets go of them then. Acquire: who sees a
  // new value sees the entries that it is about as dropped.
  uint64_t generation() const noexcept { return generation_.load(std::memory_order_acquire); }
  // Counts every drop, also those for which the generation did not move.
  uint64_t drops() const noexcept { return drops_.load(std::memory_order_acquire); }

  uint64_t bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }
  uint64_t descriptors() const noexcept { return descriptors_.load(std::memory_order_relaxed); }
  size_t entries();

 private:
  static constexpr size_t kShards = 16;

  // An entry's key in full; the text is the entry's own.
  struct Name {
    uint64_t scope;
    std::string_view key;
    bool operator==(const Name&) const = default;
  };
  struct NameHash {
    size_t operator()(const Name& name) const noexcept;
  };
  static Name name_of(const Entry& entry) noexcept { return {entry.scope(), entry.key()}; }

  // The ring is the clock's face; the table finds an entry's place in it.
  struct Shard {
    std::mutex mutex;
    std::unordered_map<Name, size_t, NameHash> places;
    std::vector<Ref<Entry>> ring;
    size_t hand = 0;
  };
  using Entries = std::vector<Ref<Entry>>;

  Shard& shard_of(const Name& name) noexcept;
  bool over(const Budget& budget) const noexcept;
  bool relieves(const Entry& entry, const Budget& target) const noexcept;
  void count(const Entry& entry, bool added) noexcept;
  void remove_at(Shard& shard, size_t place, Entries& removed);
  void replace(Shard& shard, const Name& name, Entries& removed);
  void evict(const Budget& target);
  void sweep(Shard& shard, const Budget& target, bool spare_used, Entries& removed);
  void announce(const Entries& removed, bool at_once);

  const Budget budget_;
  std::array<Shard, kShards> shards_;
  std::atomic<uint64_t> bytes_{0};
  std::atomic<uint64_t> descriptors_{0};
  std::atomic<uint64_t> generation_{1};
  std::atomic<uint64_t> drops_{0};
  std::atomic<uint64_t> unannounced_{0};  // octets dropped since the generation moved
  std::mutex evicting_;
  size_t next_shard_ = 0;  // where the next eviction starts; under evicting_
};

}  // namespace sluice::cache
