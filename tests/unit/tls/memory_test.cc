// OpenSSL takes functions for memory only before it has allocated, which this program has: so a
// child process is asked, that begins anew.
#include "tls/memory.h"

#include <gtest/gtest.h>
#include <openssl/crypto.h>

#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

namespace sluice::tls {
namespace {

#ifndef SLUICE_SANITIZED

// Exit codes of what a child found; 0 is good.
[[noreturn]] void use_kept_blocks() {
  keep_blocks_for_openssl();
  CRYPTO_malloc_fn allocate = nullptr;
  CRYPTO_realloc_fn reallocate = nullptr;
  CRYPTO_free_fn release = nullptr;
  CRYPTO_get_mem_functions(&allocate, &reallocate, &release);
  if (allocate == CRYPTO_malloc) std::_Exit(10);  // OpenSSL refused
  // The newest block that fits is given again.
  void* const first = allocate(17'000, "", 0);
  std::memset(first, 1, 17'000);
  release(first, "", 0);
  if (allocate(17'000, "", 0) != first) std::_Exit(11);
  // One that is much too large is not.
  void* const large = allocate(19'000, "", 0);
  release(large, "", 0);
  void* const small = allocate(2'000, "", 0);
  if (small == large) std::_Exit(12);
  // It grows, and keeps what is in it.
  std::memset(small, 7, 2'000);
  auto* const grown = static_cast<unsigned char*>(reallocate(small, 60'000, "", 0));
  if (grown[0] != 7 || grown[1'999] != 7) std::_Exit(13);
  release(grown, "", 0);
  release(nullptr, "", 0);
  // More than are kept, from another thread, which ends.
  std::vector<void*> many;
  for (int i = 0; i < 100; ++i) many.push_back(allocate(5'000, "", 0));
  std::thread([&] {
    for (void* const block : many) release(block, "", 0);
    for (int i = 0; i < 100; ++i) std::memset(allocate(5'000, "", 0), 3, 5'000);
  }).join();
  std::_Exit(0);
}

TEST(MemoryDeathTest, GivesTheNewestBlockThatFits) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(use_kept_blocks(), ::testing::ExitedWithCode(0), "");
}

#endif

}  // namespace
}  // namespace sluice::tls
