// Workers: N threads, each with a loop, listeners of its own and the connections that came through
// them.
//
// Invariants:
//   1. A connection never changes threads. Only a fresh socket, before its first octet is read, may
//   be handed to the
//      worker with the fewest connections, because the kernel's spread over SO_REUSEPORT sockets is
//      uneven.
//   2. Workers are given listening descriptors; they open no socket by name.
//   3. All workers are told what to do through their mailboxes; a loop ends when its service has no
//   connection left, or
//      when the time for that is over.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "server/net/connection_slot.h"
#include "server/net/descriptor.h"
#include "server/net/listen_address.h"
#include "server/net/listener.h"
#include "server/net/loop.h"
#include "server/net/memory_pressure.h"

namespace sluice::net {

// A socket somebody accepted, on its way to its worker's service.
struct AcceptedSocket {
  Descriptor descriptor;
  Peer peer;
  ConnectionSlot slot;
};

// What a worker does with its connections. One per worker; made, used and destroyed on the worker's
// thread.
class Service {
 public:
  virtual ~Service() = default;

  virtual void serve(AcceptedSocket socket) = 0;
  // Over a cap: say so if it can be said at once (503), and close. `limit`: its name in
  // conf/limits.h.
  virtual void turn_away(AcceptedSocket socket, std::string_view limit) = 0;
  // Ends the connections that have been idle longest, at most `count`. Returns how many it ended.
  virtual size_t shed_idle(size_t count) = 0;
  // Ends an idle connection of this address, if there is one that is soon found.
  virtual bool shed_idle_of(AddressBlock block) = 0;
  // Octets of memory that the connection which holds most holds; 0 when there is none.
  virtual uint64_t largest() const = 0;
  // Cuts that connection, because memory is short.
  virtual void close_largest() = 0;
  // Connections end with their current exchange; idle ones at once.
  virtual void drain() = 0;
  // Cuts what is left.
  virtual void abort_all() = 0;
  virtual size_t connections() const = 0;
};

struct WorkerOptions {
  ListenerOptions listener;
  uint64_t max_connections;                    // of all workers together
  uint64_t max_per_address = 0;                // likewise; 0: no bound
  std::chrono::milliseconds shutdown_timeout;  // how long draining may take
};

class Worker;
struct Fleet;

// All workers of the process. Owned by the main thread, whose methods these are.
class Workers {
 public:
  using MakeService = std::function<std::unique_ptr<Service>(size_t worker, Loop& loop)>;

  Workers(size_t count, const WorkerOptions& options, MakeService make_service);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // Adds a listening descriptor to worker `index`. Before start(). Peers that come through it carry
  // `listener`.
  void listen(size_t index, int descriptor, bool shared, uint32_t listener = 0);
  // Starts the threads; returns when all accept, with an empty string or what went wrong.
  [[nodiscard]] std::string start();

  // The same for all workers while they run, each with its descriptor of `sockets`; none has it
  // when one fails. Requires: no listener has this number.
  [[nodiscard]] std::string open_listener(const ListenSockets& sockets, uint32_t listener);
  // Accepts what the kernel has queued for it; returns when no worker uses its descriptors any
  // more, so that they can be closed. Connections that came through it stay.
  void close_listener(uint32_t listener);
  // Calls on each running worker's own thread; returns when all have.
  using Visit = std::function<void(size_t worker, Loop& loop, Service& service)>;
  void visit(const Visit& visit);
  // True when every worker that has not ended reads its mail within `time`.
  bool answer_within(std::chrono::milliseconds time);

  // Stops accepting; returns when no worker uses its listening descriptors any more, so that they
  // can be closed.
  void stop_accepting();
  // Begins draining; wait() returns when all workers ended.
  void drain();
  // Cuts every connection and ends the workers.
  void abort();
  // True when all workers ended within `time`.
  bool wait(std::chrono::milliseconds time);

  // Workers act on it from now on. To be said again as long as it lasts: each time idle connections
  // close, and while it is critical one connection more. Any thread.
  void set_memory_pressure(MemoryPressure pressure);

  size_t count() const noexcept { return workers_.size(); }
  uint32_t connections(size_t worker) const noexcept;

 private:
  bool ask(std::function<void(Worker&)> question, std::chrono::milliseconds time);

  std::shared_ptr<Fleet> fleet_;
  MakeService make_service_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace sluice::net
