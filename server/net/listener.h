// Accepting: a listening descriptor that the worker is given, and what it does with the sockets.
//
// Invariants:
//   1. The descriptor is given; a worker opens no socket by name (listen_address.h does, in main).
//   2. At most turn_accept sockets a turn; the rest waits for the next iteration.
//   3. EMFILE, ENFILE, ENOBUFS, ENOMEM: accepting pauses for accept_pause, existing connections go
//   on, and it
//      recovers by itself.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include "server/net/address_counts.h"
#include "server/net/loop.h"

namespace sluice::net {

// Who is at the other end. Text form of RFC 3986 hosts, without port ("192.0.2.1", "2001:db8::1",
// "unix:").
struct Peer {
  char address[48] = {};
  uint16_t port = 0;
  uint32_t listener = 0;   // the one that accepted it, as Workers::listen was told
  AddressBlock block = 0;  // what its connections are counted by
  // A proxy speaks for a client and has not told its address (PROXY UNKNOWN): nothing that is said
  // of other clients can be believed.
  bool unnamed = false;
};

// Whose address this is; `listener` is left to the caller. Any thread.
Peer peer_at(const sockaddr_storage& address) noexcept;

// Gets each accepted socket. `descriptor` is non-blocking, close-on-exec, has the options of
// set_listener_options() by inheritance, and belongs to the acceptor from here on.
class Acceptor {
 public:
  virtual void on_accepted(int descriptor, const Peer& peer) = 0;
  // No descriptors are left: close some idle connections.
  virtual void on_descriptors_exhausted() = 0;

 protected:
  ~Acceptor() = default;
};

struct ListenerOptions {
  uint64_t turn_accept;                    // sockets a turn
  std::chrono::milliseconds accept_pause;  // after EMFILE and its like
  bool shared = false;                     // one descriptor on several loops: EPOLLEXCLUSIVE
  uint32_t listener = 0;                   // what Peer::listener of its sockets says
};

// Sets on a TCP listening socket what its connections are to inherit (Linux copies these options on
// accept, so that accepting costs one system call). Failures are ignored: none of the options is
// needed to serve.
void set_listener_options(int descriptor) noexcept;

class Listener final : public EventTarget, public Task, public Timer {
 public:
  // Does not own `descriptor`. Requires: it listens and is non-blocking.
  Listener(Loop& loop, int descriptor, Acceptor& acceptor, const ListenerOptions& options);
  ~Listener();
  [[nodiscard]] int open();
  // Stops accepting for good (drain); what the kernel has queued is accepted first, so that closing
  // the descriptor resets nobody.
  void close() noexcept;
  bool paused() const noexcept { return paused_; }

  void on_event(uint32_t epoll_events) override;
  void run() override;
  void on_timer() override;

 private:
  bool accept_one();
  bool accept_failed(int error);
  int watch();
  void pause();

  Loop& loop_;
  int descriptor_;
  Acceptor& acceptor_;
  ListenerOptions options_;
  bool paused_ = false;
  bool closed_ = false;
};

}  // namespace sluice::net
