// Reading the file, then serving.
#include "server/commands/run.h"

#include <unistd.h>

#include <cstdio>
#include <string>

#include "conf/reader.h"
#include "server/ops/counted.h"
#include "server/ops/show_diagnostics.h"
#include "server/server.h"

namespace sluice {

namespace {

std::string serving(const conf::Configuration& configuration, const std::string& file) {
  return ops::counted(configuration.sites.size(), "site") + " of " + file;
}

}  // namespace

int run(const RunOptions& options) {
  const std::string file = options.file.empty() ? conf::find_configuration() : options.file;
  if (file.empty()) {
    std::fprintf(stderr, "sluice: error: %s\n", std::string(conf::kNoConfiguration).c_str());
    return 1;
  }
  const conf::Reading reading = conf::read_configuration(file, conf::process_environment);
  ops::show_diagnostics(reading.diagnostics);
  if (!reading.configuration) {
    std::fprintf(stderr, "sluice: error: %s cannot be served as it is; nothing was started\n",
                 file.c_str());
    return 1;
  }
  const std::string& control =
      options.control.empty() ? reading.configuration->control : options.control;
  return Server({.configuration = reading.configuration,
                 .file = file,
                 .control = ops::find_control_path(control, conf::process_environment, ::geteuid()),
                 .serving = serving(*reading.configuration, file)})
      .serve();
}

}  // namespace sluice
