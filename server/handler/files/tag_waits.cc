// The helper's job, and who waits for it.
#include "server/handler/files/tag_waits.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <utility>

namespace sluice::handler {

// Between the exchanges and the job; either may end first. Touched on the loop's thread only, but
// for what is const and `wanted`.
struct TagWaits::Wait final : SharedOwner {
  Wait(TagWaits* its_owner, Ref<FileEntry> its_entry)
      : owner(its_owner), entry(std::move(its_entry)) {}

  bool is_for(const FileEntry& other) const noexcept {
    return wanted.load(std::memory_order_relaxed) && entry->key() == other.key() &&
           entry->identity() == other.identity();
  }

  TagWaits* owner;  // null when it ended
  const Ref<FileEntry> entry;
  std::vector<http::Exchange*> exchanges;
  std::atomic<bool> wanted{true};
};

class TagWaits::Job final : public net::Job {
 public:
  Job(Ref<Wait> wait, ContentTags& tags) : wait_(std::move(wait)), tags_(tags) {}

  void perform() override {
    const FileEntry& entry = *wait_->entry;
    const FileHash hash =
        hash_file(entry.representation().file()->descriptor(), entry.identity(), wait_->wanted);
    outcome_ = hash.outcome;
    if (outcome_ == FileHash::Outcome::done) tags_.keep(entry.identity(), hash.tag);
  }

  void deliver() override {
    if (wait_->owner != nullptr) wait_->owner->finish(*wait_, outcome_);
  }

 private:
  const Ref<Wait> wait_;
  ContentTags& tags_;
  FileHash::Outcome outcome_ = FileHash::Outcome::failed;
};

TagWaits::TagWaits(Client& client, const FileReading& reading, ContentTags& tags)
    : client_(client), reading_(reading), tags_(tags) {}

TagWaits::~TagWaits() {
  for (const Ref<Wait>& wait : waits_) {
    wait->owner = nullptr;
    wait->wanted.store(false, std::memory_order_relaxed);
  }
}

bool TagWaits::add(http::Exchange& exchange, Ref<FileEntry> entry) {
  const auto same =
      std::ranges::find_if(waits_, [&](const Ref<Wait>& wait) { return wait->is_for(*entry); });
  if (same != waits_.end()) {
    (*same)->exchanges.push_back(&exchange);
    return true;
  }
  if (waits_.size() >= reading_.limits.etag_queue) return false;
  Ref<Wait> wait = Ref<Wait>::adopt(new Wait(this, std::move(entry)));
  wait->exchanges.push_back(&exchange);
  auto job = std::make_unique<Job>(wait, tags_);
  if (!reading_.helpers.submit(std::move(job), reading_.loop)) return false;
  waits_.push_back(std::move(wait));
  return true;
}

// A reading that nobody waits for any more ends at the next chunk, and takes no newcomers.
void TagWaits::cancel(http::Exchange& exchange) {
  for (const Ref<Wait>& wait : waits_) {
    if (std::erase(wait->exchanges, &exchange) == 0) continue;
    if (wait->exchanges.empty()) wait->wanted.store(false, std::memory_order_relaxed);
    return;
  }
}

// Responding only wakes a stream, so that no exchange ends while the others are told. One that is
// restarted may wait again, in a wait of its own.
void TagWaits::finish(Wait& wait, FileHash::Outcome outcome) {
  const Ref<Wait> pinned(&wait);
  std::erase_if(waits_, [&](const Ref<Wait>& other) { return other.get() == &wait; });
  for (http::Exchange* exchange : std::exchange(wait.exchanges, {})) {
    client_.on_hashed(*exchange, *wait.entry, outcome);
  }
}

}  // namespace sluice::handler
