// Connects, and shakes hands as a client: what `sluice handshake` does before it tells of it.
#pragma once

#include <chrono>
#include <string>

#include "server/ops/probe_report.h"
#include "tls/client.h"

namespace sluice::ops {

struct ProbeOptions {
  std::string host;  // a name or an address, without brackets
  std::string port = "443";
  std::string server_name;    // empty: no SNI is sent
  std::string expected_name;  // the name or address that the certificate must be for
  bool resume = false;        // shake hands again, with the session of the first time
  bool insecure = false;
  tls::ClientOptions tls;
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds handshake_timeout{10'000};
  // How long a TLS 1.3 server may take for the ticket after the handshake: with --resume, and else.
  std::chrono::milliseconds ticket_timeout{2'000};
  std::chrono::milliseconds idle_timeout{300};
};

// Never fails as a whole, but for options that cannot be had: then `error` says why, and the report
// is empty. Blocks for the timeouts at most, and as long as the resolver takes. Thread: any.
[[nodiscard]] ProbeReport probe_handshake(const ProbeOptions& options, std::string& error);

}  // namespace sluice::ops
