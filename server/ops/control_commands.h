// What an operator can ask of a running server: the seam between the control socket and the server
// that answers through it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace sluice::ops {

struct Health {
  enum class Status : uint8_t {
    serving,
    draining,  // told to stop: takes no new connections
    failing,   // a worker does not answer
  };
  Status status = Status::serving;
  std::chrono::seconds uptime{0};
  size_t workers = 0;
  uint64_t connections = 0;
  size_t sites = 0;
  std::vector<std::string> listeners;  // "http://127.0.0.1:8080"
  std::string configuration;           // its file; empty: the command line
  std::string loaded;                  // when it was read: "2026-11-24T08:31:18Z"
};

struct Reloading {
  bool done = false;
  std::string text;  // what changed, or why nothing did
};

// All are called on the main thread.
class ControlCommands {
 public:
  virtual std::string version() const = 0;
  virtual Health health() = 0;
  // Begins as SIGTERM does, after this turn: the answer leaves first. Returns how long it may take.
  virtual std::chrono::milliseconds stop() = 0;
  virtual Reloading reload() = 0;

 protected:
  ~ControlCommands() = default;
};

}  // namespace sluice::ops
