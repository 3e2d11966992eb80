// Reading the three keys, and holding them against the listeners that lead to the site.
#include "conf/reading/site_tls.h"

#include <algorithm>
#include <chrono>

#include "conf/reading/parts.h"
#include "conf/reading/tls.h"
#include "conf/reading/value.h"

namespace sluice::conf {

namespace {

constexpr std::chrono::seconds kYear = std::chrono::hours(24 * 365);

bool is_hsts(std::string_view name) { return lower(name) == "strict-transport-security"; }

// Where the `fields` of a table set the field by hand; null when they do not.
const Entry* hsts_by_hand(const Node& table) {
  const Node* fields = table.find("fields");
  if (fields == nullptr) return nullptr;
  for (const std::string_view action : {"set", "add"}) {
    const Node* values = fields->find(action);
    if (values == nullptr) continue;
    for (const Entry& entry : values->entries) {
      if (is_hsts(entry.key)) return &entry;
    }
  }
  return nullptr;
}

}  // namespace

SiteTlsReader::SiteTlsReader(const std::vector<Listener>& listeners,
                             const std::vector<FieldRule>& fields, bool listeners_known,
                             const ReadingContext& context)
    : fields_(fields), listeners_known_(listeners_known), context_(context) {
  for (const Listener& listener : listeners) {
    speaks_tls_[listener.name] = listener.tls.has_value();
    (listener.tls ? all_.tls : all_.clear_text) = true;
  }
}

void SiteTlsReader::read(const Node& table, const std::string& folder, Site& site) {
  site.redirect_to_https = flag_or(table, "redirect_to_https", false);
  read_hsts(table, site);
  read_clients(table, folder, site);
  if (const auto reach = reach_of(table, site)) check_reach(table, site, *reach);
}

// --- hsts ----------------------------------------------------------------------------------------

void SiteTlsReader::read_hsts(const Node& table, Site& site) {
  const Entry* entry = table.entry("hsts");
  if (entry == nullptr || entry->value.bad) return;
  const Node& node = entry->value;
  const bool is_table = node.kind == Node::Kind::table;
  Hsts hsts{.max_age = kYear};
  if (const Node* age = is_table ? node.find("max_age") : &node) {
    hsts.max_age = read_age(is_table ? "max_age" : "hsts", *age, report()).value_or(kYear);
  }
  if (is_table) {
    hsts.subdomains = flag_or(node, "subdomains", false);
    hsts.preload = flag_or(node, "preload", false);
  }
  site.hsts = hsts;
  check_preload(node, site);
  check_fields(table, *entry);
}

void SiteTlsReader::check_preload(const Node& hsts, const Site& site) {
  const bool enough = site.hsts->subdomains && site.hsts->max_age >= kYear;
  if (!site.hsts->preload || enough || hsts.has_bad_entry()) return;
  report().warning(Code::preload_without_conditions, hsts.entry("preload")->key_place,
                   "no list takes this site: 'preload' asks for more",
                   {"hstspreload.org wants max_age of at least \"365d\", and subdomains = true"});
}

void SiteTlsReader::check_fields(const Node& table, const Entry& hsts) {
  const auto twice = [this](const Entry& rule, const std::string& other) {
    report().error(Code::hsts_beside_field, rule.key_place,
                   "Strict-Transport-Security is set here and by " + other,
                   {"say it once, by `hsts`"});
  };
  const std::string origin = "'hsts' at " + report().origin(hsts.key_place);
  if (const Entry* rule = hsts_by_hand(table)) twice(*rule, origin);
  if (const Node* routes = table.find("route")) {
    for (const Node& route : routes->items) {
      if (const Entry* rule = hsts_by_hand(route)) twice(*rule, origin);
    }
  }
  const bool by_file = std::any_of(fields_.begin(), fields_.end(), [](const FieldRule& rule) {
    return rule.action != FieldRule::Action::remove && is_hsts(rule.name);
  });
  if (by_file) twice(hsts, "[fields] of the file");
}

// --- client_certificates -------------------------------------------------------------------------

void SiteTlsReader::read_clients(const Node& table, const std::string& folder, Site& site) {
  const Node* node = table.find("client_certificates");
  if (node == nullptr) return;
  site.client_certificates = read_client_certificates(*node, folder, context_);
  const Node* mode = node->find("mode");
  const Entry* authorities = node->entry("authorities");
  if (mode == nullptr) return;
  const bool off = mode->text == "off";
  if (off && authorities != nullptr) {
    report().warning(Code::unused_authorities, authorities->key_place,
                     "'authorities' does nothing where the mode is \"off\"");
  } else if (!off && authorities == nullptr && !node->has_bad_entry()) {
    report().error(Code::client_certificates_without_authorities, mode->place,
                   "nothing says whose certificates are taken",
                   {"add authorities = \"clients.pem\": the certificates of those who sign them"});
  }
}

// --- Whether anybody gets there ------------------------------------------------------------------

std::optional<SiteTlsReader::Reach> SiteTlsReader::reach_of(const Node& table,
                                                            const Site& site) const {
  const Entry* listeners = table.entry("listeners");
  if (!listeners_known_ || (listeners != nullptr && listeners->value.bad)) return std::nullopt;
  if (listeners == nullptr) return all_;
  Reach reach;
  for (const std::string& name : site.listeners) {
    const auto found = speaks_tls_.find(name);
    if (found == speaks_tls_.end()) return std::nullopt;
    (found->second ? reach.tls : reach.clear_text) = true;
  }
  return site.listeners.empty() ? std::nullopt : std::optional(reach);
}

void SiteTlsReader::check_reach(const Node& table, const Site& site, const Reach& reach) {
  if (!reach.tls) {
    for (const std::string_view key : {"redirect_to_https", "hsts", "client_certificates"}) {
      const Entry* entry = table.entry(key);
      if (entry == nullptr || entry->value.bad) continue;
      if (key == "redirect_to_https" && !site.redirect_to_https) continue;
      report().error(Code::site_without_tls, entry->key_place,
                     "'" + entry->key + "' needs TLS, and no listener that speaks it leads here",
                     {"add tls = true to a [[listener]]" +
                      std::string(site.listeners.empty() ? "" : ", and its name to `listeners`")});
    }
    return;
  }
  if (site.redirect_to_https && !reach.clear_text) {
    report().warning(Code::https_redirect_without_clear_text,
                     table.entry("redirect_to_https")->key_place,
                     "'redirect_to_https' does nothing: only listeners that speak TLS lead here",
                     {"add [[listener]] address = \":80\", or leave the key away"});
  }
  const bool required = site.client_certificates &&
                        site.client_certificates->mode == ClientCertificates::Mode::require;
  if (required && reach.clear_text && !site.redirect_to_https) {
    report().warning(Code::client_certificates_in_clear_text,
                     table.entry("client_certificates")->key_place,
                     "who comes in clear text gets to this site without a certificate",
                     {"add redirect_to_https = true, or name in `listeners` those that speak TLS"});
  }
}

}  // namespace sluice::conf
