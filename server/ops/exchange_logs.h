// The logs of the process as a configuration names them, and each worker's way into them.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "conf/configuration.h"
#include "server/http/exchange_record.h"
#include "server/ops/access_log.h"
#include "server/ops/error_log.h"

namespace sluice::ops {

// Thread: main. Outlives the workers.
class ExchangeLogs {
 public:
  // Opens both logs, for `workers` workers. Returns an empty string, or what is wrong and what to
  // do. Call once. `ring_octets`: Limits::log_ring.
  [[nodiscard]] std::string open(const conf::Log& log, size_t workers, size_t ring_octets);

  // Null when nothing is to be recorded.
  http::ExchangeLog* of_worker(size_t worker) const noexcept { return of_workers_[worker]; }

  // After the workers ended: writes what is left.
  void close();

 private:
  std::unique_ptr<AccessLog> access_;
  std::unique_ptr<AccessLog> errors_;
  std::vector<std::unique_ptr<ErrorFilter>> filters_;
  std::vector<http::ExchangeLog*> of_workers_;
};

}  // namespace sluice::ops
