// What a site sends ahead of its responses (RFC 8297): early_hints, early_hints_to and push.
#pragma once

#include <string>
#include <string_view>

#include "conf/configuration.h"
#include "conf/document.h"
#include "conf/reading/report.h"

namespace sluice::conf {

void read_hints(const Node& table, Site& site, Report& report);

// Why a text is not one link with a relation, as the value of a Link field has it (RFC 8288 section
// 3); an empty string when it is.
std::string link_problem(std::string_view text);

}  // namespace sluice::conf
