// A proxy made by hand, of what a configuration's `proxy` says in a file.
#include "server/commands/proxy.h"

#include <utility>

#include "conf/file_source.h"
#include "conf/own_listener.h"
#include "conf/upstream_url.h"

namespace sluice {

namespace {

// Below: each returns what is wrong, or an empty string.

std::string read_target(const std::string& to, conf::ProxyAction& action) {
  conf::UpstreamUrl url;
  if (const auto problem = conf::parse_upstream(to, {}, conf::real_files(), url)) {
    const std::string note = problem->note.empty() ? "" : " (" + problem->note + ")";
    return "--to: this is no upstream: " + problem->message + note;
  }
  action.target = std::move(url.target);
  action.base = std::move(url.base);
  action.to = to;
  return {};
}

std::string read_tls(const ProxyOptions& options, conf::ProxyAction& action) {
  const bool named = !options.authorities.empty();
  if (!options.insecure && !named) return {};
  const std::string option = named ? "--ca" : "--insecure";
  if (!action.target.tls) return option + " does nothing here: only https:// is TLS";
  if (options.insecure && named)
    return "--ca does nothing beside --insecure: take one of them away";
  action.target.tls->verify = !options.insecure;
  if (!named) return {};
  conf::FileSource& files = conf::real_files();
  action.target.tls->authorities = files.absolute(options.authorities);
  const bool good = files.kind(action.target.tls->authorities) == conf::FileSource::Kind::file;
  return good ? std::string() : "--ca: '" + options.authorities + "' is no file that can be read";
}

std::string read_host(const std::string& host, conf::ProxyAction& action) {
  const std::string problem = conf::parse_sent_host(host, action);
  if (problem.empty()) return {};
  return "--host: '" + host + "' is no host to tell: " + problem +
         " (expected keep, upstream or a name)";
}

std::string read_action(const ProxyOptions& options, conf::ProxyAction& action) {
  if (std::string problem = read_target(options.to, action); !problem.empty()) return problem;
  if (std::string problem = read_tls(options, action); !problem.empty()) return problem;
  return read_host(options.host, action);
}

std::string check_listeners(const conf::ProxyAction& action,
                            const std::vector<conf::Listener>& listeners) {
  const conf::Listener* own = conf::own_listener(action.target, listeners, conf::real_files());
  if (own == nullptr) return {};
  return "--to: this is no upstream: '" + action.to + "' is where Sluice itself listens (" +
         own->address + "; --listen takes another one)";
}

}  // namespace

int proxy(const ProxyOptions& options) {
  conf::ProxyAction action;
  std::string problem = read_action(options, action);
  const auto configuration = configuration_of(options.common, options.to, action);
  if (problem.empty()) problem = check_listeners(action, configuration->listeners);
  if (!problem.empty()) {
    say("error: " + problem);
    return 1;
  }
  if (options.insecure)
    say("warning: whoever answers in the upstream's place is believed: its certificate is not "
        "verified");
  return serve_without_file(options.common, configuration, options.to);
}

}  // namespace sluice
