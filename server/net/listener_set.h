// The listening sockets of the process, across reloads.
//
// A reload names the listeners that it wants: those whose address is listened on already keep their
// sockets, so that nobody is refused meanwhile; others are opened before anything else changes, so
// that an address that cannot be had costs nothing. Each has a number, never given twice, which its
// connections carry.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "conf/configuration.h"
#include "server/net/listen_address.h"
#include "server/net/worker.h"

namespace sluice::net {

// Thread: main.
class ListenerSet {
 public:
  // For `workers` workers.
  explicit ListenerSet(size_t workers) : workers_(workers) {}

  // Opens what is not open yet. Returns an empty string, or what is wrong with an address; nothing
  // has changed then. Workers know nothing of it until start() or commit().
  [[nodiscard]] std::string prepare(const std::vector<conf::Listener>& wanted);
  // What Peer::listener will say for each that prepare() was given, in their order.
  const std::vector<uint32_t>& numbers() const noexcept { return known_.numbers; }
  // The port of each of them, 0 for Unix sockets: "any free port" has been chosen.
  const std::vector<uint16_t>& ports() const noexcept { return known_.ports; }

  // Gives what was prepared to workers that have not started yet.
  void start(Workers& workers);
  // To workers that run: first the new ones are listened on, then those that are not wanted any
  // more are closed. Returns an empty string, or what went wrong; all is as it was before prepare()
  // then.
  [[nodiscard]] std::string commit(Workers& workers);
  // Requires: no worker uses them any more.
  void close() { open_.clear(); }

  // "http://127.0.0.1:8080", or https where TLS is spoken, of those that are open.
  std::vector<std::string> urls() const;

 private:
  struct One {
    uint32_t number = 0;
    ListenAddress address;
    ListenSockets sockets;
  };

  // What is wanted, listener by listener.
  struct Known {
    std::vector<uint32_t> numbers;
    std::vector<uint16_t> ports;
    std::vector<bool> speak_tls;
  };

  const One* find(const ListenAddress& address, const std::vector<uint32_t>& taken) const noexcept;

  const size_t workers_;
  uint32_t next_ = 0;
  std::vector<One> open_;
  std::vector<One> prepared_;
  Known known_;
  Known before_;  // the last prepare()
};

}  // namespace sluice::net
