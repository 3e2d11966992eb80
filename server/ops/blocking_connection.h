// A TCP connection for commands, which have nothing else to do than to wait: each call ends by a
// deadline.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>

#include "server/net/descriptor.h"

struct addrinfo;

namespace sluice::ops {

class BlockingConnection {
 public:
  using Clock = std::chrono::steady_clock;
  enum class Received : uint8_t { octets, end, reset, timeout };

  // Resolves and tries one address after the other. Empty, or what stood in the way; advice() then
  // says what to do. Both in words for a person.
  [[nodiscard]] std::string connect(const std::string& host, const std::string& port,
                                    Clock::time_point deadline);
  [[nodiscard]] const std::string& advice() const noexcept { return advice_; }
  // The peer's (or the last one tried): "127.0.0.1:443", "[::1]:443".
  [[nodiscard]] const std::string& address() const noexcept { return address_; }

  // False when the peer no longer reads, or not in time.
  [[nodiscard]] bool send(std::span<const uint8_t> octets, Clock::time_point deadline);
  // Fills the beginning of `room`; `size` is how much.
  Received receive(std::span<uint8_t> room, size_t& size, Clock::time_point deadline);

 private:
  std::string try_address(const addrinfo& candidate, Clock::time_point deadline);
  std::string failure(int error);

  net::Descriptor descriptor_;
  std::string address_;
  std::string advice_;
};

}  // namespace sluice::ops
