// Why what a client offers does not go together with what a listener takes: versions, suites,
// groups, signature schemes, protocols above TLS.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "conf/configuration.h"
#include "tls/client_hello.h"
#include "tls/handshake_failure.h"

namespace sluice::tls {

// Text of a peer for a person: in quotes, other than printable ASCII as \xHH, cut behind 64 octets.
[[nodiscard]] std::string quoted_text(std::string_view text);

// Nothing: some version is common to both. RFC 8446 section 4.2.1.
[[nodiscard]] std::optional<HandshakeFailure> reason_of_versions(const ClientHello& hello,
                                                                 conf::Tls::Policy policy);
// For a handshake that failed by its suites, groups or signature schemes, with a version in common.
[[nodiscard]] HandshakeFailure reason_of_algorithms(const ClientHello& hello,
                                                    conf::Tls::Policy policy, const Choice& choice);
// For one that failed by ALPN.
[[nodiscard]] HandshakeFailure reason_of_protocols(const ClientHello& hello);

}  // namespace sluice::tls
