// Why readers need no lock: a reader first acquires length_. Every segment that holds an octet
// below that length was linked before the length was released, and is never changed again. A
// segment's `next` is only read when the wanted octet lies behind the segment, so the one `next`
// that the writer may be storing right now is never looked at.
#include "protocol/shared_body.h"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace sluice {

// Unlinks one by one: the segments' own destructors would recurse as deep as the body is long.
SharedBody::~SharedBody() {
  while (first_) first_ = std::move(first_->next);
}

char* SharedBody::prepare(size_t size) {
  unpublished_ = std::make_unique<Segment>();
  unpublished_->data = std::make_unique_for_overwrite<char[]>(size);
  unpublished_->size = size;
  return unpublished_->data.get();
}

void SharedBody::publish() noexcept {
  assert(unpublished_);
  const size_t start = length_.load(std::memory_order_relaxed);  // only the writer stores it
  const size_t size = unpublished_->size;
  unpublished_->start = start;
  std::unique_ptr<Segment>& place = last_ != nullptr ? last_->next : first_;
  Segment* segment = unpublished_.get();
  place = std::move(unpublished_);
  last_ = segment;
  length_.store(start + size, std::memory_order_release);
}

void SharedBody::append(std::string_view octets) {
  if (octets.empty()) return;
  std::memcpy(prepare(octets.size()), octets.data(), octets.size());
  publish();
}

Slice SharedBody::read(Ref<Owner> handle, size_t offset, size_t max) const noexcept {
  assert(handle);
  if (max == 0 || offset >= length()) return {};
  const Segment* segment = first_.get();
  while (offset - segment->start >= segment->size) segment = segment->next.get();
  const size_t skipped = offset - segment->start;
  const size_t size = std::min(segment->size - skipped, max);
  return Slice(std::move(handle), segment->data.get() + skipped, size);
}

}  // namespace sluice
