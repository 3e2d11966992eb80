// Showing a configuration: its mistakes, then its sites with their routes as they are tried.
#include "server/commands/check.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <nlohmann/json.hpp>
#include <string_view>
#include <variant>

#include "conf/path_matcher.h"
#include "conf/quantity.h"
#include "conf/reader.h"
#include "conf/reference.h"
#include "conf/schema.h"
#include "server/listener_contexts.h"
#include "server/ops/counted.h"
#include "tls/upstream_context.h"

namespace sluice {

namespace {

using Json = nlohmann::ordered_json;
using ops::counted;

void print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

std::string joined(const std::vector<std::string>& words, std::string_view none) {
  if (words.empty()) return std::string(none);
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

// --- Routes --------------------------------------------------------------------------------------

std::string_view kind_text(conf::PathMatch::Kind kind) {
  switch (kind) {
    case conf::PathMatch::Kind::exact:
      return "path";
    case conf::PathMatch::Kind::prefix:
      return "prefix";
    case conf::PathMatch::Kind::pattern:
      return "pattern";
  }
  return {};
}

struct ActionText {
  std::string operator()(const conf::FilesAction& files) const {
    std::string text = "files " + files.root;
    if (!files.strip.empty()) text += ", strip " + files.strip;
    if (files.listing) text += ", listing";
    if (files.clean_urls) text += ", clean_urls";
    if (files.spa) text += ", spa";
    return text + (files.else_next ? ", else next" : "");
  }
  std::string operator()(const conf::RedirectAction& redirect) const {
    return "redirect " + std::to_string(redirect.status) + " " + redirect.to;
  }
  std::string operator()(const conf::RewriteAction& rewrite) const {
    return "rewrite " + rewrite.to;
  }
  std::string operator()(const conf::RespondAction& respond) const {
    return "respond " + std::to_string(respond.status);
  }
  std::string operator()(const conf::ProxyAction& proxy) const {
    using Host = conf::ProxyAction::Host;
    using Target = conf::UpstreamTarget;
    const Target& target = proxy.target;
    std::string text = "proxy " + proxy.to;
    if (!target.path.empty() && target.tls) text += ", TLS";
    if (target.tls && !target.tls->verify) text += ", not verified";
    if (target.http2 == Target::Http2::always) text += ", HTTP/2 always";
    if (target.http2 == Target::Http2::never) text += ", HTTP/2 never";
    if (target.proxy_protocol == Target::ProxyProtocol::v1) text += ", PROXY v1";
    if (target.proxy_protocol == Target::ProxyProtocol::v2) text += ", PROXY v2";
    if (!proxy.strip.empty()) text += ", strip " + proxy.strip;
    if (proxy.host_is == Host::upstream) text += ", host upstream";
    if (proxy.host_is == Host::given) text += ", host " + proxy.host;
    if (proxy.underscores) text += ", underscores";
    if (proxy.buffer_request > 0) {
      text += ", buffer " + conf::quantity_text(conf::Unit::octets, proxy.buffer_request);
    }
    return text;
  }
};

void pad(std::string& text, size_t width) { text.resize(std::max(text.size() + 1, width), ' '); }

std::string route_line(const conf::Route& route, size_t path_width) {
  std::string line = "  ";
  line += kind_text(route.match.kind);
  pad(line, 10);
  line += route.match.text;
  pad(line, 10 + path_width + 2);
  line += std::visit(ActionText(), route.action);
  return line + "  (" + route.origin + ")\n";
}

std::string site_text(const conf::Site& site) {
  std::string text = site.name + (site.is_default ? " (default)" : "") + "\n";
  text += "  hosts     " + joined(site.hosts, "any that no site names") + "\n";
  text += "  listeners " + joined(site.listeners, "all") + "\n";
  // Long paths do not push all the others away.
  constexpr size_t kWidest = 40;
  size_t width = 0;
  for (const conf::Route& route : site.routes) width = std::max(width, route.match.text.size());
  for (const uint32_t route : conf::route_order(site.routes)) {
    text += route_line(site.routes[route], std::min(width, kWidest));
  }
  return text + "\n";
}

// --- What lies in the files of TLS ---------------------------------------------------------------

// Texts about a certificate begin with the place that names it, as "sites/blog.toml:12: ".
conf::Diagnostic diagnostic_of(std::string_view text, const std::string& file,
                               conf::Diagnostic::Severity severity) {
  conf::Diagnostic diagnostic;
  diagnostic.severity = severity;
  diagnostic.code = "tls-file";
  diagnostic.file = file;
  diagnostic.message = text;
  const size_t end = text.find(": ");
  const size_t colon = end != std::string_view::npos ? text.rfind(':', end - 1) : end;
  uint32_t line = 0;
  if (colon == std::string_view::npos ||
      std::from_chars(text.data() + colon + 1, text.data() + end, line).ptr != text.data() + end)
    return diagnostic;
  diagnostic.file = text.substr(0, colon);
  diagnostic.line = line;
  diagnostic.column = 1;
  diagnostic.message = text.substr(end + 2);
  return diagnostic;
}

// Looks into certificates and keys, as a start would. Where one of the files is missing, which was
// said already, this may be another machine than the one that serves.
void look_into_tls_files(const std::string& file, conf::Reading& reading) {
  if (!reading.configuration) return;
  const std::vector<std::string> files = files_of_contexts(*reading.configuration);
  const bool all_there = std::all_of(files.begin(), files.end(), [](const std::string& one) {
    return ::access(one.c_str(), R_OK) == 0;
  });
  if (files.empty() || !all_there) return;
  const auto keys = tls::TicketKeys::random();
  if (!keys) return;
  const ContextsReading found =
      make_contexts(*reading.configuration, keys, *reading.configuration, {}, std::time(nullptr));
  const auto add = [&](const std::vector<std::string>& texts, conf::Diagnostic::Severity severity) {
    for (const std::string& text : texts)
      reading.diagnostics.push_back(diagnostic_of(text, file, severity));
  };
  add(found.errors, conf::Diagnostic::Severity::error);
  add(found.warnings, conf::Diagnostic::Severity::warning);
}

bool can_be_read(const std::string& path) {
  return path.empty() || ::access(path.c_str(), R_OK) == 0;
}

// The same for what is trusted of upstreams, and shown to them.
void look_into_upstream(const conf::Route& route, const std::string& file,
                        conf::Diagnostics& diagnostics) {
  const auto* proxy = std::get_if<conf::ProxyAction>(&route.action);
  if (proxy == nullptr || !proxy->target.tls) return;
  const conf::UpstreamTls& tls = *proxy->target.tls;
  if (!can_be_read(tls.authorities) || !can_be_read(tls.certificate) || !can_be_read(tls.key)) {
    return;
  }
  std::string problem;
  if (tls::UpstreamContext::make(proxy->target, problem) != nullptr) return;
  diagnostics.push_back(
      diagnostic_of(route.origin + ": " + problem, file, conf::Diagnostic::Severity::error));
}

void look_into_upstreams(const std::string& file, conf::Reading& reading) {
  if (!reading.configuration) return;
  for (const conf::Site& site : reading.configuration->sites) {
    for (const conf::Route& route : site.routes) {
      look_into_upstream(route, file, reading.diagnostics);
    }
  }
}

// --- The whole -----------------------------------------------------------------------------------

void print_sites(const conf::Configuration& configuration) {
  for (const conf::Listener& listener : configuration.listeners) {
    const bool named = listener.name != listener.address;
    print("listener " + (named ? listener.name + " at " : "") + listener.address +
          (listener.tls ? ", TLS " + std::string(conf::policy_name(listener.tls->policy)) : "") +
          (listener.proxy_protocol ? ", PROXY protocol" : "") + "\n");
  }
  print("\n");
  for (const conf::Site& site : configuration.sites) print(site_text(site));
}

std::string summary(const std::string& file, const conf::Reading& reading) {
  const auto errors = static_cast<size_t>(std::count_if(
      reading.diagnostics.begin(), reading.diagnostics.end(), [](const conf::Diagnostic& one) {
        return one.severity == conf::Diagnostic::Severity::error;
      }));
  std::string text = file + ": ";
  if (reading.configuration) {
    size_t routes = 0;
    for (const conf::Site& site : reading.configuration->sites) routes += site.routes.size();
    text += counted(reading.configuration->sites.size(), "site") + ", ";
    text += counted(routes, "route") + ", ";
  }
  return text + counted(errors, "error") + ", " +
         counted(reading.diagnostics.size() - errors, "warning") + "\n";
}

bool wants_colours() { return ::isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr; }

Json as_json(const conf::Diagnostic& diagnostic) {
  const bool error = diagnostic.severity == conf::Diagnostic::Severity::error;
  return {{"code", diagnostic.code},       {"severity", error ? "error" : "warning"},
          {"file", diagnostic.file},       {"line", diagnostic.line},
          {"column", diagnostic.column},   {"width", diagnostic.width},
          {"message", diagnostic.message}, {"notes", diagnostic.notes}};
}

void print_json(const conf::Diagnostics& diagnostics) {
  Json all = Json::array();
  for (const conf::Diagnostic& diagnostic : diagnostics) all.push_back(as_json(diagnostic));
  // A file that is no UTF-8 may be quoted in what is said about it.
  print(all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

int check_file(const std::string& file, bool json) {
  conf::Reading reading = conf::read_configuration(file, conf::process_environment);
  look_into_tls_files(file, reading);
  look_into_upstreams(file, reading);
  const int code = conf::has_errors(reading.diagnostics) ? 1 : 0;
  if (json) {
    print_json(reading.diagnostics);
    return code;
  }
  const bool colours = wants_colours();
  for (const conf::Diagnostic& diagnostic : reading.diagnostics) {
    print(conf::render(diagnostic, colours) + "\n");
  }
  if (reading.configuration) print_sites(*reading.configuration);
  print(summary(file, reading));
  return code;
}

}  // namespace

int check(const CheckOptions& options) {
  if (options.schema) print(conf::schema_text());
  if (options.reference) print(conf::reference_text());
  if (options.schema || options.reference) return 0;
  const std::string file = options.file.empty() ? conf::find_configuration() : options.file;
  if (!file.empty()) return check_file(file, options.json);
  std::fprintf(stderr, "sluice: error: %s\n", std::string(conf::kNoConfiguration).c_str());
  return 1;
}

}  // namespace sluice
