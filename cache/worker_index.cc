// A worker's index of pinned entries.
#include "cache/worker_index.h"

#include <utility>

namespace sluice::cache {

Pin pin(Ref<Entry> entry) {
  Entry* target = entry.get();
  return {target, Ref<Handle>(new Handle(Ref<SharedOwner>::adopt(entry.detach()))), {}};
}

namespace {

// For an entry that will be sent often: an index has it.
Ref<HeadedBody> headed_copy(const Pin& pin) {
  const SharedBody* body = pin.entry->representation().body();
  if (body == nullptr || body->length() > HeadedBody::kLargestBody) return {};
  const Slice whole = body->read(Ref<Owner>(pin.handle.get()), 0, body->length());
  if (whole.empty() || whole.size() != body->length()) return {};
  return Ref<HeadedBody>(new HeadedBody(whole.view()));
}

}  // namespace

const Pin* WorkerIndex::find(std::string_view key) {
  const uint64_t generation = store_.generation();
  if (generation != generation_) {
    generation_ = generation;
    let_go_of_dropped();
  }
  const auto found = pins_.find(key);
  if (found == pins_.end()) return nullptr;
  if (found->second.entry->dropped()) {
    pins_.erase(found);
    return nullptr;
  }
  found->second.entry->note_use();
  return &found->second;
}

const Pin& WorkerIndex::adopt(Ref<Entry> entry) {
  forget(entry->key());  // the key in the table is a view of the entry's: both go, both come
  Pin made = pin(std::move(entry));
  made.headed = headed_copy(made);
  const std::string_view key = made.entry->key();
  return pins_.emplace(key, std::move(made)).first->second;
}

void WorkerIndex::forget(std::string_view key) {
  const auto found = pins_.find(key);
  if (found != pins_.end()) pins_.erase(found);
}

void WorkerIndex::sweep() {
  if (drops_ != store_.drops()) let_go_of_dropped();
}

void WorkerIndex::let_go_of_dropped() {
  drops_ = store_.drops();  // before the walk: what is dropped during it is met by the next one
  std::erase_if(pins_, [](const auto& item) { return item.second.entry->dropped(); });
}

}  // namespace sluice::cache
