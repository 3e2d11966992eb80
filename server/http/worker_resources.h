// What a worker's connections work in, on either side: blocks, scratch for heads, TLS. The octets
// that come from an upstream leave for a client in the very blocks that they were read into, so
// both sides take them from one pool.
#pragma once

#include <cstdint>
#include <memory>

#include "conf/limits.h"
#include "protocol/block.h"
#include "protocol/h1/codec.h"
#include "protocol/h2/codec.h"
#include "server/http/request_id.h"
#include "server/net/loop.h"
#include "server/net/pipe.h"
#include "server/net/tls_transport.h"

namespace sluice::http {

// Where the next read may go: the octets of `block` from `begin` on are nobody's.
struct ReadRoom {
  Ref<Block> block;
  uint32_t begin = 0;
};

// Thread: the worker's. Shared by who has connections, and outlives these.
class WorkerResources : public std::enable_shared_from_this<WorkerResources> {
 public:
  // Both outlive it. `process_limits` are the process's.
  WorkerResources(net::Loop& worker_loop, const conf::Limits& process_limits)
      : loop(worker_loop),
        limits(process_limits),
        pool(process_limits.large_heads),
        pipes(process_limits.upstream_pipes) {}

  // A block to read into: the worker's own, unless somebody still holds slices of it.
  Ref<Block> read_block();
  // Half a block at least, for who may leave a little in it for long, as a request does that waits
  // for its upstream: the next one's head goes behind it, so that a block is pinned by many and few
  // blocks are. Nobody else gets the room until it is given back.
  ReadRoom take_room();
  // `room.begin` is behind all that was read; slices may go on holding that, its reader does not.
  void give_back(ReadRoom room) noexcept;
  // Made for the first connection over TLS: who speaks clear text pays nothing.
  net::TlsWork& tls_work();

  net::Loop& loop;
  const conf::Limits& limits;
  BlockPool pool;
  net::PipePool pipes;
  h1::Workspace workspace{pool};
  h2::Workspace h2_workspace{pool};
  RequestIds request_ids;

 private:
  Ref<Block> read_block_;
  ReadRoom room_;
  std::unique_ptr<net::TlsWork> tls_work_;
};

}  // namespace sluice::http
