// The way of log lines from a worker to the writer thread: a bounded ring of octets, one producer,
// one consumer.
//
// The problem: a worker must hand over a line of unknown length without a lock, an allocation or a
// second copy, and must learn at once when there is no room. So the producer reserves room in one
// piece for the longest that its line may become, renders into it, and commits what it used. A line
// never straddles the ring's end: when the room there is too short the line goes to the beginning,
// and `wrap_` says where the octets at the end stop.
// 1. Octets are readable only once committed: what the consumer sees are whole lines.
// 2. write_ is the producer's alone, read_ the consumer's. write_ < read_ means: the producer has
// wrapped.
// 3. The producer never makes write_ equal read_ by writing, so equal means empty.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string_view>

namespace sluice::ops {

class LogRing {
 public:
  // `capacity` in octets, at least 1. The memory is touched only as it is used.
  explicit LogRing(size_t capacity);
  LogRing(const LogRing&) = delete;
  LogRing& operator=(const LogRing&) = delete;

  // Producer. Room for `size` octets in one piece, or null when there is none. A second call
  // replaces the first.
  [[nodiscard]] char* reserve(size_t size) noexcept;
  // Producer. The first `size` octets of the room reserved last become readable. Ordered before
  // every later load of this thread (sequentially consistent), so that Bell can pair it with the
  // writer's look before it sleeps.
  void commit(size_t size) noexcept;
  // Producer. Whether the consumer is behind by half the capacity.
  [[nodiscard]] bool half_full() noexcept;

  // Consumer. What was committed, in order: all of `first`, then all of `second`. Valid until
  // release().
  struct Readable {
    std::string_view first;
    std::string_view second;
    size_t size() const noexcept { return first.size() + second.size(); }
  };
  [[nodiscard]] Readable readable() const noexcept;
  // Consumer. Gives back the first `size` octets of what is readable.
  void release(size_t size) noexcept;

  size_t capacity() const noexcept { return capacity_; }

 private:
  size_t used(size_t read) const noexcept;

  const size_t capacity_;
  const std::unique_ptr<char[]> octets_;
  // The producer's cache line: where it writes, what it last saw of the consumer.
  alignas(64) std::atomic<size_t> write_{0};
  size_t seen_read_ = 0;
  size_t reserved_ = 0;
  std::atomic<size_t> wrap_{0};  // published by the store to write_ that follows
  // The consumer's cache line.
  alignas(64) std::atomic<size_t> read_{0};
};

}  // namespace sluice::ops
