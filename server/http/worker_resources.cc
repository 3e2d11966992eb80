// The block that is read into, and TLS when somebody speaks it.
#include "server/http/worker_resources.h"

#include <utility>

namespace sluice::http {

namespace {

constexpr size_t kLeastRoom = BlockPool::kBlockSize / 2;

// Into the same octets. Under sanitizers that would hide a stale slice of them.
#ifdef SLUICE_SANITIZED
constexpr bool kReadsTwice = false;
#else
constexpr bool kReadsTwice = true;
#endif

}  // namespace

Ref<Block> WorkerResources::read_block() {
  if (!read_block_ || read_block_->use_count() > 1 || !kReadsTwice) read_block_ = pool.acquire();
  return read_block_;
}

ReadRoom WorkerResources::take_room() {
  if (room_.block && room_.block->use_count() == 1) {
    room_.begin = 0;
    if (!kReadsTwice) room_.block.reset();
  }
  if (!room_.block || room_.block->capacity() - room_.begin < kLeastRoom)
    room_ = {.block = pool.acquire()};
  return std::exchange(room_, {});
}

// There is another room when somebody took one before this one was given back. One in a block that
// nobody holds is worth nothing, as the pool has blocks; of two others the larger one stays.
void WorkerResources::give_back(ReadRoom room) noexcept {
  if (!room_.block || room_.block->use_count() == 1 || room.begin <= room_.begin)
    room_ = std::move(room);
}

net::TlsWork& WorkerResources::tls_work() {
  if (!tls_work_)
    tls_work_ = std::make_unique<net::TlsWork>(loop, limits.turn_handshakes, limits.key_updates);
  return *tls_work_;
}

}  // namespace sluice::http
