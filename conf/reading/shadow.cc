// Finding hidden routes.
#include "conf/reading/shadow.h"

#include <map>
#include <string>
#include <utility>
#include <variant>

#include "conf/path_matcher.h"

namespace sluice::conf {

namespace {

// What makes two routes the same. A pattern without wildcards is an exact path.
std::pair<PathMatch::Kind, std::string> identity(const PathMatch& match) {
  const bool wild = match.text.find('*') != std::string::npos;
  const bool plain = match.kind == PathMatch::Kind::pattern && !wild;
  return {plain ? PathMatch::Kind::exact : match.kind, match.text};
}

// Whether it takes every path that begins with its literal octets.
bool takes_all(const PathMatch& match, std::string_view literal) {
  if (match.kind == PathMatch::Kind::exact) return false;
  if (match.kind == PathMatch::Kind::prefix) return match.text.ends_with('/');
  return match.text == std::string(literal) + "**";
}

std::string text_of(const PathMatch& match) {
  switch (match.kind) {
    case PathMatch::Kind::exact:
      return "path '" + match.text + "'";
    case PathMatch::Kind::prefix:
      return "prefix '" + match.text + "'";
    case PathMatch::Kind::pattern:
      return "pattern '" + match.text + "'";
  }
  return {};
}

bool passes_on(const Route& route) {
  const auto* files = std::get_if<FilesAction>(&route.action);
  return files != nullptr && files->else_next;
}

}  // namespace

void warn_of_hidden_routes(const std::vector<Route>& routes, const std::vector<Place>& places,
                           Report& report) {
  std::map<std::pair<PathMatch::Kind, std::string>, const Route*> same;
  std::map<std::string, const Route*, std::less<>> all;  // by literal octets
  for (const uint32_t index : route_order(routes)) {
    const Route& route = routes[index];
    const PathMatcher matcher(route.match);
    const auto twin = same.find(identity(route.match));
    const auto wide =
        route.match.kind == PathMatch::Kind::exact ? all.end() : all.find(matcher.literal_prefix());
    const Route* by = twin != same.end()  ? twin->second
                      : wide != all.end() ? wide->second
                                          : nullptr;
    if (by != nullptr) {
      report.warning(Code::shadowed_route, places[index],
                     "no request gets to this route: the one with " + text_of(by->match) +
                         " takes all of its paths",
                     {"that one is at " + by->origin});
    } else if (!passes_on(route)) {
      same.emplace(identity(route.match), &route);
      if (takes_all(route.match, matcher.literal_prefix())) {
        all.emplace(matcher.literal_prefix(), &route);
      }
    }
  }
}

}  // namespace sluice::conf
