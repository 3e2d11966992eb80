// The memory a worker reads into and renders heads into.
//
// Invariants:
//   1. A block belongs to one worker's pool and never leaves its thread.
//   2. A block nobody references lies in the pool; the pool keeps a few and frees the rest.
//   3. A large block (a head that outgrew an ordinary one) is a class of its own, bounded in
//   number, so that slow heads cannot take all memory.
//   4. A wide block (content that comes faster than ordinary ones hold) is not counted: whoever
//   reads content bounds how much of it waits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "protocol/owner.h"
#include "protocol/slice.h"

namespace sluice {

class BlockPool;

class Block final : public Owner {
 public:
  char* data() noexcept { return data_; }
  size_t capacity() const noexcept { return capacity_; }

 private:
  friend class BlockPool;
  enum class Kind : uint8_t { ordinary, wide, large };
  Block(BlockPool& pool, Kind kind, size_t capacity);
  ~Block() override;
  void on_unreferenced() noexcept override;

  BlockPool& pool_;
  char* data_;
  size_t capacity_;
  Kind kind_;
};

// Owns the free blocks of one worker. Must outlive every block it gave out.
class BlockPool {
 public:
  static constexpr size_t kBlockSize = size_t{16} * 1024;
  static constexpr size_t kLargeBlockSize = size_t{64} * 1024;
  // 64 KiB of content with the head before it come in one read, and leave in one write.
  static constexpr size_t kWideBlockSize = size_t{80} * 1024;

  explicit BlockPool(size_t max_large_blocks = 256);
  ~BlockPool();
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  // A block of kBlockSize. Never fails (out of memory aborts).
  Ref<Block> acquire() noexcept;
  // A block of kLargeBlockSize, or null when max_large_blocks are in use.
  Ref<Block> acquire_large() noexcept;

  // A block of kWideBlockSize for content. Never fails.
  Ref<Block> acquire_wide() noexcept;

  // Room for `size` octets (at most kBlockSize) to render into, valid until the next reserve or
  // commit. Successive commits lie side by side in one block, so that slices of one turn merge into
  // one iovec.
  std::span<char> reserve(size_t size) noexcept;
  // The first `size` octets of what was reserved, as a slice that pins the block.
  Slice commit(size_t size) noexcept;

  // Blocks, large ones too, that somebody outside the pool pins.
  size_t blocks_in_use() const noexcept;

 private:
  friend class Block;
  void give_back(Block& block) noexcept;
  void rewind_output() noexcept;

  std::vector<Block*> free_;
  std::vector<Block*> free_wide_;
  Ref<Block> output_;
  size_t output_used_ = 0;
  size_t reserved_ = 0;
  size_t in_use_ = 0;
  size_t large_in_use_ = 0;
  size_t max_large_blocks_;
};

}  // namespace sluice
