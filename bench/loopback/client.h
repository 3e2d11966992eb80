// A client that believes nothing: each response is compared with what the file holds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "bench/loopback/workload.h"

namespace sluice::bench {

// One connection that is kept. Errors are lines for people; empty: none.
class Client {
 public:
  virtual ~Client() = default;
  [[nodiscard]] virtual std::string connect(uint16_t port) = 0;
  // Sends at least `requests` requests, workload.pipeline in one write, and takes their responses
  // before the next write. The connection must stay open, with nothing on it that was not asked
  // for.
  [[nodiscard]] virtual std::string run(const Workload& workload, size_t requests) = 0;
};

// One that speaks the workload's version of HTTP.
std::unique_ptr<Client> make_client(const Workload& workload);

}  // namespace sluice::bench
