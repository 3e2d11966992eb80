// `sluice handshake` for people: the lanes, what follows from them, which keys come from what, and
// what is wrong.
#pragma once

#include <string>

#include "server/ops/handshake_lanes.h"
#include "server/ops/probe_report.h"

namespace sluice::ops {

// Lines of at most the style's columns. No value of any key is in it.
[[nodiscard]] std::string handshake_text(const ProbeReport& report, const TextStyle& style);

}  // namespace sluice::ops
