// What a person wants to know of a certificate that a peer sent: whose it is, who says so, until
// when, and with which key. The octets are hostile; OpenSSL decodes them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sluice::tls {

struct PeerCertificate {
  static constexpr size_t kMostNames = 32;     // kept of the alternative names
  static constexpr size_t kLongestText = 256;  // octets of one name; longer ones are cut

  // Distinguished names as "CN=example.com, O=Example"; UTF-8 as the certificate has it, controls
  // escaped.
  std::string subject;
  std::string issuer;
  bool self_issued = false;  // the issuer is the subject
  int64_t not_before = 0;    // seconds since 1970; 0 where the date cannot be read
  int64_t not_after = 0;
  std::string key_kind;   // "RSA", "ECDSA", "Ed25519", ...; empty: unreadable
  unsigned key_bits = 0;  // 2048, 256 ...; 0: unknown
  std::string signature;  // "ecdsa-with-SHA256"
  // DNS names and addresses of subjectAltName; any octets.
  std::vector<std::string> names;
};

// Reads DER; nothing when it is no certificate. Any thread.
[[nodiscard]] std::optional<PeerCertificate> read_certificate(std::span<const uint8_t> der);

}  // namespace sluice::tls
