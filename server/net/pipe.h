// Pipes through which content goes from one socket to another within the kernel: splice(2) moves
// pages where a read and a write copy every octet twice.
//
// Invariants:
//   1. What lies in a pipe are the octets of the chain nodes that pin it, in the order in which
//   these were appended; transports fill it and empty it, and say so.
//   2. Only an empty pipe is used again: octets of a node that was given up stay in theirs, and
//   end with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "protocol/chain.h"
#include "protocol/owner.h"
#include "server/net/descriptor.h"
#include "server/net/loop.h"

namespace sluice::net {

class PipePool;

// Thread: its pool's.
class Pipe final : public Owner {
 public:
  int read_end() const noexcept { return read_end_.get(); }
  int write_end() const noexcept { return write_end_.get(); }
  bool empty() const noexcept { return octets_ == 0; }

  void filled(size_t octets) noexcept { octets_ += octets; }
  // Appends the next `octets` of it, which have no node yet, to `content`, and pins it there.
  void append_to(Chain& content, size_t octets);
  // Wakes who waits for room.
  void emptied(uint64_t octets) noexcept;
  // It takes no more now. `task` is woken when it may; until forget() at the latest.
  void await_room(Loop& loop, Task& task) noexcept;
  void forget(const Task& task) noexcept;

 private:
  friend class PipePool;
  Pipe(PipePool& pool, Descriptor read_end, Descriptor write_end) noexcept;
  void on_unreferenced() noexcept override;

  PipePool& pool_;
  Descriptor read_end_;
  Descriptor write_end_;
  uint64_t octets_ = 0;
  Loop* loop_ = nullptr;
  Task* waiting_ = nullptr;
};

// Those of one worker. Must outlive every pipe that it gave out.
class PipePool {
 public:
  // `most`: that are in use at a time, by two descriptors each.
  explicit PipePool(const uint64_t& most) noexcept : most_(most) {}
  ~PipePool();
  PipePool(const PipePool&) = delete;
  PipePool& operator=(const PipePool&) = delete;

  // An empty one. Null when too many are in use, or the kernel has none: whoever asks copies then.
  Ref<Pipe> acquire();
  uint64_t in_use() const noexcept { return in_use_; }

 private:
  friend class Pipe;
  void give_back(Pipe& pipe) noexcept;

  const uint64_t& most_;
  uint64_t in_use_ = 0;
  std::vector<Pipe*> free_;
};

}  // namespace sluice::net
