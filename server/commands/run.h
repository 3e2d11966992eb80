// `sluice run`: what a configuration says.
#pragma once

#include <string>

namespace sluice {

struct RunOptions {
  std::string file;     // empty: where find_configuration() looks
  std::string control;  // in place of what the file says; empty: as the file says
};

// Serves until it is told to end (server.h). Returns the exit code; what is wrong with the file is
// said on standard error, all of it. Thread: main.
int run(const RunOptions& options);

}  // namespace sluice
