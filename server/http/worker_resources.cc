// The block that is read into, and TLS when somebody speaks it.
#include "server/http/worker_resources.h"

namespace sluice::http {

Ref<Block> WorkerResources::read_block() {
  if (!read_block_ || read_block_->use_count() > 1) read_block_ = pool.acquire();
  return read_block_;
}

net::TlsWork& WorkerResources::tls_work() {
  if (!tls_work_)
    tls_work_ = std::make_unique<net::TlsWork>(loop, limits.turn_handshakes, limits.key_updates);
  return *tls_work_;
}

}  // namespace sluice::http
