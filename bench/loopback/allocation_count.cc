// The functions that replace the C library's (glibc manual, "Replacing malloc") and operator new,
// each a count and a call of the original under its other name. free() and operator delete need no
// replacement: the memory is glibc's.
//
// Every other form of operator new calls the one that is replaced here, or aligned_alloc.
#include "bench/loopback/allocation_count.h"

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <new>

extern "C" {
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* memory, size_t size);
void* __libc_memalign(size_t alignment, size_t size);
}

namespace sluice::bench {
namespace {

// Constant-initialised and in the program's own thread block: reading it allocates nothing.
thread_local bool counted = false;

// Read by the thread that measures while the counted one may run.
std::atomic<uint64_t> by_new{0};
std::atomic<uint64_t> by_malloc{0};
std::atomic<uint64_t> octets{0};

void note(std::atomic<uint64_t>& counter, size_t size) noexcept {
  if (!counted) return;
  counter.fetch_add(1, std::memory_order_relaxed);
  octets.fetch_add(size, std::memory_order_relaxed);
}

}  // namespace

void count_allocations_of_this_thread() noexcept { counted = true; }

Allocations allocations() noexcept {
  return {.by_new = by_new.load(), .by_malloc = by_malloc.load(), .octets = octets.load()};
}

}  // namespace sluice::bench

using sluice::bench::note;

extern "C" {

void* malloc(size_t size) {
  note(sluice::bench::by_malloc, size);
  return __libc_malloc(size);
}

void* calloc(size_t count, size_t size) {
  note(sluice::bench::by_malloc, count * size);
  return __libc_calloc(count, size);
}

void* realloc(void* memory, size_t size) {
  note(sluice::bench::by_malloc, size);
  return __libc_realloc(memory, size);
}

void* memalign(size_t alignment, size_t size) {
  note(sluice::bench::by_malloc, size);
  return __libc_memalign(alignment, size);
}

void* aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void** memory, size_t alignment, size_t size) {
  *memory = memalign(alignment, size);
  return *memory == nullptr ? ENOMEM : 0;
}

}  // extern "C"

void* operator new(size_t size) {
  note(sluice::bench::by_new, size);
  void* const memory = __libc_malloc(size);
  if (memory == nullptr) std::abort();  // nothing here could go on without it
  return memory;
}
