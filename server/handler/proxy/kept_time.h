// How long an upstream keeps an idle connection, as far as it has shown: reuse has to stop before
// it closes, or requests meet the close (RFC 9112 section 9.3.1).
//
// What it announces (`Keep-Alive: timeout=`) is taken at its word, less a second or a fifth, for
// what is on its way. Else it is learned: the age at which it closed one is too old, and half the
// age that one has lived through is not. So a restart, which closes them at any age, is forgotten
// again. A request that cannot be sent twice asks for more: an age that another connection has
// been seen to live through, and an upstream that has closed none early for a while. One for the
// process.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "server/net/timers.h"

namespace sluice::handler::proxy {

using std::chrono::microseconds;
using std::chrono::milliseconds;

// Any thread.
class KeptTime {
 public:
  // Whatever an upstream bears, what lies between may not.
  static constexpr microseconds kMost{60'000'000};
  // Who closes a connection that has been idle for less is not to be reckoned with for so long.
  static constexpr microseconds kEarly{1'000'000};
  static constexpr std::chrono::seconds kBarred{10};

  // `at_first`: Limits::upstream_idle_timeout.
  explicit KeptTime(milliseconds at_first) : usable_(microseconds(at_first).count()) {}

  // Connections that have been idle for so long are not used again; 0: none is.
  microseconds usable() const noexcept {
    return microseconds(usable_.load(std::memory_order_relaxed));
  }
  // The same for requests that cannot be sent twice.
  microseconds shown(net::Time now) const noexcept {
    if (now.time_since_epoch().count() < barred_until_.load(std::memory_order_relaxed)) return {};
    return microseconds(shown_.load(std::memory_order_relaxed));
  }
  // The upstream said so with a response.
  void on_announced(microseconds timeout) noexcept;
  // It closed a connection that had been idle for `age`.
  void on_closed(microseconds age, net::Time now) noexcept;
  // One has been idle for `age` and is open.
  void on_survived(microseconds age) noexcept;

 private:
  std::atomic<int64_t> usable_;
  std::atomic<int64_t> shown_{0};
  std::atomic<int64_t> barred_until_{0};  // on the loops' clock: nothing is shown before
  std::atomic<bool> announced_{false};
};

}  // namespace sluice::handler::proxy
