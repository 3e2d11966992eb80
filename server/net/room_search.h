// Who goes when the house is nearly full: from 90 % of `connections` on each newcomer starts one
// search for an idle connection to close, and from 100 % on it waits itself until one is found.
//
// The client that holds most connections gives up its idle ones first, so that one client cannot
// push the others out. Only a worker can close its own connections, so the search goes round:
//   first lap   each worker, beginning with the one that accepted, looks for an idle connection of
//               the address that holds most of the whole process;
//   second lap  each worker takes one of the addresses that hold most after it, else the connection
//               that has been idle longest.
// Most searches end where they begin, because the kernel spreads one client over all workers; with
// one worker they never leave it.
//
// What it costs is bounded: at most 2 x workers steps, a step looks at a bounded number of
// connections (Service::shed_idle_of), and beyond kAtOnce searches under way no other begins;
// beyond kAheadAtOnce none that only makes room ahead, which in a house where nobody idles is in
// vain. A newcomer for whom there is no room is turned away by the worker where its search ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "server/net/address_counts.h"
#include "server/net/fleet.h"
#include "server/net/worker.h"

namespace sluice::net {

// A socket that was accepted and has no place yet; its address is already counted.
struct Newcomer {
  AcceptedSocket socket;
  AddressSlot address;
};

class RoomSearch final : public Mail {
 public:
  static constexpr uint32_t kAtOnce = 64;
  static constexpr uint32_t kAheadAtOnce = 4;  // those without a newcomer

  // Looks for room under `cap` connections, beginning with worker `at`, whose thread this is. The
  // newcomer, if any, is served where room was found, or turned away. The fleet outlives the
  // search.
  static void begin(Fleet& fleet, size_t at, uint64_t cap, std::optional<Newcomer> newcomer);

  RoomSearch(Fleet& fleet, size_t at, uint64_t cap, std::optional<Newcomer> newcomer);
  RoomSearch(RoomSearch&& other) noexcept;
  ~RoomSearch() override;

  void deliver() override;

 private:
  bool make_room(Service& service) const;
  bool first_lap() const noexcept;
  void found(Service& service);
  void give_up(Service& service);

  Fleet* fleet_;  // null once moved from
  size_t at_;
  uint64_t cap_;
  size_t steps_ = 0;
  std::optional<Newcomer> newcomer_;
};

}  // namespace sluice::net
