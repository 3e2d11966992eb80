// Margins, and which word counts.
#include "server/handler/proxy/kept_time.h"

#include <algorithm>

namespace sluice::handler::proxy {

namespace {

void lower(std::atomic<int64_t>& value, microseconds to) noexcept {
  int64_t now = value.load(std::memory_order_relaxed);
  while (to.count() < now &&
         !value.compare_exchange_weak(now, to.count(), std::memory_order_relaxed)) {
  }
}

void raise(std::atomic<int64_t>& value, microseconds to) noexcept {
  int64_t now = value.load(std::memory_order_relaxed);
  while (to.count() > now &&
         !value.compare_exchange_weak(now, to.count(), std::memory_order_relaxed)) {
  }
}

}  // namespace

void KeptTime::on_announced(microseconds timeout) noexcept {
  const microseconds margin = std::min(microseconds(1'000'000), timeout / 5);
  usable_.store(std::min(timeout - margin, kMost).count(), std::memory_order_relaxed);
  announced_.store(true, std::memory_order_relaxed);
}

// When it has another reason (a restart) and comes early, little is lost by believing it for a
// while.
void KeptTime::on_closed(microseconds age, net::Time now) noexcept {
  if (age < kEarly)
    barred_until_.store((now + kBarred).time_since_epoch().count(), std::memory_order_relaxed);
  lower(usable_, age * 3 / 4);
  lower(shown_, age / 4);
}

void KeptTime::on_survived(microseconds age) noexcept {
  raise(shown_, std::min(age, kMost));
  if (!announced_.load(std::memory_order_relaxed)) raise(usable_, std::min(age / 2, kMost));
}

}  // namespace sluice::handler::proxy
