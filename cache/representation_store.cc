// The table's shards, and the clock that keeps them within budget.
#include "cache/representation_store.h"

#include <algorithm>
#include <functional>

namespace sluice::cache {

namespace {

// A replaced entry's bytes may stay pinned by the indexes of workers that do not ask for its key.
// When a tenth of the budget has piled up like that, the generation moves, though a sweep costs
// each worker a walk over its index.
constexpr uint64_t kUnannouncedShare = 10;

RepresentationStore::Budget lower_mark(const RepresentationStore::Budget& budget) noexcept {
  return {budget.bytes - budget.bytes / 10, budget.descriptors - budget.descriptors / 10};
}

}  // namespace

// Scopes are counted from zero: spread over all bits, so that they move a name to another shard.
size_t RepresentationStore::NameHash::operator()(const Name& name) const noexcept {
  return std::hash<std::string_view>()(name.key) ^ (name.scope * 0x9E3779B97F4A7C15);
}

RepresentationStore::Shard& RepresentationStore::shard_of(const Name& name) noexcept {
  const size_t hash = NameHash()(name);
  return shards_[(hash >> 48) % kShards];  // the tables themselves use the low bits
}

bool RepresentationStore::over(const Budget& budget) const noexcept {
  return bytes() > budget.bytes || descriptors() > budget.descriptors;
}

// Whether dropping `entry` helps: when only descriptors are short, one without is left alone.
bool RepresentationStore::relieves(const Entry& entry, const Budget& target) const noexcept {
  return bytes() > target.bytes || entry.holds_descriptor();
}

void RepresentationStore::count(const Entry& entry, bool added) noexcept {
  const uint64_t octets = entry.footprint();
  const uint64_t descriptor = entry.holds_descriptor() ? 1 : 0;
  if (added) {
    bytes_.fetch_add(octets, std::memory_order_relaxed);
    descriptors_.fetch_add(descriptor, std::memory_order_relaxed);
  } else {
    bytes_.fetch_sub(octets, std::memory_order_relaxed);
    descriptors_.fetch_sub(descriptor, std::memory_order_relaxed);
  }
}

Ref<Entry> RepresentationStore::find(std::string_view key, uint64_t scope) {
  const Name name{scope, key};
  Shard& shard = shard_of(name);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.places.find(name);
  if (found == shard.places.end()) return {};
  Ref<Entry> entry = shard.ring[found->second];
  entry->note_use();
  return entry;
}

// Takes the entry at `place` out of the shard, whose lock the caller holds, and hands it to
// `removed`, which is to be emptied without the lock: the last reference may close a file.
void RepresentationStore::remove_at(Shard& shard, size_t place, Entries& removed) {
  removed.push_back(std::move(shard.ring[place]));
  Entry& entry = *removed.back();
  shard.places.erase(name_of(entry));
  if (place + 1 != shard.ring.size()) {
    shard.ring[place] = std::move(shard.ring.back());
    shard.places[name_of(*shard.ring[place])] = place;
  }
  shard.ring.pop_back();
  count(entry, false);
  entry.dropped_.store(true, std::memory_order_relaxed);
}

void RepresentationStore::replace(Shard& shard, const Name& name, Entries& removed) {
  const auto found = shard.places.find(name);
  if (found != shard.places.end()) remove_at(shard, found->second, removed);
}

bool RepresentationStore::insert(Ref<Entry> entry) {
  const bool fits = entry->footprint() <= budget_.bytes &&
                    (!entry->holds_descriptor() || budget_.descriptors > 0);
  const Name name = name_of(*entry);
  Shard& shard = shard_of(name);
  Entries removed;
  {
    const std::lock_guard lock(shard.mutex);
    replace(shard, name, removed);
    if (fits) {
      count(*entry, true);
      shard.places.emplace(name, shard.ring.size());
      shard.ring.push_back(std::move(entry));
    }
  }
  announce(removed, false);
  if (over(budget_)) evict(lower_mark(budget_));
  return fits;
}

void RepresentationStore::drop(Entry& entry) {
  const Name name = name_of(entry);
  Shard& shard = shard_of(name);
  Entries removed;
  {
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.places.find(name);
    if (found == shard.places.end() || shard.ring[found->second].get() != &entry) return;
    remove_at(shard, found->second, removed);
  }
  announce(removed, false);
}

void RepresentationStore::drop_all() {
  Entries removed;
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    while (!shard.ring.empty()) remove_at(shard, shard.ring.size() - 1, removed);
    shard.hand = 0;
  }
  announce(removed, true);
}

void RepresentationStore::drop_scope(uint64_t scope) {
  Entries removed;
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    // Backwards: what fills a removed entry's place was looked at already.
    for (size_t place = shard.ring.size(); place-- > 0;) {
      if (shard.ring[place]->scope() == scope) remove_at(shard, place, removed);
    }
  }
  announce(removed, true);
}

void RepresentationStore::evict_descriptors() { evict({budget_.bytes, descriptors() / 2}); }

// Goes round the shards, an eighth of a clock face at each visit, until the target is met: once
// round to clear the bits, once to take what was not used since. What busy workers keep marking
// goes in a third round, so that a budget holds whatever happens.
void RepresentationStore::evict(const Budget& target) {
  Entries removed;
  {
    const std::lock_guard evicting(evicting_);
    for (size_t visits = 0; visits < 100 * kShards && over(target); ++visits) {
      Shard& shard = shards_[next_shard_++ % kShards];
      const std::lock_guard lock(shard.mutex);
      sweep(shard, target, visits < 20 * kShards, removed);
    }
  }
  announce(removed, true);
}

void RepresentationStore::sweep(Shard& shard, const Budget& target, bool spare_used,
                                Entries& removed) {
  for (size_t steps = shard.ring.size() / 8 + 1; steps > 0 && over(target); --steps) {
    if (shard.ring.empty()) return;
    if (shard.hand >= shard.ring.size()) shard.hand = 0;
    Entry& entry = *shard.ring[shard.hand];
    const bool used = entry.used_.exchange(false, std::memory_order_relaxed);
    if (!relieves(entry, target) || (used && spare_used)) {
      ++shard.hand;
    } else {
      remove_at(shard, shard.hand, removed);  // the hand now points at what came in its place
    }
  }
}

void RepresentationStore::announce(const Entries& removed, bool at_once) {
  if (removed.empty()) return;
  uint64_t octets = 0;
  for (const Ref<Entry>& entry : removed) octets += entry->footprint();
  const uint64_t waiting = unannounced_.fetch_add(octets, std::memory_order_relaxed) + octets;
  if (at_once || waiting > budget_.bytes / kUnannouncedShare) {
    unannounced_.store(0, std::memory_order_relaxed);
    generation_.fetch_add(1, std::memory_order_release);
  }
  drops_.fetch_add(removed.size(), std::memory_order_release);
}

size_t RepresentationStore::entries() {
  size_t sum = 0;
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    sum += shard.ring.size();
  }
  return sum;
}

}  // namespace sluice::cache
