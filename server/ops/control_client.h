// The other end of the control socket: `sluice stop`, `sluice health`, `sluice reload`.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "server/net/descriptor.h"
#include "server/ops/control_path.h"

namespace sluice::ops {

// One connection to a running server. Blocks, with a bound on everything. Thread: one.
class ControlClient {
 public:
  // Empty, or one line for the person who asked: nobody answers there, or somebody who must not.
  [[nodiscard]] std::string connect(const ControlPath& control);

  // Sends `command` and sets `answer` to the server's line, without its end. Empty, or what went
  // wrong. Requires: connected.
  [[nodiscard]] std::string ask(std::string_view command, std::chrono::milliseconds patience,
                                std::string& answer);

  // Waits for the server's process to end. False when it still runs after `time`.
  bool wait_for_end(std::chrono::milliseconds time);

  // 0 when it lives where its number cannot be seen from here (another container).
  pid_t server() const noexcept { return server_; }

 private:
  bool wait_for(int descriptor, short events, std::chrono::steady_clock::time_point until);

  net::Descriptor socket_;
  net::Descriptor process_;  // a pidfd: no later process can be taken for the server
  std::string path_;
  pid_t server_ = 0;
};

}  // namespace sluice::ops
