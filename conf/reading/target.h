// Where a route leads: redirect, rewrite; and what it says itself: respond.
#pragma once

#include <optional>

#include "conf/configuration.h"
#include "conf/document.h"
#include "conf/reading/report.h"

namespace sluice::conf {

struct TargetScope {
  const PathMatch* match;  // whose captures may be used; null when that is unknown
  Report& report;
};

// Nothing when there was an error, which is reported.
std::optional<RedirectAction> read_redirect(const Node& node, const TargetScope& scope);
std::optional<RewriteAction> read_rewrite(const Node& node, const TargetScope& scope);
std::optional<RespondAction> read_respond(const Node& node, Report& report);

}  // namespace sluice::conf
