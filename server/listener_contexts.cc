// From files to contexts, listener by listener.
#include "server/listener_contexts.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "server/ops/counted.h"
#include "tls/certificate.h"
#include "tls/certificate_names.h"

namespace sluice {

namespace {

using Parts = tls::ListenerContext::Parts;

constexpr int64_t kDay = 24 * 3600;
// Long enough to find out why nobody renews it.
constexpr int64_t kExpiresSoon = 30 * kDay;

std::string at(const conf::Origin& origin) { return origin.empty() ? "" : origin + ": "; }

class Making {
 public:
  Making(const conf::Configuration& configuration, std::shared_ptr<tls::TicketKeys> keys,
         int64_t now)
      : configuration_(configuration), keys_(std::move(keys)), now_(now) {
    for (const conf::Certificate& wanted : configuration.certificates) read(wanted);
  }

  void make(const conf::Listener& listener, const tls::ListenerContext* previous) {
    reading_.contexts.push_back(listener.tls ? context_of(listener, previous) : nullptr);
  }

  ContextsReading take() { return std::move(reading_); }

 private:
  void error(std::string text) { add(std::move(text), reading_.errors); }
  void warn(std::string text) { add(std::move(text), reading_.warnings); }
  // What is wrong with a file is wrong for each listener that has it, and said once.
  static void add(std::string text, std::vector<std::string>& texts) {
    if (std::find(texts.begin(), texts.end(), text) == texts.end())
      texts.push_back(std::move(text));
  }

  void read(const conf::Certificate& wanted) {
    tls::CertificateProblems problems;
    auto certificate = tls::Certificate::load(wanted.chain, wanted.key, now_, problems);
    for (const tls::CertificateProblem& problem : problems)
      (problem.is_error ? reading_.errors : reading_.warnings)
          .push_back(at(wanted.origin) + problem.text);
    if (certificate) check_expiry(wanted, *certificate);
    certificates_.push_back(std::move(certificate));
  }

  void check_expiry(const conf::Certificate& wanted, const tls::Certificate& certificate) {
    const int64_t left = certificate.not_after() - now_;
    if (left >= kExpiresSoon) return;
    const std::string when = left < kDay
                                 ? "within a day"
                                 : "in " + ops::counted(static_cast<size_t>(left / kDay), "day");
    warn(at(wanted.origin) + wanted.chain + ": expires " + when +
         ": renew it; it is read again as soon as the file changes");
  }

  std::shared_ptr<const tls::ListenerContext> context_of(const conf::Listener& listener,
                                                         const tls::ListenerContext* previous) {
    Parts parts{.tls = *listener.tls,
                .certificates = {},
                .sites = {},
                .tickets = keys_,
                .http2 = listener.http2};
    if (!add_certificates(listener, parts) || !add_ticket_keys(listener, parts)) return nullptr;
    add_sites(listener, parts);
    std::string problem;
    auto made = tls::ListenerContext::make(std::move(parts), previous, problem);
    if (made) {
      warn_of_uncovered(listener, *made);
    } else {
      error(std::move(problem));  // which names its place
    }
    return made;
  }

  // False when one of them is missing: why is said already.
  bool add_certificates(const conf::Listener& listener, Parts& parts) {
    std::vector<std::shared_ptr<const tls::Certificate>> certificates;
    std::vector<const conf::Certificate*> wanted;
    for (size_t i = 0; i < certificates_.size(); ++i) {
      const conf::Certificate& one = configuration_.certificates[i];
      if (!conf::names_listener(one.listeners, listener.name)) continue;
      if (!certificates_[i]) return false;
      parts.certificates.push_back({certificates_[i], one.is_default});
      certificates.push_back(certificates_[i]);
      wanted.push_back(&one);
    }
    for (const tls::SharedName& shared : tls::find_shared_names(certificates)) {
      error(at(wanted[shared.second]->origin) +
            "two certificates with the same kind of key are for " + shared.name + ": " +
            wanted[shared.first]->chain + " and " + wanted[shared.second]->chain +
            "; take one of them out");
    }
    check_defaults(listener, parts);
    return !parts.certificates.empty();
  }

  void check_defaults(const conf::Listener& listener, const Parts& parts) {
    std::set<tls::KeyKind> kinds;
    for (const Parts::Entry& entry : parts.certificates) {
      if (!entry.is_default || kinds.insert(entry.certificate->kind()).second) continue;
      error(at(listener.origin) + entry.certificate->chain_path() +
            ": there is a default certificate with the same kind of key already; only one of each "
            "kind can be it");
    }
  }

  bool add_ticket_keys(const conf::Listener& listener, Parts& parts) {
    if (listener.tls->ticket_keys.empty()) return true;
    std::string problem;
    parts.tickets = tls::TicketKeys::load(listener.tls->ticket_keys, problem);
    if (!parts.tickets) error(at(listener.origin) + problem);
    return parts.tickets != nullptr;
  }

  // Only where one of them asks its clients for something of its own.
  void add_sites(const conf::Listener& listener, Parts& parts) const {
    bool special = false;
    for (const conf::Site& site : configuration_.sites) {
      if (!conf::names_listener(site.listeners, listener.name)) continue;
      special = special || site.client_certificates.has_value();
      parts.sites.push_back(
          {.hosts = site.hosts,
           .is_default = site.is_default,
           .clients = site.client_certificates.value_or(listener.tls->client_certificates)});
    }
    if (!special) return parts.sites.clear();
    // As the table of sites has it for unknown hosts.
    const auto is_default = [](const tls::ListenerContext::SitePolicy& site) {
      return site.is_default;
    };
    if (std::ranges::none_of(parts.sites, is_default)) parts.sites.front().is_default = true;
  }

  void warn_of_uncovered(const conf::Listener& listener, const tls::ListenerContext& context) {
    for (const conf::Site& site : configuration_.sites) {
      if (!conf::names_listener(site.listeners, listener.name)) continue;
      for (const std::string& host : site.hosts) {
        if (is_address(host) || context.has_certificate_for(host)) continue;
        const std::string nearest = context.nearest_name(host);
        warn(at(site.origin) + "no certificate of listener '" + listener.name + "' is for " + host +
             (nearest.empty() ? "" : " (nearest: " + nearest + ")") +
             ": clients will refuse the default one");
      }
    }
  }

  // Which has no name in TLS.
  static bool is_address(const std::string& host) {
    return host.find_first_not_of("0123456789.") == std::string::npos || host.starts_with('[');
  }

  const conf::Configuration& configuration_;
  const std::shared_ptr<tls::TicketKeys> keys_;
  const int64_t now_;
  std::vector<std::shared_ptr<const tls::Certificate>> certificates_;  // null: cannot be used
  ContextsReading reading_;
};

}  // namespace

ContextsReading make_contexts(const conf::Configuration& configuration,
                              const std::shared_ptr<tls::TicketKeys>& keys,
                              const conf::Configuration& previous_of,
                              const ListenerContexts& previous, int64_t now) {
  Making making(configuration, keys, now);
  for (const conf::Listener& listener : configuration.listeners) {
    const tls::ListenerContext* before = nullptr;
    for (size_t i = 0; i < previous.size(); ++i) {
      if (previous_of.listeners[i].name == listener.name) before = previous[i].get();
    }
    making.make(listener, before);
  }
  return making.take();
}

std::vector<std::string> files_of_contexts(const conf::Configuration& configuration) {
  std::set<std::string> files;
  for (const conf::Certificate& one : configuration.certificates) {
    files.insert(one.chain);
    files.insert(one.key);
  }
  for (const conf::Listener& listener : configuration.listeners) {
    if (!listener.tls) continue;
    files.insert(listener.tls->ticket_keys.begin(), listener.tls->ticket_keys.end());
    files.insert(listener.tls->client_certificates.authorities);
  }
  for (const conf::Site& site : configuration.sites) {
    if (site.client_certificates) files.insert(site.client_certificates->authorities);
  }
  files.erase("");
  return {files.begin(), files.end()};
}

}  // namespace sluice
