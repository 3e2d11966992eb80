// The keys about upstreams: `proxy` of a site and of a route.
#pragma once

#include "conf/keys.h"

namespace sluice::conf {

extern const Table kProxyTable;

// It stands in [[site]] and in [[site.route]] alike.
inline constexpr Key kProxy{
    .name = "proxy",
    .forms = kString | kTable,
    .about =
        "Gives requests to another server, the upstream; a string is `to`. In a site it "
        "answers for every path that no route does, in place of `root`.",
    .table = &kProxyTable,
    .example = "\"http://127.0.0.1:3000\"",
    .pattern = "^(https?://|unix:)"};

}  // namespace sluice::conf
