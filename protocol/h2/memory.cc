// Free lists by size class. Each block begins with 16 octets of ours that name its class.
#include "protocol/h2/memory.h"

#include <sanitizer/asan_interface.h>  // whose macros do nothing without it

#include <bit>
#include <cassert>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <utility>

namespace sluice::h2 {
namespace {

constexpr size_t kLarge = std::numeric_limits<uint32_t>::max();  // in place of a class
constexpr size_t kMinimum = 128;  // up to here classes are 16 octets apart

}  // namespace

struct alignas(std::max_align_t) Memory::Block {
  uint32_t size_class;
  union {
    Block* next;  // while it is free
    size_t size;  // while it is in use: octets asked for
  };

  char* content() noexcept { return reinterpret_cast<char*>(this + 1); }
  static Block* of(void* content) noexcept { return static_cast<Block*>(content) - 1; }
};

Memory::~Memory() {
  assert(in_use_ == 0);
  for (Block* first : free_) {
    while (first != nullptr) std::free(std::exchange(first, first->next));
  }
}

// `octets`: with our own, at most 32 KiB.
size_t Memory::class_of(size_t octets) noexcept {
  if (octets <= kMinimum) return (octets + 15) / 16 - 1;
  // 128 < octets <= 160 is the first of the doubling that begins at 128.
  const auto doubling = static_cast<size_t>(std::bit_width(octets - 1)) - 8;
  const size_t quarter = (octets - 1) >> (doubling + 5) & 3;
  return 8 + doubling * 4 + quarter;
}

size_t Memory::octets_of(size_t size_class) noexcept {
  if (size_class < 8) return (size_class + 1) * 16;
  const size_t doubling = (size_class - 8) / 4;
  const size_t quarter = (size_class - 8) % 4;
  return (kMinimum << doubling) + ((quarter + 1) << (doubling + 5));
}

void* Memory::allocate(size_t size) noexcept {
  static_assert(sizeof(Block) == 16);
  if (size > std::numeric_limits<size_t>::max() - sizeof(Block)) return nullptr;
  const size_t octets = size + sizeof(Block);
  const size_t size_class = size > kLargest ? kLarge : class_of(octets);
  Block* block =
      size_class == kLarge ? from_heap(kLarge, octets) : take(size_class, octets_of(size_class));
  if (block == nullptr) return nullptr;
  block->size = size;
  ++in_use_;
  ASAN_UNPOISON_MEMORY_REGION(block->content(), size);
  return block->content();
}

Memory::Block* Memory::take(size_t size_class, size_t octets) noexcept {
  Block* block = free_[size_class];
  if (block == nullptr) return from_heap(size_class, octets);
  free_[size_class] = block->next;
  kept_of_[size_class] -= octets;
  kept_ -= octets;
  return block;
}

Memory::Block* Memory::from_heap(size_t size_class, size_t octets) noexcept {
  ++taken_from_heap_;
  auto* block = static_cast<Block*>(std::malloc(octets));
  if (block == nullptr) return nullptr;
  block->size_class = static_cast<uint32_t>(size_class);
  ASAN_POISON_MEMORY_REGION(block->content(), octets - sizeof(Block));
  return block;
}

void* Memory::allocate_zeroed(size_t count, size_t size) noexcept {
  if (size != 0 && count > std::numeric_limits<size_t>::max() / size) return nullptr;
  void* block = allocate(count * size);
  if (block != nullptr) std::memset(block, 0, count * size);
  return block;
}

void* Memory::reallocate(void* block, size_t size) noexcept {
  if (block == nullptr) return allocate(size);
  Block* old = Block::of(block);
  if (old->size_class == kLarge) return reallocate_large(old, size);
  const size_t room = octets_of(old->size_class) - sizeof(Block);
  if (size <= room) {
    ASAN_POISON_MEMORY_REGION(block, room);
    ASAN_UNPOISON_MEMORY_REGION(block, size);
    old->size = size;
    return block;
  }
  void* larger = allocate(size);
  if (larger == nullptr) return nullptr;
  std::memcpy(larger, block, old->size);
  release(block);
  return larger;
}

// Stays a large one when it shrinks: the heap gives its end back.
void* Memory::reallocate_large(Block* block, size_t size) noexcept {
  if (size > std::numeric_limits<size_t>::max() - sizeof(Block)) return nullptr;
  ++taken_from_heap_;
  auto* moved = static_cast<Block*>(std::realloc(block, size + sizeof(Block)));
  if (moved == nullptr) return nullptr;
  moved->size = size;
  return moved->content();
}

void Memory::release(void* content) noexcept {
  if (content == nullptr) return;
  Block* block = Block::of(content);
  assert(in_use_ > 0);
  --in_use_;
  const size_t size_class = block->size_class;
  const size_t octets = size_class == kLarge ? 0 : octets_of(size_class);
  if (size_class == kLarge || kept_of_[size_class] + octets > kKept) {
    std::free(block);
    return;
  }
  ASAN_POISON_MEMORY_REGION(content, octets - sizeof(Block));
  block->next = free_[size_class];
  free_[size_class] = block;
  kept_of_[size_class] += octets;
  kept_ += octets;
}

}  // namespace sluice::h2
