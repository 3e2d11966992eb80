// What every TLS server of the benchmark is asked for, so that all of them do the same work: one
// suite per version, one group, one way of signing. Both programs that shake hands include it.
#pragma once

namespace sluice::bench {

// TLS 1.3 as OpenSSL's clients, wrk too, and all the servers choose it; TLS 1.2 with the same
// cipher.
inline constexpr char kSuites13[] = "TLS_AES_256_GCM_SHA384";
inline constexpr char kSuites12[] = "ECDHE-ECDSA-AES256-GCM-SHA384";
// The first is the group of the exchange. TLS 1.2 wants the curve of the certificate's key named,
// too.
inline constexpr char kGroups[] = "X25519:P-256";
inline constexpr char kSignature[] = "ecdsa_secp256r1_sha256";

}  // namespace sluice::bench
