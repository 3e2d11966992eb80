// The access log of the process: its destination, its form, its writer thread, and one WorkerLog
// for each worker.
//
//     std::unique_ptr<AccessLog> log;
//     std::string error = AccessLog::open({.destination = "stdout"}, log);
//     WorkerLog* mine = log->make_worker_log();  // for each worker, before the threads start; null
//     when it is off
//     ... workers run and end ...
//     log->close();
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "server/ops/log_writer.h"
#include "server/ops/worker_log.h"

namespace sluice::ops {

enum class LogFormat : uint8_t {
  auto_,  // text when it is stdout and a terminal, else JSON
  json,
  text,
  combined,
  errors,       // error_line.h: for what an ErrorFilter lets through
  errors_json,  // the same, as an object a line
};

struct AccessLogOptions {
  std::string destination = "stdout";   // "stdout", "off", or a path that is appended to
  LogFormat format = LogFormat::auto_;  // auto_: text when it is stdout and a terminal, else JSON
  size_t ring_octets = 1024 * 1024;     // for each worker: Limits::log_ring; 0 drops every line
  LogWriter::Pace pace{};
};

// The main thread's. Outlives the workers.
class AccessLog {
 public:
  // Opens the destination and starts the writer. Returns one line for the person who started us
  // (what, why, what to do), or nothing and sets `out`.
  [[nodiscard]] static std::string open(const AccessLogOptions& options,
                                        std::unique_ptr<AccessLog>& out);
  ~AccessLog();
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;

  // A log for one worker; stays valid as long as this object. Null when the log is off: nothing is
  // to be recorded.
  [[nodiscard]] WorkerLog* make_worker_log();

  // After the workers ended: writes what is left within about a second, and ends the writer. Never
  // hangs. A second call does nothing.
  void close();

  // Lines that were dropped so far; after close() all of them.
  uint64_t dropped() const noexcept;

 private:
  AccessLog(std::shared_ptr<LogWriter> writer, size_t ring_octets);

  const std::shared_ptr<LogWriter> writer_;  // null: off
  const size_t ring_octets_;
};

}  // namespace sluice::ops
