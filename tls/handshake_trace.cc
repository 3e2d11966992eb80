// Messages come as OpenSSL tells of them; ChangeCipherSpec is known by its record, since OpenSSL
// tells of it when it is sent, but not each time that one comes.
#include "tls/handshake_trace.h"

#include <openssl/ssl3.h>

#include <algorithm>

#include "tls/octet_reader.h"

namespace sluice::tls {
namespace {

constexpr uint8_t kApplicationData = 23;
constexpr size_t kRecordHeader = 5;
constexpr uint8_t kCloseNotify = 0;
constexpr uint8_t kUserCanceled = 90;

template <typename Message>
const Message* essentials_of(const TracedMessage& message) {
  return std::get_if<Message>(&message.essentials);
}

void add_server_hello(const ServerHello& hello, HandshakeSummary& summary) {
  summary.version = hello.version;
  summary.suite = hello.suite;
  summary.group = hello.group;
  summary.key_exchange = key_exchange_of(hello.suite);
  summary.retried = summary.retried || hello.is_retry_request;
  summary.resumed = hello.accepts_psk;
  summary.extended_master_secret = hello.extended_master_secret;
  summary.alpn = hello.alpn;
}

void add_essentials(const TracedMessage& message, HandshakeSummary& summary) {
  const bool from_server = message.sender == Role::server;
  if (const auto* hello = essentials_of<ServerHello>(message)) add_server_hello(*hello, summary);
  if (const auto* extensions = essentials_of<EncryptedExtensions>(message))
    summary.alpn = extensions->alpn;
  if (const auto* exchange = essentials_of<ServerKeyExchange>(message)) {
    summary.group = exchange->group;
    summary.signature_scheme = exchange->signature_scheme;
  }
  if (const auto* verify = essentials_of<CertificateVerify>(message); verify && from_server)
    summary.signature_scheme = verify->signature_scheme;
  if (const auto* chain = essentials_of<CertificateChain>(message); chain && !from_server)
    summary.client_certificate = chain->total > 0;
  const auto* alert = essentials_of<Alert>(message);
  if (alert != nullptr && alert->fatal && !summary.fatal_alert) {
    summary.fatal_alert = alert->description;
    summary.alert_sender = message.sender;
  }
}

// What the order of messages tells: when both have finished, how often the server was waited for,
// and whether a TLS 1.2 server went on without certificate and key exchange.
class Course {
 public:
  void add(const TracedMessage& message) {
    if (complete()) return;
    at_ = message.at;
    if (message.content == ContentType::alert) return;
    const bool from_server = message.sender == Role::server;
    if (from_server && before_ == Role::client) ++flights_of_server_;
    before_ = message.sender;
    if (message.content != ContentType::handshake) return;
    if (message.type == MessageType::server_hello_done) hello_done_ = true;
    if (message.type != MessageType::finished) return;
    (from_server ? server_finished_ : client_finished_) = true;
    if (from_server && !hello_done_) abbreviated_ = true;
  }

  void conclude(HandshakeSummary& summary) const {
    summary.complete = complete();
    summary.duration = at_;
    summary.round_trips = flights_of_server_;
    if (summary.version != 0 && summary.version < kTls13) summary.resumed = abbreviated_;
  }

 private:
  bool complete() const { return client_finished_ && server_finished_; }

  Role before_ = Role::server;
  unsigned flights_of_server_ = 0;
  bool hello_done_ = false;
  bool client_finished_ = false;
  bool server_finished_ = false;
  bool abbreviated_ = false;
  std::chrono::microseconds at_{0};
};

}  // namespace

std::string TracedMessage::name() const {
  if (content == ContentType::change_cipher_spec) return "ChangeCipherSpec";
  if (content == ContentType::alert) return "Alert";
  const auto* hello = std::get_if<ServerHello>(&essentials);
  if (hello != nullptr && hello->is_retry_request) return "HelloRetryRequest";
  return message_name(static_cast<uint8_t>(type));
}

void HandshakeTrace::add(bool sent, int content_type, std::span<const uint8_t> octets,
                         std::chrono::microseconds at) {
  const Role other = own_ == Role::client ? Role::server : Role::client;
  const Role sender = sent ? own_ : other;
  switch (content_type) {
    case SSL3_RT_HEADER:
      return add_record(sender, octets, at);
    case SSL3_RT_HANDSHAKE:
      return add_handshake(sender, octets, at);
    case SSL3_RT_ALERT:
      return add_alert(sender, octets, at);
    default:
      return;
  }
}

void HandshakeTrace::add_record(Role sender, std::span<const uint8_t> header,
                                std::chrono::microseconds at) {
  OctetReader reader(header);
  const uint8_t type = reader.u8();
  reader.u16();  // its version says nothing since TLS 1.3
  const uint16_t size = reader.u16();
  if (!reader.done()) return;
  Side& from = side(sender);
  from.octets += kRecordHeader + size;
  from.opaque = type == kApplicationData;
  if (type != SSL3_RT_CHANGE_CIPHER_SPEC) return;
  keep({.sender = sender, .content = ContentType::change_cipher_spec, .size = size, .at = at});
  from.encrypts = negotiated_.version != 0 && negotiated_.version < kTls13;
}

void HandshakeTrace::add_handshake(Role sender, std::span<const uint8_t> octets,
                                   std::chrono::microseconds at) {
  if (octets.empty()) return;
  if (messages_.size() == kMostMessages) {
    ++left_out_;
    return;
  }
  TracedMessage message{.sender = sender,
                        .type = static_cast<MessageType>(octets.front()),
                        .size = octets.size(),
                        .at = at,
                        .encrypted = side(sender).encrypts || side(sender).opaque};
  std::optional<Essentials> essentials = decode_message(octets, negotiated_);
  message.malformed = !essentials;
  if (essentials) message.essentials = std::move(*essentials);
  if (const auto* hello = essentials_of<ServerHello>(message))
    negotiated_ = {.version = hello->version, .suite = hello->suite};
  keep(std::move(message));
}

void HandshakeTrace::add_alert(Role sender, std::span<const uint8_t> octets,
                               std::chrono::microseconds at) {
  std::optional<Alert> alert = decode_alert(octets);
  // RFC 8446 section 6: the level says nothing any more.
  if (alert && negotiated_.version == kTls13)
    alert->fatal = alert->description != kCloseNotify && alert->description != kUserCanceled;
  TracedMessage message{.sender = sender,
                        .content = ContentType::alert,
                        .size = octets.size(),
                        .at = at,
                        .encrypted = side(sender).encrypts || side(sender).opaque,
                        .malformed = !alert};
  if (alert) message.essentials = *alert;
  keep(std::move(message));
}

void HandshakeTrace::keep(TracedMessage&& message) {
  if (messages_.size() < kMostMessages) {
    messages_.push_back(std::move(message));
  } else {
    ++left_out_;
  }
}

HandshakeSummary HandshakeTrace::summary() const {
  HandshakeSummary summary;
  Course course;
  for (const TracedMessage& message : messages_) {
    add_essentials(message, summary);
    course.add(message);
  }
  course.conclude(summary);
  summary.octets_from_client = client_.octets;
  summary.octets_from_server = server_.octets;
  return summary;
}

}  // namespace sluice::tls
