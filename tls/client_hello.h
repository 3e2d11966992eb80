// What a client asks for: its ClientHello (RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2), read
// by ourselves. OpenSSL tells of it only in part, and nothing when it refused it; but that is when
// an operator wants to know what was offered.
//
// Invariants:
// 1. Nothing outside the message is read; every length must be exact.
// 2. What is kept is bounded (kMostCodePoints, kMostProtocols), whatever the message's size.
// 3. Nothing secret or linkable is kept: no session id, ticket, PSK identity or key share.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sluice::tls {

struct ClientHello {
  static constexpr size_t kMostCodePoints = 256;  // kept of each list; clients send up to about 100
  static constexpr size_t kMostProtocols = 32;    // kept of ALPN

  uint16_t legacy_version = 0;
  std::array<uint8_t, 32> random{};
  size_t session_id_size = 0;  // 0 to 32
  std::vector<uint16_t> suites;
  std::vector<uint16_t> versions;           // of supported_versions; empty: TLS 1.2 or older
  std::vector<uint16_t> groups;             // of supported_groups
  std::vector<uint16_t> key_share_groups;   // those of them that a TLS 1.3 client sent a key for
  std::vector<uint16_t> signature_schemes;  // of signature_algorithms
  // Lower case, without a trailing dot; empty when there is none, or none that is a host name.
  std::string server_name;
  bool has_invalid_server_name = false;  // there was one, but no DNS host name (RFC 6066 section 3)
  // As sent, in order; any octets but a zero length (RFC 7301 section 3.1).
  std::vector<std::string> alpn;
  bool has_alpn = false;
  bool supports_tickets = false;  // session_ticket (RFC 5077), empty or not
  bool offers_ticket = false;     // session_ticket with a ticket in it
  bool offers_psk = false;        // pre_shared_key: TLS 1.3's way to resume
  bool offers_early_data = false;
  bool has_extensions = false;  // without any, it is a client of before 2003

  // The newest version offered that is no GREASE value (RFC 8701): of supported_versions, else
  // legacy_version.
  [[nodiscard]] uint16_t newest_version() const;
};

// Reads a handshake message, its four octets of header included, as OpenSSL's message callback
// gives it. Nothing when it is no well-formed ClientHello. Any thread; keeps nothing of `message`.
[[nodiscard]] std::optional<ClientHello> parse_client_hello(std::span<const uint8_t> message);

// Whether `value` is reserved by RFC 8701 to keep peers tolerant: 0x0a0a, 0x1a1a ... 0xfafa.
[[nodiscard]] constexpr bool is_grease(uint16_t value) {
  return (value & 0x0f0fU) == 0x0a0aU && value >> 8 == (value & 0xffU);
}

}  // namespace sluice::tls
