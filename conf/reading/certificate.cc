// Reading a certificate, and comparing it with the others.
#include "conf/reading/certificate.h"

#include <optional>
#include <utility>
#include <variant>

#include "conf/reading/listener.h"
#include "conf/reading/parts.h"
#include "conf/reading/tls.h"

namespace sluice::conf {

CertificateReader::CertificateReader(Configuration& configuration, bool listeners_known,
                                     const ReadingContext& context)
    : configuration_(configuration),
      listeners_known_(listeners_known),
      context_(context),
      listeners_(names_of(configuration.listeners)) {
  for (const Listener& listener : configuration.listeners) {
    if (listener.tls) speaking_.insert(listener.name);
  }
}

void CertificateReader::read(const Node& table, const std::string& folder) {
  Certificate certificate;
  certificate.origin = report().origin(table.place);
  certificate.is_default = flag_or(table, "default", false);
  read_listeners(table, certificate);
  const Node* key = table.find("key");
  if (key != nullptr) certificate.key = read_tls_path("key", *key, folder, context_);
  key_places_.push_back(key != nullptr ? key->place : table.place);
  if (const Node* chain = table.find("chain")) {
    certificate.chain = read_tls_path("chain", *chain, folder, context_);
    check_chain(*chain, certificate);
  }
  const Entry* is_default = table.entry("default");
  places_.push_back(table.place);
  default_places_.push_back(is_default != nullptr ? is_default->key_place : table.place);
  excused_ = excused_ || table.has_bad_entry();
  configuration_.certificates.push_back(std::move(certificate));
}

void CertificateReader::read_listeners(const Node& table, Certificate& certificate) {
  const Node* names = table.find("listeners");
  if (names == nullptr) return;
  if (names->kind == Node::Kind::array && names->items.empty()) {
    report().error(Code::empty_value, names->place, "'listeners' is empty: nobody shows it",
                   {"leave the key away for all that speak TLS"});
  }
  for (const Node* name : strings_of(*names)) {
    certificate.listeners.push_back(name->text);
    check_listener(*name);
  }
}

void CertificateReader::check_listener(const Node& name) {
  if (speaking_.contains(name.text)) return;
  excused_ = true;
  if (!listeners_.contains(name.text)) return unknown_listener(name, listeners_, report());
  if (!listeners_known_) return;
  report().error(Code::listener_without_tls, name.place,
                 "the listener '" + name.text + "' does not speak TLS",
                 {"add tls = true to it, or take its name away here"});
}

void CertificateReader::check_chain(const Node& chain, const Certificate& certificate) {
  if (certificate.chain.empty()) return;
  std::vector<size_t>& others = by_chain_[certificate.chain];
  for (const size_t index : others) {
    const Certificate& other = configuration_.certificates[index];
    if (!share_listener(other.listeners, certificate.listeners)) continue;
    return report().error(Code::duplicate_certificate, chain.place,
                          "the chain '" + chain.text + "' stands in a [[certificate]] already",
                          {"the other one is at " + other.origin});
  }
  others.push_back(configuration_.certificates.size());
}

void CertificateReader::finish(const std::vector<Place>& tls_places, const Secrets& secrets) {
  check_unused();
  check_secrets(tls_places, secrets);
  // The default listener has no place, and speaks no TLS.
  for (size_t i = 0; i < tls_places.size(); ++i) {
    const Listener& listener = configuration_.listeners[i];
    if (listener.tls) check_shown(listener, tls_places[i]);
  }
}

// Said once: with a thousand certificates it is still one mistake.
void CertificateReader::check_unused() {
  if (!speaking_.empty() || !listeners_known_ || excused_ || places_.empty()) return;
  report().warning(Code::unused_certificate, places_.front(),
                   "nobody shows this certificate: no listener speaks TLS",
                   {"add tls = true to a [[listener]]"});
}

namespace {

// Every folder that a site serves files of.
std::set<std::string> roots_of(const std::vector<Site>& sites) {
  std::set<std::string> roots;
  for (const Site& site : sites) {
    for (const Route& route : site.routes) {
      if (const auto* files = std::get_if<FilesAction>(&route.action)) roots.insert(files->root);
    }
  }
  return roots;
}

// The root that a file lies below; empty when there is none, or a name on the way begins with a
// dot: such files are not served.
std::string root_above(std::string path, const std::set<std::string>& roots) {
  for (size_t slash = path.rfind('/'); slash != path.npos; slash = path.rfind('/')) {
    if (path.substr(slash).starts_with("/.") && path.substr(slash) != "/.well-known") return {};
    path.resize(slash);
    const std::string folder = path.empty() ? "/" : path;
    if (roots.contains(folder)) return folder;
  }
  return {};
}

}  // namespace

// Routes may hide a file, and links may lead to one; but nobody wants to rely on the first, and the
// second is not followed out of a root by itself.
void CertificateReader::check_secrets(const std::vector<Place>& tls_places,
                                      const Secrets& secrets) {
  const std::set<std::string> roots = roots_of(configuration_.sites);
  const auto check = [&](const std::string& path, const Place& place, const std::string& what) {
    const std::string root = root_above(path, roots);
    if (root.empty()) return;
    report().error(Code::secret_below_root, place,
                   what + " lies in a folder that is served: everybody could get it",
                   {"move it out of " + root});
  };
  for (size_t i = 0; i < places_.size(); ++i) {
    check(configuration_.certificates[i].key, key_places_[i], "the key");
  }
  for (const auto& [path, place] : secrets) check(path, place, "the key");
  for (size_t i = 0; i < tls_places.size(); ++i) {
    const std::optional<Tls>& tls = configuration_.listeners[i].tls;
    if (!tls) continue;
    for (const std::string& path : tls->ticket_keys) check(path, tls_places[i], "a ticket key");
  }
}

void CertificateReader::check_shown(const Listener& listener, const Place& tls_place) {
  size_t shown = 0, defaults = 0;
  for (size_t i = 0; i < places_.size(); ++i) {
    const Certificate& certificate = configuration_.certificates[i];
    if (!share_listener(certificate.listeners, {listener.name})) continue;
    ++shown;
    if (!certificate.is_default || ++defaults != 3) continue;
    // Which kind of key each has, only tls/ knows.
    report().error(Code::too_many_default_certificates, default_places_[i],
                   "the listener '" + listener.name + "' has two default certificates already",
                   {"one can be, and one more with another kind of key (ECDSA and RSA)"});
  }
  if (shown > 0 || excused_ || !listeners_known_) return;
  report().error(Code::missing_certificate, tls_place,
                 "the listener '" + listener.name + "' speaks TLS and has no certificate",
                 {places_.empty() ? "add [[certificate]] with chain = \"site.pem\" and key = "
                                    "\"site.key\""
                                  : "name it in `listeners` of a [[certificate]]"});
}

}  // namespace sluice::conf
