// The block pool. A worker that answers one small request a turn uses two blocks over and over: the
// one it reads into and the one it renders into, so both stay in the processor's nearest cache.
//
// Under sanitizers (SLUICE_SANITIZED) no block is used twice: a freed one goes back to the
// allocator, which then sees every access through a stale slice. (But of blocks that requests
// share, server/http/worker_resources.h, only when the last of them is over.)
#include "protocol/block.h"

#include <algorithm>

namespace sluice {

namespace {

#ifdef SLUICE_SANITIZED
constexpr size_t kKeptBlocks = 0;
constexpr size_t kKeptWide = 0;
#else
constexpr size_t kKeptBlocks =
    32;  // 512 KiB a worker: a burst of partial heads does not go to the allocator
constexpr size_t kKeptWide = 8;  // as much again
#endif

}  // namespace

Block::Block(BlockPool& pool, Kind kind, size_t capacity)
    : pool_(pool),
      data_(static_cast<char*>(::operator new(capacity))),
      capacity_(capacity),
      kind_(kind) {}

Block::~Block() { ::operator delete(static_cast<void*>(data_)); }

void Block::on_unreferenced() noexcept { pool_.give_back(*this); }

BlockPool::BlockPool(size_t max_large_blocks) : max_large_blocks_(max_large_blocks) {
  free_.reserve(kKeptBlocks);  // so that give_back never allocates
  free_wide_.reserve(kKeptWide);
}

BlockPool::~BlockPool() {
  output_.reset();
  assert(in_use_ == 0 && large_in_use_ == 0);
  for (Block* block : free_) delete block;
  for (Block* block : free_wide_) delete block;
}

Ref<Block> BlockPool::acquire() noexcept {
  ++in_use_;
  if (free_.empty()) return Ref<Block>(new Block(*this, Block::Kind::ordinary, kBlockSize));
  Block* block = free_.back();  // the one used last, which is the one still in the cache
  free_.pop_back();
  return Ref<Block>(block);
}

Ref<Block> BlockPool::acquire_large() noexcept {
  if (large_in_use_ >= max_large_blocks_) return {};
  ++in_use_;
  ++large_in_use_;
  return Ref<Block>(new Block(*this, Block::Kind::large, kLargeBlockSize));
}

Ref<Block> BlockPool::acquire_wide() noexcept {
  ++in_use_;
  if (free_wide_.empty()) return Ref<Block>(new Block(*this, Block::Kind::wide, kWideBlockSize));
  Block* block = free_wide_.back();
  free_wide_.pop_back();
  return Ref<Block>(block);
}

void BlockPool::give_back(Block& block) noexcept {
  assert(in_use_ > 0);
  --in_use_;
  if (block.kind_ == Block::Kind::large) --large_in_use_;
  const bool wide = block.kind_ == Block::Kind::wide;
  std::vector<Block*>& kept = wide ? free_wide_ : free_;
  if (block.kind_ != Block::Kind::large && kept.size() < (wide ? kKeptWide : kKeptBlocks)) {
    kept.push_back(&block);
  } else {
    delete &block;
  }
}

// An output block that only the pool pins starts again at its beginning. (With sanitizers, a fresh
// one does.)
void BlockPool::rewind_output() noexcept {
  if (output_->use_count() != 1) return;
  output_used_ = 0;
#ifdef SLUICE_SANITIZED
  output_ = acquire();
#endif
}

std::span<char> BlockPool::reserve(size_t size) noexcept {
  assert(size <= kBlockSize);
  if (output_) rewind_output();
  if (!output_ || kBlockSize - output_used_ < size) {
    output_ = acquire();
    output_used_ = 0;
  }
  reserved_ = size;
  return {output_->data() + output_used_, size};
}

Slice BlockPool::commit(size_t size) noexcept {
  assert(size <= reserved_);
  reserved_ = 0;
  if (size == 0) return {};
  Slice slice(Ref<Owner>(output_.get()), output_->data() + output_used_, size);
  output_used_ += size;
  return slice;
}

size_t BlockPool::blocks_in_use() const noexcept {
  const bool output_is_idle = output_ && output_->use_count() == 1;
  return in_use_ - (output_is_idle ? 1 : 0);
}

}  // namespace sluice
