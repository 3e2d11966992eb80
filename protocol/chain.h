// The buffer chain: what is to be sent, as a list of memory slices and file ranges, without copying
// either.
//
// Invariants:
//   1. A node is memory or a file range (or what lies in a pipe), never empty, and pins what it
//   shows through one Owner.
//   2. size() and held() are sums over the nodes.
//   3. Only a transport resolves a node: writev for memory, sendfile for a range, splice for a
//   pipe. This file knows no system call.
//   4. Nodes come from a free list of the thread; a chain never leaves its thread.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "protocol/owner.h"
#include "protocol/slice.h"

namespace sluice {

// Part of an open file, or the next octets of a pipe, whose `offset` says nothing. `descriptor`
// stays open while the node's owner is pinned.
struct FileRange {
  int descriptor;
  uint64_t offset;
  uint64_t size;
  bool is_pipe = false;
};

class Chain {
 public:
  Chain() noexcept = default;
  Chain(Chain&& other) noexcept;
  Chain& operator=(Chain&& other) noexcept;
  ~Chain() { clear(); }

  uint64_t size() const noexcept { return size_; }
  bool empty() const noexcept { return first_ == nullptr; }
  size_t nodes() const noexcept { return nodes_; }
  // Octets of memory that the chain keeps from being used otherwise, from above: its nodes, and
  // what they show. A larger piece is charged with the block that it may pin alone; small ones lie
  // side by side, or are copied when they wait (unpin_small). File ranges and static octets cost
  // their node.
  uint64_t held() const noexcept { return held_; }

  // Appends; an empty slice or range is ignored. A slice that continues the last node's octets
  // under the same owner extends that node, so that heads rendered side by side leave as one iovec.
  void append(Slice slice);
  // Appends `size` octets that lie behind `room` writable ones of the same owner. If the last node
  // is memory and fits there, its octets are copied in front and both become one node: a head and a
  // small body leave in one piece.
  void append_with_room(Ref<Owner> owner, char* octets, size_t size, size_t room);
  void append_static(std::string_view text) { append(Slice::of_static(text)); }
  void append_file(Ref<Owner> owner, const FileRange& range);
  // Takes all nodes of `other`, which is empty afterwards.
  void append(Chain&& other) noexcept;

  // Moves the first `octets` (at most size()) to the end of `out`; the node at the cut is shared by
  // both.
  void split(uint64_t octets, Chain& out);
  // Forgets the first `octets` (at most size()) and unpins what they alone held.
  void drain(uint64_t octets) noexcept;
  void clear() noexcept;

  // Describes the leading memory nodes, up to `max` octets, for one writev. Returns how many
  // entries were filled; 0 when the chain is empty or starts with a file range.
  size_t to_iovec(std::span<iovec> out, uint64_t max) const noexcept;
  // The leading node when it is a file range, else null. Valid until the chain changes.
  const FileRange* front_file() const noexcept;
  // What the leading node pins; may be null. Requires: not empty.
  Owner* front_owner() const noexcept;
  // The leading node when it is memory, else an empty view.
  std::string_view front_memory() const noexcept;

  // Copies memory nodes under `limit` octets out of their blocks, so that what merely waits for a
  // slow peer does not pin a whole block (DESIGN: "copies are stated").
  void unpin_small(size_t limit);

  // All memory, flattened. For tests and small bodies. Requires: no file ranges.
  std::string to_string() const;

 private:
  struct Node;
  static Node* allocate_node();
  static void free_node(Node* node) noexcept;
  void push(Node* node) noexcept;
  Node* unlink_first() noexcept;
  void pop() noexcept;
  template <typename Change>
  void change(Node& node, Change by) noexcept;

  Node* first_ = nullptr;
  Node* last_ = nullptr;
  uint64_t size_ = 0;
  uint64_t held_ = 0;
  size_t nodes_ = 0;
};

}  // namespace sluice
