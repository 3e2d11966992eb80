// A stored body that several workers send at once, possibly while it is still being filled.
//
// Exact-size segments, append-only. One thread at a time appends; readers see the first length()
// octets and nothing else: the length is published after the octets it covers. A worker reads
// through a Handle (owner.h).
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string_view>

#include "protocol/owner.h"
#include "protocol/slice.h"

namespace sluice {

class SharedBody final : public SharedOwner {
 public:
  SharedBody() = default;

  // Appends a segment of exactly `size` octets that the caller fills before it publishes them.
  // Thread: one writer at a time. Returns the memory to write into; publish() makes it readable. A
  // segment that was not published when the next one is prepared is dropped.
  char* prepare(size_t size);
  void publish() noexcept;
  void append(std::string_view octets);

  // Octets that may be read. Any thread.
  size_t length() const noexcept { return length_.load(std::memory_order_acquire); }

  // The longest contiguous run that starts at `offset`, at most `max` octets; empty at length().
  // `handle` must be a Handle on this body. Any thread (the handle's).
  Slice read(Ref<Owner> handle, size_t offset, size_t max) const noexcept;

 private:
  struct Segment {
    std::unique_ptr<char[]> data;
    size_t size = 0;
    size_t start = 0;
    std::unique_ptr<Segment> next;
  };
  ~SharedBody() override;

  std::unique_ptr<Segment> first_;
  Segment* last_ = nullptr;
  std::unique_ptr<Segment> unpublished_;
  std::atomic<size_t> length_{0};
};

}  // namespace sluice
