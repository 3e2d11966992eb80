// The ring's arithmetic. Positions are offsets below or at capacity_; see the header for what they
// mean.
#include "server/ops/log_ring.h"

#include <cassert>

namespace sluice::ops {

// Not make_unique: that would write zeros to a megabyte that an idle worker never needs.
LogRing::LogRing(size_t capacity) : capacity_(capacity), octets_(new char[capacity]) {
  assert(capacity > 0);
}

char* LogRing::reserve(size_t size) noexcept {
  const size_t write = write_.load(std::memory_order_relaxed);
  // What was seen of the consumer is kept: its cache line is fetched only when the room seems to be
  // short.
  for (bool fresh : {false, true}) {
    if (fresh) seen_read_ = read_.load(std::memory_order_acquire);
    const bool wrapped = write < seen_read_;
    if (wrapped ? seen_read_ - write > size : capacity_ - write >= size) {
      reserved_ = write;
      return octets_.get() + write;
    }
    if (!wrapped && seen_read_ > size) {
      reserved_ = 0;
      return octets_.get();
    }
  }
  return nullptr;
}

void LogRing::commit(size_t size) noexcept {
  const size_t write = write_.load(std::memory_order_relaxed);
  if (reserved_ != write) wrap_.store(write, std::memory_order_relaxed);
  assert(reserved_ + size <= capacity_);
  write_.store(reserved_ + size, std::memory_order_seq_cst);
}

size_t LogRing::used(size_t read) const noexcept {
  const size_t write = write_.load(std::memory_order_relaxed);
  return write >= read ? write - read : capacity_ - read + write;
}

bool LogRing::half_full() noexcept {
  if (used(seen_read_) * 2 < capacity_) return false;
  seen_read_ = read_.load(std::memory_order_acquire);
  return used(seen_read_) * 2 >= capacity_;
}

LogRing::Readable LogRing::readable() const noexcept {
  const size_t write = write_.load(std::memory_order_seq_cst);
  const size_t read = read_.load(std::memory_order_relaxed);
  const char* octets = octets_.get();
  if (write >= read) return {{octets + read, write - read}, {}};
  const size_t wrap = wrap_.load(std::memory_order_relaxed);
  return {{octets + read, wrap - read}, {octets, write}};
}

void LogRing::release(size_t size) noexcept {
  const Readable now = readable();
  assert(size <= now.size());
  const size_t read = read_.load(std::memory_order_relaxed);
  const bool into_second =
      size > now.first.size() || (size == now.first.size() && !now.second.empty());
  read_.store(into_second ? size - now.first.size() : read + size, std::memory_order_release);
}

}  // namespace sluice::ops
