// A function for each message. Before TLS 1.2 signatures named no scheme. All return whether the
// message was well-formed.
#include "tls/handshake_message.h"

#include <algorithm>
#include <bit>

#include "tls/octet_reader.h"

namespace sluice::tls {
namespace {

constexpr size_t kMostVerifyData = 64;
constexpr size_t kLongestProtocol = 255;

// SHA-256 of "HelloRetryRequest".
constexpr std::array<uint8_t, 32> kRetryRandom = {
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};

enum Extension : uint16_t {
  server_name = 0,
  signature_algorithms = 13,
  application_layer_protocol_negotiation = 16,
  extended_master_secret = 23,
  pre_shared_key = 41,
  early_data = 42,
  supported_versions = 43,
  key_share = 51,
};

// A server's answer: a list of exactly one protocol (RFC 7301 section 3.1).
bool read_chosen_protocol(OctetReader& extension, std::string& out) {
  OctetReader list(extension.vector16());
  const Octets name = list.vector8();
  out.assign(name.begin(),
             name.begin() + static_cast<ptrdiff_t>(std::min(name.size(), kLongestProtocol)));
  return list.done() && !name.empty() && extension.done();
}

bool read_schemes(Octets list, std::vector<uint16_t>& out) {
  OctetReader reader(list);
  while (reader.more()) {
    const uint16_t scheme = reader.u16();
    if (!reader.failed() && out.size() < ClientHello::kMostCodePoints) out.push_back(scheme);
  }
  return !reader.failed();
}

// A HelloRetryRequest has only the group; else the key follows.
bool read_share(OctetReader& extension, ServerHello& hello) {
  hello.group = extension.u16();
  if (!hello.is_retry_request) extension.vector16();
  return extension.done();
}

bool read_hello_extension(uint16_t type, OctetReader body, ServerHello& hello) {
  switch (type) {
    case supported_versions:
      hello.version = body.u16();
      return body.done();
    case key_share:
      return read_share(body, hello);
    case pre_shared_key:
      hello.accepts_psk = true;
      return true;
    case extended_master_secret:
      hello.extended_master_secret = true;
      return true;
    case application_layer_protocol_negotiation:
      return read_chosen_protocol(body, hello.alpn);
    default:
      return true;
  }
}

// Calls `each(type, body)` for every extension of the list, until it says false.
template <typename Each>
bool read_extensions(Octets octets, Each each) {
  OctetReader list(octets);
  while (list.more()) {
    const uint16_t type = list.u16();
    const OctetReader body(list.vector16());
    if (list.failed() || !each(type, body)) return false;
  }
  return !list.failed();
}

bool decode(OctetReader& body, ServerHello& hello) {
  hello.version = body.u16();
  const Octets random = body.take(hello.random.size());
  std::copy(random.begin(), random.end(), hello.random.begin());
  hello.is_retry_request = hello.random == kRetryRandom;
  if (body.vector8().size() > 32) return false;
  hello.suite = body.u16();
  body.u8();  // compression: null
  if (!body.more()) return body.done();
  return read_extensions(body.vector16(), [&hello](uint16_t type, OctetReader extension) {
    return read_hello_extension(type, extension, hello);
  });
}

bool decode(OctetReader& body, EncryptedExtensions& extensions) {
  return read_extensions(body.vector16(), [&extensions](uint16_t type, OctetReader extension) {
    if (type == early_data) extensions.accepts_early_data = true;
    if (type == server_name) extensions.acknowledges_server_name = true;
    return type != application_layer_protocol_negotiation ||
           read_chosen_protocol(extension, extensions.alpn);
  });
}

// TLS 1.2: a list of certificates. TLS 1.3: a context in front, extensions after each.
bool decode(OctetReader& body, CertificateChain& chain, bool is_tls13) {
  if (is_tls13) body.vector8();
  OctetReader list(body.vector24());
  while (list.more()) {
    const Octets der = list.vector24();
    if (is_tls13) list.vector16();
    if (list.failed() || der.empty()) return false;
    ++chain.total;
    if (chain.entries.size() < CertificateChain::kMostCertificates)
      chain.entries.push_back({der.size(), read_certificate(der)});
  }
  return !list.failed();
}

unsigned bits_of(Octets number) {
  while (!number.empty() && number.front() == 0) number = number.subspan(1);
  if (number.empty()) return 0;
  return static_cast<unsigned>(number.size() * 8) -
         static_cast<unsigned>(std::countl_zero(number.front()));
}

// RFC 8422 section 5.4; RFC 5246 section 7.4.3. What is signed follows, unless nobody signs
// (anonymous suites).
bool decode(OctetReader& body, ServerKeyExchange& exchange, KeyExchange kind, uint16_t version) {
  constexpr uint8_t kNamedCurve = 3;
  if (kind == KeyExchange::ecdhe) {
    if (body.u8() != kNamedCurve) return false;
    exchange.group = body.u16();
    body.vector8();
  } else if (kind == KeyExchange::dhe) {
    exchange.prime_bits = bits_of(body.vector16());
    body.vector16();
    body.vector16();
  } else {
    body.take(body.rest().size());  // of no kind that is shown
  }
  if (body.more()) {
    if (version >= kTls12) exchange.signature_scheme = body.u16();
    body.vector16();
  }
  return true;
}

bool decode(OctetReader& body, ClientKeyExchange& exchange, KeyExchange kind) {
  exchange.kind = kind;
  if (kind == KeyExchange::ecdhe) {
    exchange.size = body.vector8().size();
  } else if (kind == KeyExchange::rsa || kind == KeyExchange::dhe) {
    exchange.size = body.vector16().size();
  } else {
    exchange.size = body.take(body.rest().size()).size();
  }
  return true;
}

bool read_authorities(Octets list, size_t& count) {
  OctetReader reader(list);
  for (; reader.more(); ++count) reader.vector16();
  return !reader.failed();
}

bool decode(OctetReader& body, CertificateRequest& request, uint16_t version) {
  body.vector8();  // TLS 1.3: a context; TLS 1.2: types of certificates
  if (version != kTls13) {
    if (version >= kTls12 && !read_schemes(body.vector16(), request.signature_schemes))
      return false;
    return read_authorities(body.vector16(), request.authorities);
  }
  return read_extensions(body.vector16(), [&request](uint16_t type, OctetReader extension) {
    return type != signature_algorithms ||
           read_schemes(extension.vector16(), request.signature_schemes);
  });
}

bool decode(OctetReader& body, CertificateVerify& verify, uint16_t version) {
  if (version >= kTls12) verify.signature_scheme = body.u16();
  verify.signature_size = body.vector16().size();
  return true;
}

bool decode(OctetReader& body, NewSessionTicket& ticket, bool is_tls13) {
  ticket.lifetime_seconds = body.u32();
  if (is_tls13) {
    body.u32();      // what obfuscates its age
    body.vector8();  // nonce
  }
  ticket.ticket_size = body.vector16().size();
  if (is_tls13) body.vector16();
  return true;
}

bool decode(OctetReader& body, Finished& finished) {
  const Octets data = body.take(body.rest().size());
  if (data.empty() || data.size() > kMostVerifyData) return false;
  finished.verify_data.assign(data.begin(), data.end());
  return true;
}

// One message's essentials, if its decoder is content and has read all of it.
template <typename Message, typename... Form>
std::optional<Essentials> decoded(OctetReader& body, Form... form) {
  Message message;
  if (!decode(body, message, form...) || !body.done()) return std::nullopt;
  return message;
}

std::optional<Essentials> decode_client_hello(Octets message) {
  std::optional<ClientHello> hello = parse_client_hello(message);
  if (!hello) return std::nullopt;
  return std::move(*hello);
}

}  // namespace

std::optional<Essentials> decode_message(std::span<const uint8_t> message,
                                         const Negotiated& negotiated) {
  OctetReader reader(message);
  const auto type = static_cast<MessageType>(reader.u8());
  OctetReader body(reader.vector24());
  if (!reader.done()) return std::nullopt;
  const bool is_tls13 = negotiated.version == kTls13;
  const KeyExchange kind = key_exchange_of(negotiated.suite);
  switch (type) {
    case MessageType::client_hello:
      return decode_client_hello(message);
    case MessageType::server_hello:
      return decoded<ServerHello>(body);
    case MessageType::encrypted_extensions:
      return decoded<EncryptedExtensions>(body);
    case MessageType::certificate:
      return decoded<CertificateChain>(body, is_tls13);
    case MessageType::server_key_exchange:
      return decoded<ServerKeyExchange>(body, kind, negotiated.version);
    case MessageType::client_key_exchange:
      return decoded<ClientKeyExchange>(body, kind);
    case MessageType::certificate_request:
      return decoded<CertificateRequest>(body, negotiated.version);
    case MessageType::certificate_verify:
      return decoded<CertificateVerify>(body, negotiated.version);
    case MessageType::new_session_ticket:
      return decoded<NewSessionTicket>(body, is_tls13);
    case MessageType::finished:
      return decoded<Finished>(body);
    default:
      return Essentials();
  }
}

std::optional<Alert> decode_alert(std::span<const uint8_t> octets) {
  constexpr uint8_t kFatal = 2;
  OctetReader reader(octets);
  const uint8_t level = reader.u8();
  const uint8_t description = reader.u8();
  if (!reader.done()) return std::nullopt;
  return Alert{.fatal = level == kFatal, .description = description};
}

}  // namespace sluice::tls
