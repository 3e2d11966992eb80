// What a site says about TLS: redirect_to_https, hsts and client_certificates.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "conf/configuration.h"
#include "conf/reading/include.h"

namespace sluice::conf {

class SiteTlsReader {
 public:
  // `fields` are the file's. `listeners_known` as in conf/reading/site.h. All else outlives the
  // reader.
  SiteTlsReader(const std::vector<Listener>& listeners, const std::vector<FieldRule>& fields,
                bool listeners_known, const ReadingContext& context);

  // `folder` is the absolute one of the table's file. Requires: `site` has its listeners.
  void read(const Node& table, const std::string& folder, Site& site);

 private:
  // Which kinds of listeners lead to a site.
  struct Reach {
    bool tls = false;
    bool clear_text = false;
  };
  // Nothing when that cannot be known, because something was wrong.
  std::optional<Reach> reach_of(const Node& table, const Site& site) const;
  Report& report() const { return context_.report; }
  void read_hsts(const Node& table, Site& site);
  void check_preload(const Node& hsts, const Site& site);
  void check_fields(const Node& table, const Entry& hsts);
  void read_clients(const Node& table, const std::string& folder, Site& site);
  void check_reach(const Node& table, const Site& site, const Reach& reach);

  const std::vector<FieldRule>& fields_;
  bool listeners_known_;
  const ReadingContext& context_;
  std::map<std::string, bool, std::less<>> speaks_tls_;  // by name
  Reach all_;
};

}  // namespace sluice::conf
