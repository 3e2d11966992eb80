// Small tables, searched from the front: names are for people, one at a time.
#include "tls/registry.h"

#include <cstdio>
#include <span>

#include "tls/client_hello.h"

namespace sluice::tls {
namespace {

struct Named {
  uint16_t value;
  std::string_view name;
};

constexpr Named kVersions[] = {
    {0x0002, "SSL 2"},   {0x0300, "SSL 3"},   {0x0301, "TLS 1.0"},
    {0x0302, "TLS 1.1"}, {0x0303, "TLS 1.2"}, {0x0304, "TLS 1.3"},
};

constexpr Named kGroups[] = {
    {1, "sect163k1"},
    {3, "sect163r2"},
    {6, "sect233k1"},
    {7, "sect233r1"},
    {9, "sect283k1"},
    {10, "sect283r1"},
    {11, "sect409k1"},
    {12, "sect409r1"},
    {13, "sect571k1"},
    {14, "sect571r1"},
    {19, "secp192r1"},
    {21, "secp224r1"},
    {22, "secp256k1"},
    {23, "secp256r1"},
    {24, "secp384r1"},
    {25, "secp521r1"},
    {26, "brainpoolP256r1"},
    {27, "brainpoolP384r1"},
    {28, "brainpoolP512r1"},
    {29, "X25519"},
    {30, "X448"},
    {31, "brainpoolP256r1tls13"},
    {32, "brainpoolP384r1tls13"},
    {33, "brainpoolP512r1tls13"},
    {256, "ffdhe2048"},
    {257, "ffdhe3072"},
    {258, "ffdhe4096"},
    {259, "ffdhe6144"},
    {260, "ffdhe8192"},
    {512, "MLKEM512"},
    {513, "MLKEM768"},
    {514, "MLKEM1024"},
    {4587, "SecP256r1MLKEM768"},
    {4588, "X25519MLKEM768"},
    {4589, "SecP384r1MLKEM1024"},
    {0x6399, "X25519Kyber768Draft00"},
    {0xff01, "arbitrary_explicit_prime_curves"},
    {0xff02, "arbitrary_explicit_char2_curves"},
};

constexpr Named kSignatureSchemes[] = {
    {0x0101, "rsa_pkcs1_md5"},
    {0x0201, "rsa_pkcs1_sha1"},
    {0x0202, "dsa_sha1"},
    {0x0203, "ecdsa_sha1"},
    {0x0301, "rsa_pkcs1_sha224"},
    {0x0302, "dsa_sha224"},
    {0x0303, "ecdsa_sha224"},
    {0x0401, "rsa_pkcs1_sha256"},
    {0x0402, "dsa_sha256"},
    {0x0403, "ecdsa_secp256r1_sha256"},
    {0x0420, "rsa_pkcs1_sha256_legacy"},
    {0x0501, "rsa_pkcs1_sha384"},
    {0x0502, "dsa_sha384"},
    {0x0503, "ecdsa_secp384r1_sha384"},
    {0x0601, "rsa_pkcs1_sha512"},
    {0x0602, "dsa_sha512"},
    {0x0603, "ecdsa_secp521r1_sha512"},
    {0x0804, "rsa_pss_rsae_sha256"},
    {0x0805, "rsa_pss_rsae_sha384"},
    {0x0806, "rsa_pss_rsae_sha512"},
    {0x0807, "ed25519"},
    {0x0808, "ed448"},
    {0x0809, "rsa_pss_pss_sha256"},
    {0x080a, "rsa_pss_pss_sha384"},
    {0x080b, "rsa_pss_pss_sha512"},
    {0x081a, "ecdsa_brainpoolP256r1tls13_sha256"},
    {0x081b, "ecdsa_brainpoolP384r1tls13_sha384"},
    {0x081c, "ecdsa_brainpoolP512r1tls13_sha512"},
    {0x0904, "mldsa44"},
    {0x0905, "mldsa65"},
    {0x0906, "mldsa87"},
};

constexpr Named kMessages[] = {
    {0, "HelloRequest"},      {1, "ClientHello"},        {2, "ServerHello"},
    {4, "NewSessionTicket"},  {5, "EndOfEarlyData"},     {8, "EncryptedExtensions"},
    {11, "Certificate"},      {12, "ServerKeyExchange"}, {13, "CertificateRequest"},
    {14, "ServerHelloDone"},  {15, "CertificateVerify"}, {16, "ClientKeyExchange"},
    {20, "Finished"},         {21, "CertificateURL"},    {22, "CertificateStatus"},
    {23, "SupplementalData"}, {24, "KeyUpdate"},         {25, "CompressedCertificate"},
    {67, "NextProtocol"},
};

constexpr Named kAlerts[] = {
    {0, "close_notify"},
    {10, "unexpected_message"},
    {20, "bad_record_mac"},
    {21, "decryption_failed"},
    {22, "record_overflow"},
    {30, "decompression_failure"},
    {40, "handshake_failure"},
    {41, "no_certificate"},
    {42, "bad_certificate"},
    {43, "unsupported_certificate"},
    {44, "certificate_revoked"},
    {45, "certificate_expired"},
    {46, "certificate_unknown"},
    {47, "illegal_parameter"},
    {48, "unknown_ca"},
    {49, "access_denied"},
    {50, "decode_error"},
    {51, "decrypt_error"},
    {60, "export_restriction"},
    {70, "protocol_version"},
    {71, "insufficient_security"},
    {80, "internal_error"},
    {86, "inappropriate_fallback"},
    {90, "user_canceled"},
    {100, "no_renegotiation"},
    {109, "missing_extension"},
    {110, "unsupported_extension"},
    {111, "certificate_unobtainable"},
    {112, "unrecognized_name"},
    {113, "bad_certificate_status_response"},
    {114, "bad_certificate_hash_value"},
    {115, "unknown_psk_identity"},
    {116, "certificate_required"},
    {120, "no_application_protocol"},
    {121, "ech_required"},
};

std::string number(uint16_t value, int digits) {
  char text[8];
  std::snprintf(text, sizeof text, "0x%0*x", digits, value);
  return text;
}

std::string find(std::span<const Named> table, uint16_t value, int digits = 4) {
  for (const Named& one : table) {
    if (one.value == value) return std::string(one.name);
  }
  return digits == 4 && is_grease(value) ? "GREASE" : number(value, digits);
}

}  // namespace

std::string version_name(uint16_t version) { return find(kVersions, version); }
std::string group_name(uint16_t group) { return find(kGroups, group); }
std::string signature_scheme_name(uint16_t scheme) { return find(kSignatureSchemes, scheme); }
std::string message_name(uint8_t type) { return find(kMessages, type, 2); }
std::string alert_name(uint8_t description) { return find(kAlerts, description, 2); }

std::string suite_name(uint16_t suite) {
  const std::string_view name = known_suite(suite);
  return name.empty() ? find({}, suite) : std::string(name);
}

KeyExchange key_exchange_of(uint16_t suite) {
  if (suite >> 8 == 0x13) return KeyExchange::tls13;
  const std::string_view name = known_suite(suite);
  const auto has = [name](std::string_view part) { return name.find(part) != name.npos; };
  if (has("PSK_WITH") || has("SRP_")) return KeyExchange::psk;
  if (has("_ECDHE_") || has("_ECDH_anon_")) return KeyExchange::ecdhe;
  if (has("_DHE_") || has("_DH_anon_")) return KeyExchange::dhe;
  return has("TLS_RSA_") ? KeyExchange::rsa : KeyExchange::unknown;
}

}  // namespace sluice::tls
