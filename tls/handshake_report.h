// What is known of one handshake, for the log and the trace: what the client offered, what became
// of it. Holds no secret.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "tls/client_hello.h"
#include "tls/handshake_trace.h"

namespace sluice::tls {

struct HandshakeReport {
  static constexpr size_t kFirstOctets = 15;  // a std::string keeps so many in itself

  std::optional<ClientHello> hello;  // none: none came, or it is malformed
  bool hello_came = false;           // a ClientHello, well-formed or not
  bool name_refused = false;         // no certificate is for it, and the listener refuses such
  // The description of a fatal alert (RFC 8446 section 6.2); -1: none.
  int alert_sent = -1;
  int alert_received = -1;
  unsigned long error = 0;  // OpenSSL's code of what went wrong first; 0: nothing did
  int verification = 0;     // X509_V_ERR_..., when the client's certificate was not taken
  uint64_t received = 0;    // octets of records
  // What the client sent first, kFirstOctets at most: tells what speaks something else.
  std::string first_octets;
  int last_message = -1;                  // the last message's type that the client sent; -1: none
  int last_sent = -1;                     // likewise that we sent
  std::unique_ptr<HandshakeTrace> trace;  // where the listener asks for it
};

}  // namespace sluice::tls
