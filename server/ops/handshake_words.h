// What handshakes, messages and certificates say, in words; shared by the forms for people and for
// machines.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "server/ops/probe_report.h"

namespace sluice::ops {

// "224 octets", "1 octet".
std::string octets_text(size_t size);
// "0.3 ms", "12 ms", "1.3 s".
std::string time_text(std::chrono::microseconds time);
// "2026-11-25", UTC; of seconds since 1970.
std::string date_text(int64_t seconds);
std::string hex_text(std::span<const uint8_t> octets);

// What a message says, one short line for each thing; printable. Values of long lists beyond the
// first few are counted. `version` is the handshake's: ChangeCipherSpec has lost its meaning.
std::vector<std::string> message_details(const tls::TracedMessage& message, uint16_t version);

// "ECDHE over X25519", "RSA: ...", of a handshake that got as far as that.
std::string key_exchange_text(const tls::HandshakeSummary& summary);

// What is wrong with the certificate, as a sentence, and with what to do where that is known.
std::string problem_text(const tls::VerificationProblem& problem, const ProbeReport& report,
                         const HandshakeRun& run);
// "expired", "wrong_name" ...
std::string problem_name(tls::VerificationProblem::Kind kind);

// The certificates of the first run's server; null when it sent none.
const tls::CertificateChain* server_chain(const tls::HandshakeTrace& trace);

}  // namespace sluice::ops
