// Reading one route after the other.
#include "conf/reading/route.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "conf/pattern.h"
#include "conf/reading/parts.h"
#include "conf/reading/shadow.h"
#include "conf/reading/target.h"
#include "conf/reading/value.h"

namespace sluice::conf {

namespace {

using Names = std::array<std::string_view, 5>;
constexpr Names kMatchers = {"path", "prefix", "pattern", "", ""};
constexpr Names kActions = {"files", "proxy", "redirect", "rewrite", "respond"};

// The entries of a table that have one of these names.
std::vector<const Entry*> present(const Node& table, const Names& names) {
  std::vector<const Entry*> found;
  for (const Entry& entry : table.entries) {
    if (std::find(names.begin(), names.end(), entry.key) != names.end()) found.push_back(&entry);
  }
  return found;
}

class RouteReader {
 public:
  RouteReader(const SiteScope& site, const Node& table) : site_(site), table_(table) {}

  std::optional<Route> read() {
    const Entry* matcher = only(kMatchers, Code::route_without_matcher,
                                Code::route_with_two_matchers, "path, prefix or pattern");
    const Entry* action = only(kActions, Code::route_without_action, Code::route_with_two_actions,
                               "files, proxy, redirect, rewrite or respond");
    read_parts();
    check_else(action);
    matches_ = matcher != nullptr && !matcher->value.bad && read_match(*matcher);
    if (action == nullptr || action->value.bad || !read_action(*action) || !matches_) {
      return std::nullopt;
    }
    return std::move(route_);
  }

 private:
  Report& report() { return site_.context.report; }

  const Entry* only(const Names& names, Code none, Code two, const std::string& expected) {
    const auto found = present(table_, names);
    if (found.empty() && !table_.has_bad_entry()) {
      report().error(none, table_.place, "the route has no " + expected,
                     {"a route has one of them"});
    }
    for (size_t i = 1; i < found.size(); ++i) {
      report().error(
          two, found[i]->key_place,
          "the route has '" + found[0]->key + "' already, and here '" + found[i]->key + "'",
          {"a route has one of " + expected + ": make two routes of it"});
    }
    return found.size() == 1 ? found[0] : nullptr;
  }

  void read_parts() {
    route_.origin = report().origin(table_.place);
    route_.fields = site_.fields;
    read_fields(table_, route_.fields, report());
    read_cache(table_, route_.cache, report());
    route_.cache.insert(route_.cache.end(), site_.cache.begin(), site_.cache.end());
  }

  void check_else(const Entry* action) {
    const Entry* entry = table_.entry("else");
    if (entry == nullptr || action == nullptr || action->key == "files") return;
    report().error(Code::else_without_files, entry->key_place,
                   "'else' is for routes with files; '" + action->key + "' answers every path");
  }

  bool read_match(const Entry& matcher) {
    const Node& node = matcher.value;
    const bool pattern = matcher.key == "pattern";
    route_.match = {matcher.key == "path" ? PathMatch::Kind::exact
                    : pattern             ? PathMatch::Kind::pattern
                                          : PathMatch::Kind::prefix,
                    node.text};
    if (!pattern && !check_slash(matcher.key, node, report())) return false;
    if (const std::string problem = pattern ? PathPattern::problem(node.text) : "";
        !problem.empty()) {
      report().error(Code::bad_pattern, node.place,
                     "'" + node.text + "' is no pattern: " + problem);
      return false;
    }
    check_possible(matcher);
    return true;
  }

  void check_possible(const Entry& matcher) {
    const std::string& text = matcher.value.text;
    if (std::string never = never_problem(text); !never.empty()) {
      report().warning(Code::never_matches, matcher.value.place,
                       "no request's path can match this: " + never);
    } else if (matcher.key != "pattern" && text.find('*') != std::string::npos) {
      report().warning(Code::never_matches, matcher.value.place,
                       "'*' stands for itself in '" + matcher.key + "'",
                       {"did you mean pattern = \"" + text + "\"?"});
    }
  }

  bool read_action(const Entry& action) {
    if (action.key == "files") return read_files(action.value);
    const bool known = !present(table_, kMatchers).empty();
    const TargetScope scope{known ? &route_.match : nullptr, report()};
    if (action.key == "proxy") {
      return store(read_proxy(action.value, site_.proxy_scope(matches_ ? &route_.match : nullptr)));
    }
    if (action.key == "redirect") return store(read_redirect(action.value, scope));
    if (action.key == "rewrite") return store(read_rewrite(action.value, scope));
    return store(read_respond(action.value, report()));
  }

  template <typename Value>
  bool store(std::optional<Value> value) {
    if (value) route_.action = std::move(*value);
    return value.has_value();
  }

  bool read_files(const Node& node) {
    FilesAction files = site_.files;
    const bool next = table_.find("else") != nullptr;
    // A path without a file goes on, so that a navigation does, too; unless the route says `spa`.
    if (next) files.spa = false;
    Node table;
    if (node.kind == Node::Kind::string) {
      table.entries.push_back({"root", node.place, node});
    }
    const Node& keys = node.kind == Node::Kind::string ? table : node;
    read_files_keys(keys, site_, files);
    files.else_next = next;
    if (next && files.spa) warn_spa(keys);
    read_files_strip(keys, files);
    return check_has_root(keys, files);
  }

  void warn_spa(const Node& keys) {
    report().warning(Code::spa_with_else, keys.entry("spa")->key_place,
                     "with 'spa' navigations never go on to the next route",
                     {"leave `spa` away here, or `else`"});
  }

  bool check_has_root(const Node& keys, FilesAction& files) {
    if (!files.root.empty()) {
      route_.action = std::move(files);
      return true;
    }
    if (!keys.has_bad_entry() && !site_.table.has_bad_entry()) {
      report().error(Code::files_without_root, table_.entry("files")->key_place,
                     "neither the route nor its site has a 'root'",
                     {"expected files = \"folder\" or files = { root = \"folder\" }"});
    }
    return false;
  }

  void read_files_strip(const Node& keys, FilesAction& files) {
    const std::string& text = route_.match.text;
    const bool prefix = route_.match.kind == PathMatch::Kind::prefix;
    if (const Node* strip = keys.find("strip")) {
      files.strip = read_strip(*strip, matches_ ? &route_.match : nullptr, report());
      return;
    }
    if (keys.entry("root") == nullptr || !prefix) return;
    files.strip = text.substr(0, text.size() - (text.ends_with('/') ? 1 : 0));
  }

  const SiteScope& site_;
  const Node& table_;
  Route route_;
  bool matches_ = false;  // which paths it answers is known
};

// What answers for all paths that no route does, where the site has this key.
std::optional<Action> last_action(const SiteScope& site, std::string_view key) {
  if (key == "proxy") return site.proxy ? std::optional<Action>(*site.proxy) : std::nullopt;
  return site.files.root.empty() ? std::nullopt : std::optional<Action>(site.files);
}

}  // namespace

std::vector<Route> read_routes(const SiteScope& site) {
  std::vector<Route> routes;
  std::vector<Place> places;
  if (const Node* array = site.table.find("route")) {
    for (const Node& table : array->items) {
      if (table.bad) continue;
      std::optional<Route> route = RouteReader(site, table).read();
      if (!route) continue;
      places.push_back(table.place);
      routes.push_back(std::move(*route));
    }
  }
  // Pages for errors are read from the root even when no route gets there.
  const bool root_has_use = site.table.entry("error_pages") != nullptr;
  Report& report = site.context.report;
  if (root_has_use) warn_of_hidden_routes(routes, places, report);
  for (const std::string_view key : {"root", "proxy"}) {
    std::optional<Action> action = last_action(site, key);
    if (!action) continue;
    const Place& place = site.table.find(key)->place;
    places.push_back(place);
    routes.push_back({.match = {},
                      .action = std::move(*action),
                      .fields = site.fields,
                      .cache = site.cache,
                      .origin = report.origin(place)});
  }
  if (!root_has_use) warn_of_hidden_routes(routes, places, report);
  return routes;
}

}  // namespace sluice::conf
