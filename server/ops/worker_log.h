// A worker's side of a log: renders each record into the worker's own ring, or counts it
// as dropped.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "server/http/exchange_record.h"
#include "server/ops/bell.h"
#include "server/ops/cached_date.h"
#include "server/ops/log_ring.h"

namespace sluice::ops {

enum class LineForm : uint8_t { json, text, coloured_text, combined, error, error_json };

class WorkerLog final : public http::ExchangeLog {
 public:
  // Octets of a trace of a handshake, or a quarter of the ring when that is less.
  static constexpr size_t kMostTrace = size_t{128} * 1024;

  // `bell` outlives this. `ring_octets` at least 1.
  WorkerLog(LineForm form, size_t ring_octets, Bell& bell);

  // The worker's thread. Never blocks, never allocates, asks no clock; a system call only when the
  // writer must wake.
  void record(const http::ExchangeRecord& record) override;
  // The same thread; these allocate. Require what server/ops/handshake_line.h does.
  void failed_handshake(const http::HandshakeRecord& record);
  void handshake_trace(const http::HandshakeRecord& record);

  // The writer's side: its end of the ring, and how many lines found no room in it so far.
  LogRing& ring() noexcept { return ring_; }
  uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

 private:
  size_t bound(const http::ExchangeRecord& record) const noexcept;
  char* render(char* out, const http::ExchangeRecord& record) noexcept;
  void append(std::string_view lines) noexcept;
  void drop() noexcept;
  void ring_if_wanted() noexcept;

  const LineForm form_;
  CachedDate date_;
  Bell& bell_;
  LogRing ring_;
  std::atomic<uint64_t> dropped_{0};  // this worker adds, the writer reads
};

}  // namespace sluice::ops
