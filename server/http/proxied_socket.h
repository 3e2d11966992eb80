// A socket whose first octets say who its client is (the PROXY protocol,
// protocol/proxy_protocol.h): it waits for them, takes exactly these away, and is then served as
// that client's.
//
// Invariants:
//   1. Only a peer in `trusted_proxies` is listened to; another one's socket closes before an octet
//      of it is read.
//   2. Nothing behind the header is taken from the socket: TLS, or HTTP, begins there.
//   3. Whoever waits holds no memory but this, and waits at most proxy_protocol_timeout.
//   4. Who ends it takes it off the list; it is freed through Loop::retire.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "protocol/proxy_protocol.h"
#include "server/http/exchange_record.h"
#include "server/http/linked_list.h"
#include "server/http/listener_settings.h"
#include "server/net/loop.h"
#include "server/net/worker.h"

namespace sluice::http {

class ProxiedSocket;

// Who serves a socket when its header is there. Outlives those that wait.
class ProxiedSocketEvents {
 public:
  // `socket.peer` is the client now, and so is what it is counted by. `listener`: as add() was
  // told. From the loop or from drain(); nothing of the waiting is left.
  virtual void on_client_known(net::AcceptedSocket socket,
                               const Ref<ListenerSettings>& listener) = 0;

 protected:
  ~ProxiedSocketEvents() = default;
};

enum class WaitingKind : uint8_t { all };

// A worker's sockets that wait for their header, longest first. Thread: the worker's.
class ProxiedSockets {
 public:
  // All outlive it; `log` may be null.
  ProxiedSockets(net::Loop& loop, ProxiedSocketEvents& events, ExchangeLog* log)
      : loop_(loop), events_(events), log_(log) {}

  // Takes the socket: it waits, or is closed for what its peer is.
  void add(net::AcceptedSocket socket, const Ref<ListenerSettings>& listener);
  // Closes those that waited longest, at most `count`, and since before `time`. Returns how many.
  size_t shed(size_t count, net::Time time);
  // Closes the one that waits longest if it is of this address and waits since before `time`: those
  // who wait are a few proxies' sockets.
  bool shed_one_of(net::AddressBlock block, net::Time time);
  // Who has sent its header is served, the others are closed; from now on nobody waits.
  void drain();
  void abort_all(std::string_view cause);
  size_t size() const noexcept { return waiting_.size(); }

 private:
  friend ProxiedSocket;

  net::Loop& loop_;
  ProxiedSocketEvents& events_;
  ExchangeLog* const log_;
  LinkedList<ProxiedSocket, WaitingKind> waiting_{WaitingKind::all};
  bool draining_ = false;
};

// One of them. Owns itself from open() on. Thread: the worker's.
class ProxiedSocket final : public net::EventTarget,
                            public net::Task,
                            public net::Timer,
                            public net::Retired {
 public:
  ProxiedSocket(ProxiedSockets& owner, net::AcceptedSocket socket, Ref<ListenerSettings> listener);
  ~ProxiedSocket() override;

  // Requires: it is trusted. 0 or errno; then it still belongs to the caller.
  [[nodiscard]] int open();
  // Looks what is there, and does not wait any longer.
  void finish();
  void close(std::string_view cause, std::string_view limit = {});
  void record(std::string_view cause, std::string_view limit) const;

  bool trusted() const noexcept;
  net::AddressBlock block() const noexcept { return socket_.peer.block; }
  net::Time since() const noexcept { return since_; }

  void on_event(uint32_t epoll_events) override;
  void run() override;
  void on_timer() override;

 private:
  friend LinkedList<ProxiedSocket, WaitingKind>;
  Links<ProxiedSocket>& links(WaitingKind) noexcept { return links_; }

  void look();
  void go_on(const ProxyReading& reading);
  bool take(size_t octets);
  void leave();

  ProxiedSockets& owner_;
  net::AcceptedSocket socket_;
  const Ref<ListenerSettings> listener_;
  const net::Time since_;
  Links<ProxiedSocket> links_;
  bool some_came_ = false;
  bool peer_ended_ = false;
  bool left_ = false;
};

}  // namespace sluice::http
