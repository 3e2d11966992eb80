// Certificates, and which listeners show them.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "conf/configuration.h"
#include "conf/reading/include.h"
#include "conf/reading/proxy.h"

namespace sluice::conf {

// Reads the certificates of all files, and checks that each listener that speaks TLS has some.
class CertificateReader {
 public:
  // `configuration` holds the listeners already. `listeners_known` as in conf/reading/site.h. All
  // else outlives the reader.
  CertificateReader(Configuration& configuration, bool listeners_known,
                    const ReadingContext& context);

  // `folder` is the absolute one of its file.
  void read(const Node& table, const std::string& folder);
  // Call it once, after the last one and the sites. `tls_places` are those of the listeners' `tls`
  // keys; `secrets` are the keys that upstreams are shown.
  void finish(const std::vector<Place>& tls_places, const Secrets& secrets);

 private:
  Report& report() const { return context_.report; }
  void read_listeners(const Node& table, Certificate& certificate);
  void check_listener(const Node& name);
  void check_chain(const Node& chain, const Certificate& certificate);
  void check_unused();
  void check_secrets(const std::vector<Place>& tls_places, const Secrets& secrets);
  void check_shown(const Listener& listener, const Place& tls_place);

  Configuration& configuration_;
  bool listeners_known_;
  const ReadingContext& context_;
  std::set<std::string, std::less<>> listeners_;  // names
  std::set<std::string, std::less<>> speaking_;   // of these: of such that speak TLS
  // By the path of the chain: who shows it. Several may, that no listener has both of.
  std::map<std::string, std::vector<size_t>> by_chain_;
  // Beside the configuration's certificates.
  std::vector<Place> places_;
  std::vector<Place> key_places_;
  std::vector<Place> default_places_;
  bool excused_ = false;  // a certificate that seems to be missing may be one with an error
};

}  // namespace sluice::conf
