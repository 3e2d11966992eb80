// A client and a server of OpenSSL that shake hands in memory, both traced; with certificates made
// on the spot, and a way to change octets between them.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <functional>
#include <string>
#include <vector>

#include "tls/handshake_trace.h"
#include "tls/openssl.h"

namespace sluice::tls {

struct PairIdentity {
  KeyPointer key;
  X509Pointer certificate;
};

struct IdentityOptions {
  std::string name = "site.example";
  bool rsa = false;     // else ECDSA over P-256
  long begins = -3600;  // seconds from now
  long ends = 86400;
  const PairIdentity* issuer = nullptr;  // none: it signs itself
  bool authority = false;
  bool alternative_names = true;  // name and the loopback addresses; never of an authority
};

PairIdentity make_identity(const IdentityOptions& options);
std::vector<uint8_t> to_der(const X509& certificate);
std::string to_pem(const X509& certificate);

struct PairOptions {
  int version = TLS1_3_VERSION;
  std::string suites;         // of TLS 1.2; empty: OpenSSL's default
  std::string client_groups;  // empty: OpenSSL's default
  std::string server_groups;
  const PairIdentity* server = nullptr;  // must be given
  const PairIdentity* client = nullptr;  // given: it is asked for and sent
  bool tickets = true;
};

class HandshakePair {
 public:
  // Changes what one side has just written; `flight` counts from 0 for all that both have sent.
  using Change = std::function<void(int flight, std::vector<uint8_t>& octets)>;

  explicit HandshakePair(const PairOptions& options);

  // Until neither has anything to say; twice with `session` resumes.
  void run(const Change& change = {});
  void resume(SSL_SESSION* session) { SSL_set_session(client.get(), session); }
  // A session that a further pair of the same contexts may resume.
  SslSessionPointer session() { return SslSessionPointer(SSL_get1_session(client.get())); }
  // Makes new ends of the same contexts, with new traces.
  void reconnect();

  ContextPointer client_context;
  ContextPointer server_context;
  SslPointer client;
  SslPointer server;
  HandshakeTrace client_trace{Role::client};
  HandshakeTrace server_trace{Role::server};
  // All that went over the wire.
  std::vector<uint8_t> wire;

 private:
  bool turn(SSL* from, SSL* to, const Change& change);
  int flight_ = 0;
};

}  // namespace sluice::tls
