// What the commands share that serve without a configuration's file: listeners, certificate and
// logs as the command line says them, one site with one route.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "conf/configuration.h"
#include "conf/limits.h"

namespace sluice {

struct WithoutFile {
  // As listen_address.h reads them; empty: 127.0.0.1:8080, and with TLS 127.0.0.1:8443.
  std::vector<std::string> listen;
  bool tls = false;                   // with a certificate of a local development authority
  size_t workers = 0;                 // 0: as many as there are usable CPUs
  std::string access_log = "stdout";  // "stdout", "off" or a path
  std::string log_format = "auto";    // "auto", "json", "text", "combined"
  std::string control;                // a path for a control socket, or "off"; empty:
                                      // $SLUICE_CONTROL
  conf::Limits limits;
};

// One site, which does `action` for every path. `name` is for people.
std::shared_ptr<conf::Configuration> configuration_of(const WithoutFile& options,
                                                      const std::string& name, conf::Action action);

// One line on standard error.
void say(const std::string& text);

// Serves until SIGTERM (drains; a second one cuts), SIGINT or SIGHUP. With TLS the certificate is
// made first. Returns the exit code; what went wrong is said on standard error in one line.
// `serving` is for people. Thread: main; blocks signals for all threads it starts.
int serve_without_file(const WithoutFile& options,
                       const std::shared_ptr<conf::Configuration>& configuration,
                       const std::string& serving);

}  // namespace sluice
