// Errors of the TOML syntax, in words for whoever typed them.
#pragma once

#include <cstdint>
#include <optional>

#include "conf/document.h"
#include "conf/reading/report.h"

namespace sluice::conf {

// Parses a source; what is wrong with it is reported, and nothing returned.
std::optional<Node> parse_source(uint32_t source, Report& report);

}  // namespace sluice::conf
