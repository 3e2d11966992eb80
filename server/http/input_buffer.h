// What an HTTP/1 connection has read and its codec has not consumed yet, on either side.
//
// Octets [begin, end) of one block. Mostly that is one of the worker's two, one for responses and
// one that requests share because their heads may wait, and is given back after the turn. A partial
// head keeps its block, and one that outgrows it moves once into a large one. Who fills a whole
// block at once, with content that is, is read into wide ones from then on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "protocol/block.h"
#include "protocol/slice.h"
#include "server/http/worker_resources.h"
#include "server/net/transport.h"

namespace sluice::http {

// Thread: the worker's. The resources outlive it.
class InputBuffer {
 public:
  // What it reads.
  enum class Of : uint8_t { requests, responses };

  InputBuffer(WorkerResources& resources, Of of) : resources_(resources), of_(of) {}

  bool empty() const noexcept { return begin_ == end_; }
  bool has_block() const noexcept { return static_cast<bool>(block_); }
  // It holds octets that were not given to the codec since they came, or since refresh().
  bool fresh() const noexcept { return fresh_; }
  // What follows a message is to be looked at anew.
  void refresh() noexcept { fresh_ = !empty(); }
  // Octets of memory that lie here.
  uint64_t held() const noexcept { return block_ ? block_->capacity() : 0; }

  // Makes sure that there is a block with room behind what is buffered. False when a head is too
  // large for the largest block, or there is none.
  [[nodiscard]] bool make_room();
  // One read, of at most `most` octets. Requires: make_room().
  net::ReadResult read_from(net::Transport& transport, uint64_t most);
  std::string_view view() const noexcept {
    return block_ ? std::string_view(block_->data() + begin_, end_ - begin_) : std::string_view();
  }
  // All that is buffered; not fresh any more. Requires: has_block().
  Slice take_look() noexcept;
  void consume(size_t octets) noexcept { begin_ += static_cast<uint32_t>(octets); }
  // What follows a large head goes on in an ordinary block: large ones are few, and only for heads.
  void leave_large_block();
  // Gives an empty block back, or the room behind what was read.
  void release_if_empty() noexcept;
  void clear() noexcept;

 private:
  ReadRoom next_room();
  void move_into(Ref<Block> next) noexcept;

  WorkerResources& resources_;
  const Of of_;
  Ref<Block> block_;  // null when nothing is buffered between turns
  uint32_t begin_ = 0;
  uint32_t end_ = 0;
  bool fresh_ = false;
  bool wide_ = false;   // the last read filled an ordinary block, or gave more than one holds
  bool large_ = false;  // the block is one that a head outgrew an ordinary one for
};

}  // namespace sluice::http
