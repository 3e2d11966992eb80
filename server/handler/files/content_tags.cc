// The table, and the clock that bounds it.
#include "server/handler/files/content_tags.h"

namespace sluice::handler {

std::optional<ContentTag> ContentTags::find(const FileIdentity& identity) {
  const std::lock_guard lock(mutex_);
  const auto found = kept_.find(identity);
  if (found == kept_.end()) return std::nullopt;
  found->second.used = true;
  return found->second.tag;
}

void ContentTags::keep(const FileIdentity& identity, const ContentTag& tag) {
  const std::lock_guard lock(mutex_);
  const auto found = kept_.find(identity);
  if (found != kept_.end()) {
    found->second.tag = tag;
    return;
  }
  make_room(identity);
  kept_.emplace(identity, Kept{.tag = tag});
}

// Gives the newcomer a place in the ring. Ends: each step clears a bit.
void ContentTags::make_room(const FileIdentity& newcomer) {
  if (ring_.size() < most_) {
    ring_.push_back(newcomer);
    return;
  }
  for (;; ++hand_) {
    if (hand_ >= ring_.size()) hand_ = 0;
    const auto here = kept_.find(ring_[hand_]);
    if (!here->second.used) {
      kept_.erase(here);
      ring_[hand_++] = newcomer;
      return;
    }
    here->second.used = false;
  }
}

size_t ContentTags::size() {
  const std::lock_guard lock(mutex_);
  return kept_.size();
}

}  // namespace sluice::handler
