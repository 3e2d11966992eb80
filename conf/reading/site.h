// Sites: hosts, what holds for all of their routes, and the routes.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

#include "conf/configuration.h"
#include "conf/reading/include.h"
#include "conf/reading/route.h"
#include "conf/reading/site_tls.h"

namespace sluice::conf {

// Reads the sites of all files into one configuration, and checks what concerns several of them.
class SiteReader {
 public:
  // `configuration` holds the outer limits and the listeners already. `listeners_known`: nothing in
  // the files was so wrong that one may be hidden, or another one than it seems. All else outlives
  // the reader.
  SiteReader(Configuration& configuration, const std::vector<FieldRule>& fields,
             bool listeners_known, const ReadingContext& context);

  void read(const Node& table, const std::string& folder);
  // Call it once, after the last site. `complete`: nothing in the files was so wrong that a site
  // may be hidden behind it. `listeners` are the places of those that are written.
  void finish(bool complete, const std::vector<Place>& listeners);
  // Keys that upstreams of the sites are shown.
  const Secrets& secrets() const { return secrets_; }

 private:
  Report& report() const { return context_.report; }
  void read_hosts(const Node& table, Site& site);
  void read_host(const Node& node, Site& site);
  void read_default(const Node& table, Site& site);
  void read_listeners(const Node& table, Site& site);
  void read_media_types(const Node& table, Site& site);
  void read_error_pages(const Node& table, const std::string& root, Site& site);
  void read_error_page(const Entry& entry, const std::string& root, Site& site);
  void read_site_proxy(const Node& proxy, SiteScope& scope);
  void read_content(const Node& table, const std::string& folder, Site& site);
  void check_purpose(const Node& table, const Site& site);
  void check_hostless();
  void check_unused_listeners(const std::vector<Place>& listeners);

  Configuration& configuration_;
  const std::vector<FieldRule>& fields_;
  const ReadingContext& context_;
  // A host may belong to several sites that no listener reaches both of.
  struct Owner {
    std::vector<std::string> listeners;  // empty: all
    Origin origin;
  };
  std::unordered_map<std::string, std::vector<Owner>> hosts_;
  std::optional<Origin> default_;  // where a site says that it is the default one
  std::vector<Place> places_;      // of the sites
  // Whether a site without hosts said something about them that was wrong.
  std::vector<bool> hostless_excused_;
  std::set<std::string, std::less<>> listeners_;  // names
  SiteTlsReader tls_;
  std::set<std::string, std::less<>> used_listeners_;  // that sites name
  bool all_listeners_used_ = false;
  Secrets secrets_;
};

}  // namespace sluice::conf
