// One worker's own view of the store: the hit path, without a lock and without an allocation.
//
// A pin holds the entry through a Handle, whose count is plain: slices in this worker's chains pin
// that handle, so the shared count is touched once per entry and worker, not once per response
// (DESIGN section 4).
//
// Invariants:
//   1. find() never gives a dropped entry.
//   2. After the store's generation moved, the next find() lets go of every dropped entry; those
//   dropped singly go
//      when they are asked for, or with sweep().
// Thread: the worker's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_map>

#include "cache/representation_store.h"
#include "protocol/headed_body.h"
#include "protocol/owner.h"

namespace sluice::cache {

// An entry held by one worker. `entry` lives as long as `handle` is pinned.
struct Pin {
  Entry* entry = nullptr;
  Ref<Handle> handle;
  Ref<HeadedBody> headed;  // this worker's copy of a small body, with room for a head; else null

  explicit operator bool() const noexcept { return entry != nullptr; }
};

// A pin of its own, for an entry that no index holds.
Pin pin(Ref<Entry> entry);

class WorkerIndex {
 public:
  // All that it adopts is of one scope: its keys are looked up without it.
  // Requires: the store outlives the index, and the index outlives no slice of this worker's chains
  // needlessly: slices pin handles by themselves.
  explicit WorkerIndex(RepresentationStore& store) : store_(store) {}
  WorkerIndex(const WorkerIndex&) = delete;
  WorkerIndex& operator=(const WorkerIndex&) = delete;

  // The pin of this key, or null. Valid until the index changes: copy the handle to keep it.
  const Pin* find(std::string_view key);
  // Remembers an entry that the store gave or took. Returns its pin.
  const Pin& adopt(Ref<Entry> entry);
  void forget(std::string_view key);
  // Lets go of dropped entries, if there may be any. For a timer, so that an idle worker pins
  // nothing for long.
  void sweep();
  // Drops, for every worker, the entries here that `stale` says true of.
  template <typename Predicate>
  void drop_if(Predicate stale) {
    std::erase_if(pins_, [&](const auto& item) {
      Entry& entry = *item.second.entry;
      if (entry.dropped() || !stale(entry)) return false;
      store_.drop(entry);
      return true;
    });
  }
  size_t size() const noexcept { return pins_.size(); }

 private:
  void let_go_of_dropped();

  RepresentationStore& store_;
  // Keys are views of the entries' own.
  std::unordered_map<std::string_view, Pin> pins_;
  uint64_t generation_ = 0;
  uint64_t drops_ = 0;
};

}  // namespace sluice::cache
