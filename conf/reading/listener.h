// Listeners: addresses, names, and the limits of their connections.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "conf/configuration.h"
#include "conf/document.h"
#include "conf/listen_address.h"
#include "conf/reading/report.h"

namespace sluice::conf {

// Reads the listeners of all files, and checks that no two are alike.
class ListenerReader {
 public:
  // `configuration` holds the outer limits already. Both outlive the reader.
  ListenerReader(Configuration& configuration, Report& report)
      : configuration_(configuration), report_(report) {}

  // `folder` is the absolute one of its file.
  void read(const Node& table, const std::string& folder);
  // Call it once, after the last listener. Without one there is the default one.
  void finish();
  // Of the listeners, in their order; the default one has none.
  const std::vector<Place>& places() const { return places_; }

 private:
  void read_address(const Node& table, const std::string& folder, Listener& listener);
  void check_address(const ListenAddress& address, const Node& node, const Origin& origin);
  void read_name(const Node& table, Listener& listener);

  Configuration& configuration_;
  Report& report_;
  std::map<std::string, Origin> names_;
  std::vector<std::pair<ListenAddress, Origin>> addresses_;
  std::vector<Place> places_;
};

}  // namespace sluice::conf
