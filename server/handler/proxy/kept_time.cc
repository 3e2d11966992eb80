// Margins, and which word counts.
#include "server/handler/proxy/kept_time.h"

#include <algorithm>

namespace sluice::handler::proxy {

void KeptTime::on_announced(milliseconds timeout) noexcept {
  const milliseconds margin = std::min(milliseconds(1'000), timeout / 5);
  usable_.store(std::min(timeout - margin, kMost).count(), std::memory_order_relaxed);
  announced_.store(true, std::memory_order_relaxed);
}

// When it has another reason (a restart) and comes early, little is lost by believing it for a while.
void KeptTime::on_closed(milliseconds age) noexcept {
  const int64_t bearable = (age * 3 / 4).count();
  int64_t now = usable_.load(std::memory_order_relaxed);
  while (bearable < now &&
         !usable_.compare_exchange_weak(now, bearable, std::memory_order_relaxed)) {
  }
}

void KeptTime::on_survived(milliseconds age) noexcept {
  if (announced_.load(std::memory_order_relaxed)) return;
  const int64_t shown = std::min(age / 2, kMost).count();
  int64_t now = usable_.load(std::memory_order_relaxed);
  while (shown > now && !usable_.compare_exchange_weak(now, shown, std::memory_order_relaxed)) {
  }
}

}  // namespace sluice::handler::proxy
