// `sluice handshake`: a TLS handshake as a client, shown message by message.
#pragma once

#include <string>

namespace sluice {

struct HandshakeOptions {
  std::string target;  // HOST, HOST:PORT, [::1]:PORT
  bool tls12 = false;  // offer this version; both or none: both
  bool tls13 = false;
  std::string suites;       // names with colons or commas between; empty: OpenSSL's default
  std::string server_name;  // sent and expected in place of HOST
  std::string alpn = "h2,http/1.1";
  std::string authorities;  // a PEM file; empty: the system's
  bool resume = false;
  bool insecure = false;
  bool json = false;
};

// Prints to standard output. Returns the exit code: 0 when the handshake succeeded and, unless
// `insecure`, the certificate is in order; 1 when not; 2 for options that cannot be. Secrets go to
// $SSLKEYLOGFILE alone, if that is set. Thread: main.
int handshake(const HandshakeOptions& options);

}  // namespace sluice
