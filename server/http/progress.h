// Whether a peer that is waited for gets on: it may be slow, but neither silent nor so slow that it
// only means to hold what it has.
//
// No octet for a whole timeout is a stall. The average is taken over windows of half the timeout,
// after a first timeout's grace: too few octets a second are too slow.
#pragma once

#include <chrono>
#include <cstdint>

#include "server/net/timers.h"

namespace sluice::http {

class Progress {
 public:
  enum class Verdict : uint8_t { good, stalled, slow };

  // Waiting begins; `octets` came or went until now.
  void begin(net::Time now, uint64_t octets) noexcept;
  // To be asked several times a timeout. `rate`: octets a second.
  Verdict look(net::Time now, uint64_t octets, std::chrono::milliseconds timeout,
               uint64_t rate) noexcept;

 private:
  net::Time since_{};
  net::Time progress_at_{};
  uint64_t progress_mark_ = 0;  // octets then
  net::Time window_since_{};    // the window of the average rate
  uint64_t window_mark_ = 0;
};

}  // namespace sluice::http
