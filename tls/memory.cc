// A thread's own small store of blocks, looked through from the newest on.
//
// Every block is the C library's and knows its size (malloc_usable_size), so that none needs a
// header, and one that was allocated on another thread, or before there was a store, is freed like
// any other.
#include "tls/memory.h"

#include <malloc.h>
#include <openssl/crypto.h>

#include <array>
#include <cstddef>
#include <cstdlib>

namespace sluice::tls {

#ifndef SLUICE_SANITIZED  // a sanitizer has to see what is freed

namespace {

constexpr size_t kSmallest = 1033;      // what is smaller, glibc keeps itself (tcache)
constexpr size_t kLargest = 20 * 1024;  // a record with all that OpenSSL puts around it
constexpr size_t kMost = 16;            // blocks a thread
constexpr size_t kSlackDivisor = 8;     // a block may be by an eighth too large

// Trivial, so that it may be used while the thread ends; then it keeps nothing any more.
struct Store {
  std::array<void*, kMost> blocks;
  std::array<size_t, kMost> sizes;
  size_t count;
  bool ended;
};
thread_local constinit Store store{};

// Frees what is kept when the thread ends.
struct Ending {
  void touch() noexcept {}  // whose first call in a thread has the destructor run at its end
  ~Ending() {
    store.ended = true;
    while (store.count > 0) std::free(store.blocks[--store.count]);
  }
};
thread_local Ending ending;

void* take(size_t size) noexcept {
  for (size_t i = store.count; i-- > 0;) {
    if (store.sizes[i] < size || store.sizes[i] > size + size / kSlackDivisor) continue;
    void* const block = store.blocks[i];
    --store.count;
    store.blocks[i] = store.blocks[store.count];
    store.sizes[i] = store.sizes[store.count];
    return block;
  }
  return nullptr;
}

void* allocate(size_t size, const char*, int) {
  if (size >= kSmallest && size <= kLargest) {
    if (void* const block = take(size)) return block;
  }
  return std::malloc(size);
}

void* reallocate(void* block, size_t size, const char*, int) { return std::realloc(block, size); }

void release(void* block, const char*, int) {
  if (block == nullptr) return;
  const size_t size = malloc_usable_size(block);
  if (size < kSmallest || size > kLargest || store.count == kMost || store.ended)
    return std::free(block);
  ending.touch();
  store.blocks[store.count] = block;
  store.sizes[store.count++] = size;
}

}  // namespace

void keep_blocks_for_openssl() noexcept { CRYPTO_set_mem_functions(allocate, reallocate, release); }

#else

void keep_blocks_for_openssl() noexcept {}

#endif

}  // namespace sluice::tls
