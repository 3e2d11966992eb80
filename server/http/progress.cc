// The arithmetic of patience.
#include "server/http/progress.h"

namespace sluice::http {

namespace {

// Whether fewer than `rate` octets a second came in `elapsed`.
bool slower_than(uint64_t octets, uint64_t rate, net::Clock::duration elapsed) {
  using std::chrono::milliseconds;
  const auto waited = std::chrono::duration_cast<milliseconds>(elapsed).count();
  return octets * 1000 < rate * static_cast<uint64_t>(waited);
}

}  // namespace

void Progress::begin(net::Time now, uint64_t octets) noexcept {
  since_ = progress_at_ = window_since_ = now;
  progress_mark_ = window_mark_ = octets;
}

Progress::Verdict Progress::look(net::Time now, uint64_t octets, std::chrono::milliseconds timeout,
                                 uint64_t rate) noexcept {
  if (octets > progress_mark_) {
    progress_mark_ = octets;
    progress_at_ = now;
  }
  if (now - progress_at_ >= timeout) return Verdict::stalled;
  if (now - since_ >= timeout && now - window_since_ >= timeout / 2) {
    if (slower_than(octets - window_mark_, rate, now - window_since_)) return Verdict::slow;
    window_since_ = now;
    window_mark_ = octets;
  }
  return Verdict::good;
}

}  // namespace sluice::http
