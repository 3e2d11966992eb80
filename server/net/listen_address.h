// The descriptors that listen addresses (conf/listen_address.h) become.
//
// Sockets are opened here, once, by the process that has the right to; workers are given
// descriptors. A TCP address gives one SO_REUSEPORT socket per worker, so that the kernel spreads
// connections; the first listens before it gets SO_REUSEPORT, which is how an address that another
// Sluice already serves is noticed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "conf/listen_address.h"
#include "server/net/unix_socket.h"

namespace sluice::net {

using conf::ListenAddress;
using conf::parse_listen_address;

// Listening descriptors for one address, with listener.h's options; closes them when destroyed, and
// removes a Unix socket's path if it is still its own. Thread: one at a time.
class ListenSockets {
 public:
  ListenSockets() = default;
  ~ListenSockets();
  ListenSockets(ListenSockets&& other) noexcept;
  ListenSockets& operator=(ListenSockets&& other) noexcept;

  // Opens `count` sockets (one, shared, for a Unix socket). Requires: not open yet, count > 0.
  // Returns an empty string, or one line that says what is wrong and what to do: in use (and how to
  // see by whom), privileged, not an address of this machine.
  [[nodiscard]] std::string open(const ListenAddress& address, size_t count, int backlog);

  // The descriptor for worker `index`, which is below `count`.
  int descriptor(size_t index) const noexcept;
  bool shared() const noexcept { return unix_.descriptor() >= 0; }
  // "http://127.0.0.1:8080" with the real port, or "unix:/path".
  const std::string& url() const noexcept { return url_; }
  // The real port; 0 of a Unix socket.
  uint16_t port() const noexcept { return port_; }

 private:
  std::string open_unix(const std::string& path, int backlog);
  void close_all() noexcept;

  std::vector<int> descriptors_;  // TCP
  UnixSocket unix_;
  std::string url_;
  uint16_t port_ = 0;
};

}  // namespace sluice::net
