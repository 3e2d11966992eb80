// Records of real handshakes for the tests of the error log.
#pragma once

#include <chrono>

#include "server/http/handshake_record.h"
#include "unit/tls/served_handshake.h"

namespace sluice::ops {

// Valid as long as `served`.
inline http::HandshakeRecord record_of(const tls::ServedHandshake& served, http::HandshakeEnd end) {
  return {.peer = "192.0.2.1",
          .end = end,
          .duration = std::chrono::microseconds(12345),
          .wall_microseconds = 1'769'860'984'123'456,  // 2026-01-31T12:03:04.123456Z
          .session = &served.session(),
          .report = &served.report(),
          .context = &served.context()};
}

// A handshake that went well, traced.
inline tls::ServedOptions traced_options() {
  return {.tls = {.trace_handshakes = true}, .certificates = {{.names = {"site.example"}}}};
}

}  // namespace sluice::ops
