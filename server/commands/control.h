// `sluice stop`, `sluice health`, `sluice reload`: what an operator says to a running server,
// through its control socket.
#pragma once

#include <string>

namespace sluice {

struct ControlOptions {
  std::string control;  // the socket's path; empty: as the server itself would find it
  std::string file;     // the configuration that may name it; empty: none is read
  bool json = false;    // the server's answer as it is
};

// Each prints one line (for people, or JSON) and returns the exit code: 0 when it is done, 1 when
// not. Thread: main.
int stop(const ControlOptions& options);    // returns when the server has ended
int health(const ControlOptions& options);  // 0 while it serves or drains
int reload(const ControlOptions& options);

}  // namespace sluice
