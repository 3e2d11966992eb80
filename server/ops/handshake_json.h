// Handshakes for machines: everything that is known, as one JSON object on one line.
#pragma once

#include <string>

#include "server/ops/probe_report.h"

namespace sluice::ops {

// Without a line feed; ASCII only. Octets that are no UTF-8 are replaced.
[[nodiscard]] std::string handshake_json(const ProbeReport& report);

// The trace alone: {"summary": {...}, "messages": [...], "left_out": 0}.
[[nodiscard]] std::string trace_json(const tls::HandshakeTrace& trace);

}  // namespace sluice::ops
