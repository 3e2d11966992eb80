// Configurations: reading one never crashes or hangs, whatever it says; what is found has a place
// in the text, and what is accepted keeps the promises of conf/configuration.h.
//
// A line "#file NAME" begins another file, which `include` may name.
#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "conf/limits.h"
#include "conf/pattern.h"
#include "conf/reader.h"
#include "tests/fuzz/feeding.h"
#include "tests/support/memory_files.h"

namespace sluice::conf {
namespace {

using fuzz::require;

constexpr std::string_view kMark = "#file ";

std::map<std::string, std::string> split(std::string_view text) {
  std::map<std::string, std::string> files;
  std::string name = "/main.toml";
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    const std::string_view line = text.substr(0, end);
    if (line.starts_with(kMark)) {
      name = "/" + std::string(line.substr(kMark.size(), line.size() - kMark.size() - 1));
    }
    files[name] += line;
    text.remove_prefix(end);
  }
  files.emplace("/main.toml", "");
  return files;
}

std::optional<std::string> environment(std::string_view name) {
  if (name == "SET") return "example.com";
  if (name == "EMPTY") return "";
  return std::nullopt;
}

void check_diagnostic(const Diagnostic& diagnostic) {
  require(!diagnostic.code.empty() && !diagnostic.message.empty(), "nothing said");
  require(diagnostic.width >= 1, "width", diagnostic.message);
  require(diagnostic.source.size() <= 4 * 160, "source", diagnostic.source);
  const std::string text = render(diagnostic, true);
  require(text.find('\0') == text.npos, "a NUL is shown", text);
}

void check_route(const Route& route) {
  const bool pattern = route.match.kind == PathMatch::Kind::pattern;
  require(
      pattern ? PathPattern::problem(route.match.text).empty() : route.match.text.starts_with('/'),
      "match", route.match.text);
  if (const auto* files = std::get_if<FilesAction>(&route.action)) {
    require(files->root.starts_with('/'), "root", files->root);
  }
  for (const CacheRule& rule : route.cache) {
    require(PathPattern::problem(rule.match).empty(), "rule", rule.match);
  }
  for (const FieldRule& rule : route.fields) {
    require(rule.value.find_first_of("\r\n") == rule.value.npos, "field", rule.value);
  }
}

bool has(const std::vector<std::string>& names, const std::string& name) {
  return names.empty() || std::find(names.begin(), names.end(), name) != names.end();
}

void check_clients(const ClientCertificates& clients) {
  const bool off = clients.mode == ClientCertificates::Mode::off;
  require(off || clients.authorities.starts_with('/'), "authorities", clients.authorities);
}

void check_tls(const Configuration& configuration, const Listener& listener) {
  size_t defaults = 0, shown = 0;
  for (const Certificate& certificate : configuration.certificates) {
    if (!has(certificate.listeners, listener.name)) continue;
    ++shown;
    defaults += certificate.is_default ? 1 : 0;
    require(certificate.chain.starts_with('/'), "chain", certificate.chain);
    require(certificate.key.starts_with('/'), "key", certificate.key);
  }
  require(shown >= 1 && defaults <= 2, "certificates", listener.name);
  for (const std::string& path : listener.tls->ticket_keys) {
    require(path.starts_with('/'), "ticket key", path);
  }
  check_clients(listener.tls->client_certificates);
}

// What a site says about TLS has a listener to hold for.
void check_site_tls(const Configuration& configuration, const Site& site) {
  if (site.client_certificates) check_clients(*site.client_certificates);
  if (!site.redirect_to_https && !site.hsts && !site.client_certificates) return;
  const auto& all = configuration.listeners;
  require(
      std::any_of(all.begin(), all.end(),
                  [&](const Listener& one) { return one.tls && has(site.listeners, one.name); }),
      "a site without TLS", site.origin);
}

void check_configuration(const Configuration& configuration) {
  require(!configuration.listeners.empty() && !configuration.sites.empty(), "empty");
  size_t defaults = 0;
  for (const Site& site : configuration.sites) {
    defaults += site.is_default ? 1 : 0;
    require(site.is_default || !site.hosts.empty(), "no host", site.origin);
    for (const auto& [status, page] : site.error_pages) {
      require(status == 4 || status == 5 || (status >= 400 && status <= 599), "status", page);
    }
    for (const Route& route : site.routes) check_route(route);
  }
  require(defaults == 1, "defaults");
  for (const Listener& listener : configuration.listeners) {
    if (listener.tls) check_tls(configuration, listener);
  }
  for (const Site& site : configuration.sites) check_site_tls(configuration, site);
  for (const LimitInfo& info : all_limits()) {
    if (info.number == nullptr) continue;
    const uint64_t value = configuration.limits.values.*(info.number);
    require(value >= info.least && value <= info.most, "limit", info.name);
  }
}

}  // namespace
}  // namespace sluice::conf

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice::conf;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  sluice::test::MemoryFiles files(split(text), {"/public"});
  const Reading reading = read_configuration("/main.toml", environment, files);
  for (const Diagnostic& diagnostic : reading.diagnostics) check_diagnostic(diagnostic);
  const bool good = reading.configuration != nullptr;
  sluice::fuzz::require(good != has_errors(reading.diagnostics), "neither good nor bad");
  if (good) check_configuration(*reading.configuration);
  return 0;
}
