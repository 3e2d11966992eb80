// A worker's side of the access log: renders each record into the worker's own ring, or counts it
// as dropped.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "server/http/exchange_record.h"
#include "server/ops/bell.h"
#include "server/ops/cached_date.h"
#include "server/ops/log_ring.h"

namespace sluice::ops {

enum class LineForm : uint8_t { json, text, coloured_text, combined, error };

class WorkerLog final : public http::ExchangeLog {
 public:
  // `bell` outlives this. `ring_octets` at least 1.
  WorkerLog(LineForm form, size_t ring_octets, Bell& bell);

  // The worker's thread. Never blocks, never allocates, asks no clock; a system call only when the
  // writer must wake.
  void record(const http::ExchangeRecord& record) override;

  // The writer's side: its end of the ring, and how many lines found no room in it so far.
  LogRing& ring() noexcept { return ring_; }
  uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

 private:
  size_t bound(const http::ExchangeRecord& record) const noexcept;
  char* render(char* out, const http::ExchangeRecord& record) noexcept;
  void ring_if_wanted() noexcept;

  const LineForm form_;
  CachedDate date_;
  Bell& bell_;
  LogRing ring_;
  std::atomic<uint64_t> dropped_{0};  // this worker adds, the writer reads
};

}  // namespace sluice::ops
