// Freshness. Workers may check one entry at the same time; each stores what is true, in any order,
// so the loads and stores are relaxed: at worst the entry is checked once more.
#include "server/handler/files/file_entry.h"

#include <utility>

namespace sluice::handler {

namespace {

FileEntry::Facts tagged(FileEntry::Facts facts) {
  facts.wants_tag = false;
  return facts;
}

}  // namespace

FileEntry::FileEntry(std::string key, uint64_t scope, Ref<cache::Representation> representation,
                     Facts facts, net::Time now)
    : cache::Entry(std::move(key), std::move(representation), scope),
      facts_(std::move(facts)),
      windows_(facts_.windows > 0 ? std::make_unique<WindowNotes>(facts_.windows) : nullptr),
      checked_at_(now.time_since_epoch().count()),
      seen_(facts_.seen) {}

// The stamp's count is that of the opening: what changed since is looked at once more.
FileEntry::FileEntry(const FileEntry& before, Ref<cache::Representation> representation)
    : FileEntry(
          before.key(), before.scope(), std::move(representation), tagged(before.facts_),
          net::Time(net::Clock::duration(before.checked_at_.load(std::memory_order_relaxed)))) {}

bool FileEntry::checked_lately(net::Time now, std::chrono::milliseconds max_age) const noexcept {
  const net::Time checked{net::Clock::duration(checked_at_.load(std::memory_order_relaxed))};
  if (now - checked >= max_age) return false;
  return !facts_.stamp || facts_.stamp->changes() == seen_.load(std::memory_order_relaxed);
}

void FileEntry::mark_checked(net::Time now, uint32_t stamp_count) noexcept {
  seen_.store(stamp_count, std::memory_order_relaxed);
  checked_at_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
}

size_t FileEntry::footprint() const noexcept {
  const size_t notes = windows_ ? windows_->footprint() : 0;
  return cache::Entry::footprint() + sizeof(*this) - sizeof(cache::Entry) + facts_.path.capacity() +
         notes;
}

}  // namespace sluice::handler
