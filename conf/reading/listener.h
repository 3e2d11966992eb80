// Listeners: addresses, names, how they speak TLS, and the limits of their connections.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "conf/configuration.h"
#include "conf/document.h"
#include "conf/listen_address.h"
#include "conf/reading/include.h"
#include "conf/reading/report.h"

namespace sluice::conf {

// Reads the listeners of all files, and checks that no two are alike.
class ListenerReader {
 public:
  // `configuration` holds the outer limits already. Both outlive the reader.
  ListenerReader(Configuration& configuration, const ReadingContext& context)
      : configuration_(configuration), context_(context), report_(context.report) {}

  // `folder` is the absolute one of its file.
  void read(const Node& table, const std::string& folder);
  // Call it once, after the last listener. Without one there is the default one.
  void finish();
  // Of the listeners, in their order; the default one has none.
  const std::vector<Place>& places() const { return places_; }
  // Of their `tls` keys; the listener's own where there is none.
  const std::vector<Place>& tls_places() const { return tls_places_; }

 private:
  void read_address(const Node& table, const std::string& folder, Listener& listener);
  void check_address(const ListenAddress& address, const Node& node, const Origin& origin);
  void warn_of_port(const Node& table, const ListenAddress& address, const Node& node);
  void read_tls(const Node& table, const std::string& folder, Listener& listener);
  void read_name(const Node& table, Listener& listener);

  Configuration& configuration_;
  const ReadingContext& context_;
  Report& report_;
  std::map<std::string, Origin> names_;
  std::vector<std::pair<ListenAddress, Origin>> addresses_;
  std::vector<Place> places_;
  std::vector<Place> tls_places_;
};

std::set<std::string, std::less<>> names_of(const std::vector<Listener>& listeners);

// Reports an item of `listeners` that is none of these names.
void unknown_listener(const Node& name, const std::set<std::string, std::less<>>& known,
                      Report& report);

}  // namespace sluice::conf
