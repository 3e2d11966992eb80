// What a listener's policy means for OpenSSL: versions, suites, groups, and what is never done.
#pragma once

#include "conf/configuration.h"
#include "tls/openssl.h"

namespace sluice::tls {

// Sets everything that does not depend on certificates. False when this build of OpenSSL lacks
// something of it.
[[nodiscard]] bool apply_policy(conf::Tls::Policy policy, SSL_CTX& context);

// The oldest version it takes, as the protocol writes it (0x0303 is TLS 1.2).
int oldest_version(conf::Tls::Policy policy) noexcept;

}  // namespace sluice::tls
