// The messages of a handshake, decoded as far as a person wants to see them: TLS 1.2 (RFC 5246,
// RFC 8422, RFC 5077) and TLS 1.3 (RFC 8446).
//
// Invariants:
// 1. No octet outside the message is read, and what is kept of one is bounded.
// 2. Nothing secret is kept, nor what would link connections: of a pre-master secret, a key share,
// a
//    ticket and a PSK identity only the size.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "tls/client_hello.h"
#include "tls/peer_certificate.h"
#include "tls/registry.h"

namespace sluice::tls {

// ContentType of a record (RFC 8446 section 5.1).
enum class ContentType : uint8_t { change_cipher_spec = 20, alert = 21, handshake = 22 };

// HandshakeType, of the messages that are decoded here or looked for.
enum class MessageType : uint8_t {
  hello_request = 0,
  client_hello = 1,
  server_hello = 2,
  new_session_ticket = 4,
  encrypted_extensions = 8,
  certificate = 11,
  server_key_exchange = 12,
  certificate_request = 13,
  server_hello_done = 14,
  certificate_verify = 15,
  client_key_exchange = 16,
  finished = 20,
  key_update = 24,
};

struct ServerHello {
  uint16_t version = 0;  // the one chosen: of supported_versions, else legacy_version
  std::array<uint8_t, 32> random{};
  uint16_t suite = 0;
  uint16_t group = 0;  // of the key share, or the one asked for by a HelloRetryRequest; 0: none
  bool is_retry_request = false;  // a ServerHello with a certain random, RFC 8446 section 4.1.3
  bool accepts_psk = false;       // TLS 1.3: the session is resumed
  bool extended_master_secret = false;  // RFC 7627
  std::string alpn;                     // TLS 1.2: the protocol chosen; empty: none
};

struct EncryptedExtensions {
  std::string alpn;
  bool accepts_early_data = false;
  bool acknowledges_server_name = false;
};

struct CertificateChain {
  static constexpr size_t kMostCertificates = 10;  // decoded; further ones are only counted

  struct Entry {
    size_t size = 0;                       // octets of DER
    std::optional<PeerCertificate> facts;  // nothing: it could not be decoded
  };
  std::vector<Entry> entries;  // the peer's own first
  size_t total = 0;            // how many were sent
};

struct ServerKeyExchange {
  uint16_t group = 0;             // ECDHE over a named group; 0: none
  unsigned prime_bits = 0;        // DHE: of the prime
  uint16_t signature_scheme = 0;  // 0: unsigned
};

struct ClientKeyExchange {
  KeyExchange kind = KeyExchange::unknown;
  size_t size = 0;  // octets of the encrypted pre-master secret (rsa), or of the public key
};

struct CertificateRequest {
  std::vector<uint16_t> signature_schemes;
  size_t authorities = 0;  // distinguished names listed (TLS 1.2)
};

struct CertificateVerify {
  uint16_t signature_scheme = 0;
  size_t signature_size = 0;
};

struct NewSessionTicket {
  uint32_t lifetime_seconds = 0;
  size_t ticket_size = 0;
};

struct Finished {
  std::vector<uint8_t> verify_data;  // at most 64 octets
};

struct Alert {
  bool fatal = false;
  uint8_t description = 0;
};

using Essentials =
    std::variant<std::monostate, ClientHello, ServerHello, EncryptedExtensions, CertificateChain,
                 ServerKeyExchange, ClientKeyExchange, CertificateRequest, CertificateVerify,
                 NewSessionTicket, Finished, Alert>;

// What the hellos decided so far: later messages are written in a form that follows from it.
struct Negotiated {
  uint16_t version = 0;  // 0: no ServerHello yet
  uint16_t suite = 0;
};

// Decodes a handshake message, its four octets of header included. Nothing when it is malformed;
// monostate when it is well-formed, but of a type with nothing to show.
[[nodiscard]] std::optional<Essentials> decode_message(std::span<const uint8_t> message,
                                                       const Negotiated& negotiated);

// Two octets: level and description.
[[nodiscard]] std::optional<Alert> decode_alert(std::span<const uint8_t> octets);

}  // namespace sluice::tls
