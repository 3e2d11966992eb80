// A configuration made by hand, of one site.
#include "server/commands/serve.h"

#include <unistd.h>

#include <utility>

#include "conf/reader.h"
#include "server/server.h"

namespace sluice {

namespace {

std::shared_ptr<const conf::Configuration> configuration_of(const ServeOptions& options) {
  auto configuration = std::make_shared<conf::Configuration>();
  configuration->workers = options.workers;
  configuration->log = {
      .access = options.access_log, .format = options.log_format, .errors = "off"};
  configuration->limits.values = options.limits;
  std::vector<std::string> addresses = options.listen;
  if (addresses.empty()) addresses.emplace_back("127.0.0.1:8080");
  for (const std::string& address : addresses) {
    configuration->listeners.push_back({.name = address,
                                        .address = address,
                                        .limits = configuration->limits,
                                        .origin = "command line"});
  }
  conf::Site site{.name = options.directory, .is_default = true, .limits = configuration->limits};
  site.routes.push_back({.match = {},
                         .action = conf::FilesAction{.root = options.directory,
                                                     .listing = true,
                                                     .follow_symlinks = options.follow_symlinks}});
  configuration->sites.push_back(std::move(site));
  return configuration;
}

// A folder is served with a control socket only where somebody asks for one, so that many servers
// may run side by side.
ops::ControlPath control_of(const ServeOptions& options) {
  const ops::ControlPath found =
      ops::find_control_path(options.control, conf::process_environment, ::geteuid());
  return found.by_default ? ops::ControlPath() : found;
}

}  // namespace

int serve(const ServeOptions& options) {
  return Server({.configuration = configuration_of(options),
                 .control = control_of(options),
                 .serving = options.directory,
                 .folders_must_be_there = true})
      .serve();
}

}  // namespace sluice
