// The client's end of one kept connection, with blocking calls. Errors are lines for people; empty:
// none.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "server/net/descriptor.h"

namespace sluice::bench {

class Connection {
 public:
  [[nodiscard]] std::string connect(uint16_t port);
  // All of `octets`.
  [[nodiscard]] std::string send(std::string_view octets);
  // Waits for some octets; `count` is how many came into `room`. The server's end of the connection
  // is an error.
  [[nodiscard]] std::string receive(std::span<char> room, size_t& count);
  // Nothing may be there now, nor may the connection have ended.
  [[nodiscard]] std::string expect_silence();

 private:
  net::Descriptor socket_;
};

}  // namespace sluice::bench
