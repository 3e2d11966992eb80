// A configuration made by hand, its certificate, and the server.
#include "server/commands/without_file.h"

#include <unistd.h>

#include <cstdio>
#include <ctime>
#include <utility>

#include "conf/listen_address.h"
#include "conf/reader.h"
#include "server/server.h"
#include "tls/authority.h"

namespace sluice {

namespace {

std::string environment(const std::string& name) {
  return conf::process_environment(name).value_or("");
}

// The host of an address that is listened on; empty where that is every address, or a socket's
// path.
std::string host_of(const std::string& address) {
  conf::ListenAddress parsed;
  return conf::parse_listen_address(address, parsed).empty() ? parsed.host : std::string();
}

// Once it tells all of it; later only where to look.
void tell(const tls::DevelopmentFiles& files) {
  std::string names;
  for (const std::string& name : files.names) names += (names.empty() ? "" : ", ") + name;
  say("certificate for " + names + ", by the authority in " + files.authority);
  for (const std::string& name : files.left_out) {
    say("warning: the authority may not sign for " + name + "; to start over, remove " +
        files.authority);
  }
  if (!files.made_authority) return;
  for (const std::string& line : tls::how_to_trust(files)) say(line);
}

// The certificate of the local development authority, made when there is none. Returns what is
// wrong, or an empty string.
std::string add_certificate(conf::Configuration& configuration) {
  const std::string folder =
      tls::development_folder(environment("XDG_DATA_HOME"), environment("HOME"));
  if (folder.empty())
    return "neither $XDG_DATA_HOME nor $HOME says where to keep the development certificate: set "
           "one of them, or configure a certificate and use `sluice run`";
  std::vector<std::string> names = tls::machine_names();
  for (const conf::Listener& listener : configuration.listeners)
    names.push_back(host_of(listener.address));
  std::string error;
  const auto files = tls::prepare_development_certificate(folder, names, std::time(nullptr), error);
  if (!files) return error;
  configuration.certificates.push_back({.chain = files->chain, .key = files->key});
  for (conf::Listener& listener : configuration.listeners) listener.tls.emplace();
  tell(*files);
  return {};
}

// There is a control socket only where somebody asks for one, so that many servers may run side by
// side.
ops::ControlPath control_of(const WithoutFile& options) {
  const ops::ControlPath found =
      ops::find_control_path(options.control, conf::process_environment, ::geteuid());
  return found.by_default ? ops::ControlPath() : found;
}

}  // namespace

void say(const std::string& text) { std::fprintf(stderr, "sluice: %s\n", text.c_str()); }

std::shared_ptr<conf::Configuration> configuration_of(const WithoutFile& options,
                                                      const std::string& name,
                                                      conf::Action action) {
  auto configuration = std::make_shared<conf::Configuration>();
  configuration->workers = options.workers;
  configuration->log = {.access = options.access_log, .format = options.log_format};
  configuration->limits.values = options.limits;
  std::vector<std::string> addresses = options.listen;
  if (addresses.empty()) addresses.emplace_back(options.tls ? "127.0.0.1:8443" : "127.0.0.1:8080");
  for (const std::string& address : addresses) {
    configuration->listeners.push_back({.name = address,
                                        .address = address,
                                        .limits = configuration->limits,
                                        .origin = "command line"});
  }
  conf::Site site{.name = name, .is_default = true, .limits = configuration->limits};
  site.routes.push_back({.match = {}, .action = std::move(action)});
  configuration->sites.push_back(std::move(site));
  return configuration;
}

int serve_without_file(const WithoutFile& options,
                       const std::shared_ptr<conf::Configuration>& configuration,
                       const std::string& serving) {
  if (options.tls) {
    if (const std::string error = add_certificate(*configuration); !error.empty()) {
      say("error: " + error);
      return 1;
    }
  }
  return Server({.configuration = configuration,
                 .control = control_of(options),
                 .serving = serving,
                 .folders_must_be_there = true})
      .serve();
}

}  // namespace sluice
