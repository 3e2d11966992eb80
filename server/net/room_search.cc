// A search goes from worker to worker as mail; each step runs on the thread of the worker it is at.
#include "server/net/room_search.h"

#include <algorithm>
#include <utility>

namespace sluice::net {

void RoomSearch::begin(Fleet& fleet, size_t at, uint64_t cap, std::optional<Newcomer> newcomer) {
  const uint32_t most = newcomer ? kAtOnce : kAheadAtOnce;
  RoomSearch search(fleet, at, cap, std::move(newcomer));
  if (fleet.searches.load(std::memory_order_relaxed) > most) {
    search.give_up(*fleet.services[at]);
  } else {
    search.deliver();
  }
}

RoomSearch::RoomSearch(Fleet& fleet, size_t at, uint64_t cap, std::optional<Newcomer> newcomer)
    : fleet_(&fleet), at_(at), cap_(cap), newcomer_(std::move(newcomer)) {
  fleet_->searches.fetch_add(1, std::memory_order_relaxed);
}

RoomSearch::RoomSearch(RoomSearch&& other) noexcept
    : fleet_(std::exchange(other.fleet_, nullptr)),
      at_(other.at_),
      cap_(other.cap_),
      steps_(other.steps_),
      newcomer_(std::move(other.newcomer_)) {}

RoomSearch::~RoomSearch() {
  if (fleet_ != nullptr) fleet_->searches.fetch_sub(1, std::memory_order_relaxed);
}

void RoomSearch::deliver() {
  const size_t workers = fleet_->loads.size();
  for (;;) {
    Service* const service = fleet_->services[at_];
    if (service == nullptr) return;  // the process is ending
    if (make_room(*service)) return found(*service);
    if (++steps_ == 2 * workers) return give_up(*service);
    if (workers == 1) continue;
    at_ = (at_ + 1) % workers;
    fleet_->loops[at_]->post(std::make_unique<RoomSearch>(std::move(*this)));
    return;
  }
}

bool RoomSearch::first_lap() const noexcept { return steps_ < fleet_->loads.size(); }

bool RoomSearch::make_room(Service& service) const {
  // Somebody may have left meanwhile, or been closed for another newcomer that is gone.
  if (newcomer_ && fleet_->connections() < cap_) return true;
  const auto holders = fleet_->addresses.heaviest();
  // Where nobody holds more than one connection, nobody is to blame.
  const auto heavy = std::find_if(holders.begin(), holders.end(),
                                  [](const auto& holder) { return holder.connections < 2; });
  if (first_lap()) {
    return heavy != holders.begin() && service.shed_idle_of(holders.front().block);
  }
  return std::any_of(holders.begin(), heavy,
                     [&](const auto& holder) { return service.shed_idle_of(holder.block); }) ||
         service.shed_idle(1) > 0;
}

// Served by the worker that has the room: no further step is needed.
void RoomSearch::found(Service& service) {
  if (!newcomer_) return;
  AcceptedSocket socket = std::move(newcomer_->socket);
  socket.slot = ConnectionSlot(fleet_->loads[at_], std::move(newcomer_->address));
  newcomer_.reset();
  service.serve(std::move(socket));
}

void RoomSearch::give_up(Service& service) {
  if (newcomer_) service.turn_away(std::move(newcomer_->socket), "connections");
}

}  // namespace sluice::net
