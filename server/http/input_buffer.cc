// Where a block comes from, and when its octets move to another.
#include "server/http/input_buffer.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace sluice::http {

bool InputBuffer::make_room() {
  if (!block_) {
    ReadRoom room = next_room();
    block_ = std::move(room.block);
    begin_ = end_ = room.begin;
    large_ = false;
  }
  if (end_ < block_->capacity()) return true;
  const size_t kept = end_ - begin_;
  const bool outgrown = kept >= BlockPool::kBlockSize;
  Ref<Block> next = outgrown ? resources_.pool.acquire_large()
                    : wide_  ? resources_.pool.acquire_wide()
                             : resources_.pool.acquire();
  if (!next || kept >= next->capacity()) return false;
  move_into(std::move(next));
  large_ = outgrown;
  return true;
}

ReadRoom InputBuffer::next_room() {
  if (wide_) return {.block = resources_.pool.acquire_wide()};
  return of_ == Of::requests ? resources_.take_room() : ReadRoom{.block = resources_.read_block()};
}

net::ReadResult InputBuffer::read_from(net::Transport& transport, uint64_t most) {
  const size_t room = std::min<uint64_t>(block_->capacity() - end_, most);
  const net::ReadResult result = transport.read({block_->data() + end_, room});
  if (result.status == net::Io::failed) return result;
  end_ += static_cast<uint32_t>(result.octets);
  wide_ = result.octets > BlockPool::kBlockSize ||
          (result.octets == room && room == BlockPool::kBlockSize);
  fresh_ = result.octets > 0;
  return result;
}

Slice InputBuffer::take_look() noexcept {
  fresh_ = false;
  return Slice(Ref<Owner>(block_.get()), block_->data() + begin_, end_ - begin_);
}

void InputBuffer::leave_large_block() {
  const size_t kept = end_ - begin_;
  if (!block_ || !large_ || kept > BlockPool::kBlockSize / 2) return;
  move_into(resources_.pool.acquire());
  large_ = false;
}

void InputBuffer::move_into(Ref<Block> next) noexcept {
  const uint32_t kept = end_ - begin_;
  std::memcpy(next->data(), block_->data() + begin_, kept);
  block_ = std::move(next);
  begin_ = 0;
  end_ = kept;
}

void InputBuffer::release_if_empty() noexcept {
  if (!empty() || !block_) return;
  if (of_ == Of::requests && block_->capacity() == BlockPool::kBlockSize)
    resources_.give_back({.block = std::move(block_), .begin = end_});
  block_.reset();
}

void InputBuffer::clear() noexcept {
  block_.reset();
  begin_ = end_ = 0;
  fresh_ = false;
}

}  // namespace sluice::http
