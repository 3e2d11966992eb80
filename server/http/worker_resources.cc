// The block that is read into, and TLS when somebody speaks it.
#include "server/http/worker_resources.h"

#include <utility>

namespace sluice::http {

namespace {

constexpr size_t kLeastRoom = BlockPool::kBlockSize / 2;

#ifdef SLUICE_SANITIZED
constexpr bool kReadsTwice =
    false;  // into the same octets: a stale slice of them would not be seen
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

// There is another one when somebody took room before this one was given back. One that nobody
// holds is the pool's to keep, else the larger one stays.
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
