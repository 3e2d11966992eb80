// `sluice serve`: one folder, no configuration.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "conf/limits.h"

namespace sluice {

struct ServeOptions {
  std::string directory = ".";
  // As listen_address.h reads them; empty: 127.0.0.1:8080, and with TLS 127.0.0.1:8443.
  std::vector<std::string> listen;
  bool tls = false;                   // with a certificate of a local development authority
  size_t workers = 0;                 // 0: as many as there are usable CPUs
  std::string access_log = "stdout";  // "stdout", "off" or a path
  std::string log_format = "auto";    // "auto", "json", "text", "combined"
  bool follow_symlinks = false;
  std::string control;  // a path for a control socket, or "off"; empty: $SLUICE_CONTROL
  conf::Limits limits;
};

// Serves until SIGTERM (drains; a second one cuts), SIGINT or SIGHUP. Returns the exit code; what
// went wrong is said on standard error in one line. Thread: main; blocks signals for all threads it
// starts.
int serve(const ServeOptions& options);

}  // namespace sluice
