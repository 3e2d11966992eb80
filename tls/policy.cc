// Mozilla's guideline for servers, version 6.0 (wiki.mozilla.org/Security/Server_Side_TLS), in the
// words of OpenSSL. X25519MLKEM768, which it puts first, needs OpenSSL 3.5: it is offered where the
// library knows it.
#include "tls/policy.h"

namespace sluice::tls {

namespace {

using Policy = conf::Tls::Policy;

constexpr const char* kTls13Suites =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

constexpr const char* kIntermediateSuites =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

// Behind those: CBC for clients of before TLS 1.2, and RSA key transport (RFC 5246
// section 7.4.7.1).
constexpr const char* kLegacySuites =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
    "ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:"
    "ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES256-SHA384:ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES256-SHA:"
    "AES128-GCM-SHA256:AES256-GCM-SHA384:AES128-SHA256:AES256-SHA256:AES128-SHA:AES256-SHA";

constexpr long kTicketLife = 24 * 3600;  // seconds

constexpr const char* kNewGroups = "X25519MLKEM768:X25519:P-256:P-384";
constexpr const char* kGroups = "X25519:P-256:P-384";

bool set_versions(Policy policy, SSL_CTX& context) {
  return SSL_CTX_set_min_proto_version(&context, oldest_version(policy)) == 1 &&
         SSL_CTX_set_max_proto_version(&context, TLS1_3_VERSION) == 1;
}

bool set_algorithms(Policy policy, SSL_CTX& context) {
  const bool legacy = policy == Policy::legacy;
  // 2: no SHA-1 in signatures, no RSA under 2048 bits. TLS 1.0 and 1.1 cannot do without SHA-1.
  SSL_CTX_set_security_level(&context, legacy ? 0 : 2);
  return SSL_CTX_set_ciphersuites(&context, kTls13Suites) == 1 &&
         SSL_CTX_set_cipher_list(&context, legacy ? kLegacySuites : kIntermediateSuites) == 1 &&
         (SSL_CTX_set1_groups_list(&context, kNewGroups) == 1 ||
          SSL_CTX_set1_groups_list(&context, kGroups) == 1);
}

}  // namespace

bool apply_policy(Policy policy, SSL_CTX& context) {
  // All suites of the newer policies are good: the client knows best which one it has hardware for.
  uint64_t options = SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION;
  if (policy == Policy::legacy) options |= SSL_OP_CIPHER_SERVER_PREFERENCE;
  SSL_CTX_clear_options(&context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_ALLOW_NO_DHE_KEX |
                                      SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION);
  SSL_CTX_set_options(&context, options);
  // An idle connection holds no buffers; a record that could not be sent may move.
  SSL_CTX_set_mode(&context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // Tickets hold the session: nothing is stored here, whatever the number of clients. They live no
  // longer than the keys that open them (TlsUpkeep::kKeysChange).
  SSL_CTX_set_session_cache_mode(&context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_timeout(&context, kTicketLife);
  SSL_CTX_set_num_tickets(&context, 1);
  return set_versions(policy, context) && set_algorithms(policy, context);
}

int oldest_version(Policy policy) noexcept {
  switch (policy) {
    case Policy::modern:
      return TLS1_3_VERSION;
    case Policy::intermediate:
      return TLS1_2_VERSION;
    case Policy::legacy:
      return TLS1_VERSION;
  }
  return TLS1_3_VERSION;
}

}  // namespace sluice::tls
