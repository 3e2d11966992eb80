// A count that is one too high for a moment refuses somebody a place that is about to be free.
#include "server/handler/proxy/connection_places.h"

#include <sys/resource.h>

#include <algorithm>
#include <atomic>

namespace sluice::handler::proxy {

namespace {

std::atomic<uint64_t> places_taken{0};

struct Taken {
  Taken() = default;
  Taken(const Taken&) = delete;
  Taken& operator=(const Taken&) = delete;
  ~Taken() { places_taken.fetch_sub(1, std::memory_order_relaxed); }
};

// Raised before the first worker runs, and not changed from there on: it is asked for once.
uint64_t descriptors() noexcept {
  static const uint64_t most = [] {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return uint64_t{1024};
    return std::min<uint64_t>(limit.rlim_cur, 1U << 20);
  }();
  return most;
}

}  // namespace

// The clients have `connections`, which is half of what is left where routes proxied from the
// beginning. Where they came with a reload it is the upstreams' half still that counts.
uint64_t ConnectionPlaces::most(const conf::Limits& limits) noexcept {
  const uint64_t kept = limits.descriptor_reserve + limits.open_files;
  const uint64_t available = descriptors();
  const uint64_t left = available > kept + 32 ? available - kept : 32;
  return left - std::min(limits.connections == 0 ? left / 2 : limits.connections, left / 2);
}

ConnectionPlaces::Place ConnectionPlaces::take(const conf::Limits& limits) {
  if (places_taken.fetch_add(1, std::memory_order_relaxed) >= most(limits)) {
    places_taken.fetch_sub(1, std::memory_order_relaxed);
    return nullptr;
  }
  return std::make_shared<const Taken>();
}

bool ConnectionPlaces::scarce(const conf::Limits& limits) noexcept {
  return taken() >= most(limits) / 4 * 3;
}

uint64_t ConnectionPlaces::taken() noexcept { return places_taken.load(std::memory_order_relaxed); }

}  // namespace sluice::handler::proxy
