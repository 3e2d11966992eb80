// Routes that no request gets to, because another one is tried before and takes all of its paths.
#pragma once

#include <vector>

#include "conf/configuration.h"
#include "conf/reading/report.h"

namespace sluice::conf {

// Warns of the hidden ones among a site's routes; `places` are theirs. Takes time O(n log n).
//
// Longer beginnings are tried first (conf/path_matcher.h), so a route can be hidden only by one
// with the same octets before its first wildcard:
//  1. the same path, prefix or pattern again, or a pattern without wildcards that is a path, too;
//  2. a pattern "X**", or a prefix that ends in '/', which take all that begins with X.
// A route that passes on what it has no file for hides nothing.
void warn_of_hidden_routes(const std::vector<Route>& routes, const std::vector<Place>& places,
                           Report& report);

}  // namespace sluice::conf
