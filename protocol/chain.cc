// The buffer chain: a singly linked list whose nodes a thread uses over and over.
//
// Under sanitizers (SLUICE_SANITIZED) nodes come from and go to the allocator, so that a use after
// free is seen.
#include "protocol/chain.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "protocol/block.h"

namespace sluice {

// `data` is null for a file range.
struct Chain::Node {
  Node* next = nullptr;
  Ref<Owner> owner;
  const char* data = nullptr;
  size_t size = 0;
  FileRange range{};
  uint64_t held = 0;  // see cost()

  bool is_file() const noexcept { return data == nullptr; }
  uint64_t octets() const noexcept { return is_file() ? range.size : size; }
  // What held() counts for it. A node of which a part was sent keeps what it cost: its owner still
  // pins the whole.
  uint64_t cost() const noexcept {
    static constexpr size_t kSmall = 1024;               // as connections give it to unpin_small
    static constexpr uint64_t kOwn = sizeof(Node) + 48;  // and the head of a copy
    if (is_file() || !owner) return kOwn;
    return kOwn + (size < kSmall ? size : std::max(size, BlockPool::kBlockSize));
  }
  // Forgets the first `count` octets. Requires: fewer than octets().
  void skip(uint64_t count) noexcept {
    if (is_file()) {
      range.offset += count;
      range.size -= count;
    } else {
      data += count;
      size -= static_cast<size_t>(count);
    }
  }
  // Keeps only the first `count` octets. Requires: at least one, at most octets().
  void keep(uint64_t count) noexcept {
    if (is_file()) {
      range.size = count;
    } else {
      size = static_cast<size_t>(count);
    }
  }
};

namespace {

#ifdef SLUICE_SANITIZED
constexpr size_t kKeptNodes = 0;
#else
constexpr size_t kKeptNodes =
    1024;  // 80 KiB a thread; a turn of pipelined responses needs two or three each
#endif

// A thread's spare nodes, as raw memory of one size; freed when the thread ends.
class SpareNodes {
 public:
  constexpr SpareNodes() noexcept = default;
  SpareNodes(const SpareNodes&) = delete;
  SpareNodes& operator=(const SpareNodes&) = delete;
  ~SpareNodes() {
    while (first_ != nullptr)
      ::operator delete(static_cast<void*>(std::exchange(first_, first_->next)));
    count_ = kKeptNodes;  // a chain that dies later on this thread frees its nodes itself
  }

  void* take(size_t size) {
    if (first_ == nullptr) return ::operator new(size);
    if (count_ > 0) --count_;
    return std::exchange(first_, first_->next);
  }
  void give(void* memory) noexcept {
    if (count_ >= kKeptNodes) {
      ::operator delete(memory);
      return;
    }
    first_ = new (memory) Spare{first_};
    ++count_;
  }

 private:
  struct Spare {
    Spare* next;
  };
  Spare* first_ = nullptr;
  size_t count_ = 0;
};

constinit thread_local SpareNodes spare_nodes;

}  // namespace

Chain::Node* Chain::allocate_node() { return new (spare_nodes.take(sizeof(Node))) Node(); }

void Chain::free_node(Node* node) noexcept {
  node->~Node();
  spare_nodes.give(node);
}

Chain::Chain(Chain&& other) noexcept
    : first_(std::exchange(other.first_, nullptr)),
      last_(std::exchange(other.last_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      held_(std::exchange(other.held_, 0)),
      nodes_(std::exchange(other.nodes_, 0)) {}

Chain& Chain::operator=(Chain&& other) noexcept {
  if (this != &other) {
    clear();
    append(std::move(other));
  }
  return *this;
}

void Chain::push(Node* node) noexcept {
  size_ += node->octets();
  node->held = node->cost();
  held_ += node->held;
  ++nodes_;
  (last_ != nullptr ? last_->next : first_) = node;
  last_ = node;
}

Chain::Node* Chain::unlink_first() noexcept {
  Node* const node = first_;
  first_ = std::exchange(node->next, nullptr);
  if (first_ == nullptr) last_ = nullptr;
  size_ -= node->octets();
  held_ -= node->held;
  --nodes_;
  return node;
}

void Chain::pop() noexcept { free_node(unlink_first()); }

// Gives a node of the chain other octets; the sums follow.
template <typename Change>
void Chain::change(Node& node, Change by) noexcept {
  size_ -= node.octets();
  held_ -= node.held;
  by(node);
  node.held = node.cost();
  size_ += node.octets();
  held_ += node.held;
}

void Chain::append(Slice slice) {
  if (slice.empty()) return;
  if (last_ != nullptr && !last_->is_file() && last_->owner.get() == slice.owner().get() &&
      last_->data + last_->size == slice.data()) {
    return change(*last_, [&](Node& node) { node.size += slice.size(); });
  }
  Node* node = allocate_node();
  node->data = slice.data();
  node->size = slice.size();
  node->owner = std::move(slice).take_owner();
  push(node);
}

void Chain::append_with_room(Ref<Owner> owner, char* octets, size_t size, size_t room) {
  if (size == 0) return;
  if (last_ == nullptr || last_->is_file() || last_->size > room) {
    return append(Slice(std::move(owner), octets, size));
  }
  char* const joined = octets - last_->size;
  std::memcpy(joined, last_->data, last_->size);
  change(*last_, [&](Node& node) {
    node.data = joined;
    node.size += size;
    node.owner = std::move(owner);
  });
}

void Chain::append_file(Ref<Owner> owner, const FileRange& range) {
  if (range.size == 0) return;
  Node* node = allocate_node();
  node->owner = std::move(owner);
  node->range = range;
  push(node);
}

void Chain::append(Chain&& other) noexcept {
  assert(&other != this);
  if (other.first_ == nullptr) return;
  (last_ != nullptr ? last_->next : first_) = other.first_;
  last_ = other.last_;
  size_ += std::exchange(other.size_, 0);
  held_ += std::exchange(other.held_, 0);
  nodes_ += std::exchange(other.nodes_, 0);
  other.first_ = other.last_ = nullptr;
}

void Chain::split(uint64_t octets, Chain& out) {
  assert(octets <= size_ && &out != this);
  while (octets > 0 && first_->octets() <= octets) {
    octets -= first_->octets();
    out.push(unlink_first());
  }
  if (octets == 0) return;
  Node* head = allocate_node();
  head->owner = first_->owner;
  head->data = first_->data;
  head->range = first_->range;
  head->keep(octets);
  out.push(head);
  first_->skip(octets);
  size_ -= octets;
}

void Chain::drain(uint64_t octets) noexcept {
  assert(octets <= size_);
  while (octets > 0 && first_->octets() <= octets) {
    octets -= first_->octets();
    pop();
  }
  if (octets == 0) return;
  first_->skip(octets);
  size_ -= octets;
}

void Chain::clear() noexcept {
  while (first_ != nullptr) pop();
}

size_t Chain::to_iovec(std::span<iovec> out, uint64_t max) const noexcept {
  size_t count = 0;
  for (const Node* node = first_; node != nullptr && !node->is_file(); node = node->next) {
    if (count == out.size() || max == 0) break;
    const uint64_t size = std::min<uint64_t>(node->size, max);
    // iovec serves reading too, so its pointer is not const; writing through it is nobody's intent.
    out[count++] = {const_cast<char*>(node->data), static_cast<size_t>(size)};
    max -= size;
  }
  return count;
}

const FileRange* Chain::front_file() const noexcept {
  return first_ != nullptr && first_->is_file() ? &first_->range : nullptr;
}

Owner* Chain::front_owner() const noexcept { return first_->owner.get(); }

std::string_view Chain::front_memory() const noexcept {
  if (first_ == nullptr || first_->is_file()) return {};
  return {first_->data, first_->size};
}

void Chain::unpin_small(size_t limit) {
  for (Node* node = first_; node != nullptr; node = node->next) {
    if (node->is_file() || node->size >= limit) continue;
    if (dynamic_cast<const Block*>(node->owner.get()) == nullptr)
      continue;  // pins no more than it shows
    Slice copy = copy_of({node->data, node->size});
    change(*node, [&](Node& waiting) {
      waiting.data = copy.data();
      waiting.owner = std::move(copy).take_owner();
    });
  }
}

std::string Chain::to_string() const {
  std::string text;
  text.reserve(static_cast<size_t>(size_));
  for (const Node* node = first_; node != nullptr; node = node->next) {
    assert(!node->is_file());
    text.append(node->data, node->size);
  }
  return text;
}

}  // namespace sluice
