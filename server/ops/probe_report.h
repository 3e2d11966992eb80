// What `sluice handshake` found: for people (handshake_text.h), for machines (handshake_json.h).
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "tls/client.h"
#include "tls/handshake_trace.h"

namespace sluice::ops {

// One connection with its handshake.
struct HandshakeRun {
  std::string address;  // "127.0.0.1:443", "[::1]:443"; empty: there was none
  std::chrono::microseconds connect_time{0};
  bool connected = false;
  bool succeeded = false;  // the handshake is complete, and no fatal alert came after it
  tls::HandshakeTrace trace{tls::Role::client};
  std::vector<tls::VerificationProblem> problems;
  // What went wrong, and what to do about it, in words; empty when nothing did.
  std::string error;
  std::string advice;
};

struct ProbeReport {
  std::string host;
  std::string port;
  std::string server_name;    // sent as SNI; empty: none
  std::string expected_name;  // what the certificate must be for
  bool resume = false;        // a second run with the first one's session was asked for
  bool insecure = false;      // problems with the certificate are told, but no failure
  bool lowered_security = false;
  std::string suites;              // asked for
  std::vector<HandshakeRun> runs;  // one, or two with `resume`

  // Whether everything asked for was had.
  [[nodiscard]] bool succeeded() const;
};

}  // namespace sluice::ops
