// Names for the numbers of TLS, as IANA's registries have them ("TLS Parameters", October 2025),
// so that a person need not look them up.
//
// Each *_name function answers for every value: one that is not in the registry, or not here, is
// "0x1234"; one that only keeps peers tolerant (RFC 8701) is "GREASE". Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::tls {

constexpr uint16_t kTls12 = 0x0303;
constexpr uint16_t kTls13 = 0x0304;

std::string version_name(uint16_t version);          // "TLS 1.3"
std::string suite_name(uint16_t suite);              // "TLS_AES_128_GCM_SHA256"
std::string group_name(uint16_t group);              // "X25519", "secp256r1"
std::string signature_scheme_name(uint16_t scheme);  // "ecdsa_secp256r1_sha256"
std::string message_name(uint8_t type);              // "ClientHello", as RFC 8446 spells it
std::string alert_name(uint8_t description);         // "handshake_failure"

// Empty when the suite is unknown. Static storage.
std::string_view known_suite(uint16_t suite);
std::optional<uint16_t> suite_by_name(std::string_view name);

// How the peers come to a common secret, as far as the suite decides it (in TLS 1.3 it does not).
enum class KeyExchange : uint8_t { unknown, rsa, dhe, ecdhe, psk, tls13 };
KeyExchange key_exchange_of(uint16_t suite);

}  // namespace sluice::tls
