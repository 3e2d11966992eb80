// How many of an upstream's requests may be second tries: it must not be asked twice as much just
// when it is weakest.
//
// A bucket that each request fills by a share of a token, and each second try takes one from. One
// for the process.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace sluice::handler::proxy {

// Any thread.
class RetryBudget {
 public:
  // Tries that are allowed before there was a request to speak of, and at most in a row.
  static constexpr int64_t kAtFirst = 20;
  static constexpr int64_t kMost = 1000;

  // `share`: per cent of the requests (Limits::upstream_retry_share); 0: none at all.
  void on_request(uint64_t share) noexcept {
    if (hundredths_.load(std::memory_order_relaxed) < kMost * 100)
      hundredths_.fetch_add(static_cast<int64_t>(share), std::memory_order_relaxed);
  }
  // Takes a try. False when there is none left.
  [[nodiscard]] bool take(uint64_t share) noexcept {
    if (share == 0) return false;
    if (hundredths_.fetch_sub(100, std::memory_order_relaxed) >= 100) return true;
    hundredths_.fetch_add(100, std::memory_order_relaxed);
    return false;
  }

 private:
  std::atomic<int64_t> hundredths_{kAtFirst * 100};
};

}  // namespace sluice::handler::proxy
