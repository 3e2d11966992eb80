// Why a handshake failed, in words, and what to do about it.
#pragma once

#include <chrono>
#include <string>

#include "server/ops/probe_report.h"

namespace sluice::ops {

// How the transport left the client alone.
enum class Ending : uint8_t { failed, closed, reset, timeout };

struct Failure {
  Ending ending = Ending::failed;
  std::string first_octets;   // the first that came, at most a few; empty: none
  std::string library_error;  // OpenSSL's words
  std::chrono::seconds patience{0};
};

// Sets error and advice of `run`, the last of `report`, by its trace and by `failure`.
void explain_failure(const ProbeReport& report, const Failure& failure, HandshakeRun& run);

}  // namespace sluice::ops
