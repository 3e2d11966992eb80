// How many connections to upstreams the process may have: as many as leave the clients their share
// of the descriptors. Else a few HTTP/2 clients with a hundred slow requests each take all of them,
// and nobody is accepted any more, whatever he asks for.
#pragma once

#include <cstdint>
#include <memory>

#include "conf/limits.h"

namespace sluice::handler::proxy {

// One for the process. Any thread.
class ConnectionPlaces {
 public:
  // Who has it may open a connection, and lets go of it when that is closed. Null: all are taken.
  using Place = std::shared_ptr<const void>;

  // `limits` are the process's, their descriptors divided.
  static Place take(const conf::Limits& limits);
  // Most are taken: who keeps a connection for later takes it from who needs one now.
  static bool scarce(const conf::Limits& limits) noexcept;
  static uint64_t most(const conf::Limits& limits) noexcept;
  static uint64_t taken() noexcept;
};

}  // namespace sluice::handler::proxy
