// The control socket of a running server, on the main thread's loop.
//
// Whoever may connect can stop the server, so: a Unix socket with mode 0600, and peers of another
// user than ours or root are refused whatever the mode became. Clients are few, and none can keep
// the server from anything: they never block it, lines and time are bounded, and each turn answers
// one line.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "conf/limits.h"
#include "server/net/listener.h"
#include "server/net/loop.h"
#include "server/net/unix_socket.h"
#include "server/ops/control_commands.h"
#include "server/ops/control_path.h"

namespace sluice::ops {

class ControlConnection;

// Thread: the loop's. The loop, the limits and the commands outlive it.
class ControlServer final : public net::Acceptor {
 public:
  ControlServer(net::Loop& loop, const conf::Limits& limits, ControlCommands& commands);
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  // Takes the path, before anything else is begun: a second server is to find out early. A default
  // path that cannot be had sets `warning` instead of failing. Call once; `control.path` is not
  // empty.
  [[nodiscard]] std::string open(const ControlPath& control, std::string& warning);
  // Answers from here on (what was asked before waits in the kernel). Returns 0 or errno.
  [[nodiscard]] int start();
  // Empty when there is none.
  const std::string& path() const noexcept { return socket_.path(); }

  void on_accepted(int descriptor, const net::Peer& peer) override;
  void on_descriptors_exhausted() override;

 private:
  friend class ControlConnection;
  void forget(ControlConnection& connection);

  net::Loop& loop_;
  const conf::Limits& limits_;
  ControlCommands& commands_;
  net::UnixSocket socket_;
  std::unique_ptr<net::Listener> listener_;
  std::vector<ControlConnection*> connections_;  // each owns itself until it is retired
};

}  // namespace sluice::ops
