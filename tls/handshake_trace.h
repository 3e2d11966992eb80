// A handshake as it went: every message both ways, in order, with its size, its time and what it
// said, and what follows from all of them. It is fed by OpenSSL's message callback, on either side.
//
// Invariants:
// 1. Bounded: kMostMessages messages, each with bounded essentials; further ones are only counted.
// 2. Nothing secret enters (handshake_message.h).
// 3. Only the owner's clock: times are given.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tls/handshake_message.h"

namespace sluice::tls {

enum class Role : uint8_t { client, server };

struct TracedMessage {
  Role sender = Role::client;
  ContentType content = ContentType::handshake;
  MessageType type = MessageType::hello_request;  // of handshake messages only
  size_t size = 0;                                // octets, without the record's header
  std::chrono::microseconds at{0};                // since the trace's beginning
  bool encrypted = false;                         // its record was: nobody in between could read it
  bool malformed = false;                         // it could not be decoded
  Essentials essentials;

  // "ClientHello", "HelloRetryRequest", "ChangeCipherSpec", "Alert".
  [[nodiscard]] std::string name() const;
};

// What follows from the messages.
struct HandshakeSummary {
  bool complete = false;  // both have sent Finished
  uint16_t version = 0;   // 0: no ServerHello came
  uint16_t suite = 0;
  KeyExchange key_exchange = KeyExchange::unknown;  // tls13 without a group: by PSK alone
  uint16_t group = 0;                               // of (EC)DHE; 0: none, or none of a name
  uint16_t signature_scheme = 0;  // with which the server proved that the key is its own
  bool resumed = false;
  bool retried = false;  // by a HelloRetryRequest
  bool extended_master_secret = false;
  bool client_certificate = false;  // the client sent one
  std::string alpn;                 // empty: none agreed
  unsigned round_trips = 0;         // before the client may send its request
  std::chrono::microseconds duration{
      0};                         // to the last Finished; to the last message when incomplete
  size_t octets_from_client = 0;  // of records, their headers included
  size_t octets_from_server = 0;
  // The first fatal alert, and who sent it.
  std::optional<uint8_t> fatal_alert;
  Role alert_sender = Role::client;
};

class HandshakeTrace {
 public:
  static constexpr size_t kMostMessages = 64;

  // `own` is the side whose callback feeds the trace.
  explicit HandshakeTrace(Role own) : own_(own) {}

  // The arguments of SSL_set_msg_callback's function: whether it is sent (else received), the
  // content type (pseudo types too), the octets. `at` is the time since the beginning.
  void add(bool sent, int content_type, std::span<const uint8_t> octets,
           std::chrono::microseconds at);

  [[nodiscard]] Role own() const noexcept { return own_; }
  [[nodiscard]] const std::vector<TracedMessage>& messages() const noexcept { return messages_; }
  // Messages that came after kMostMessages.
  [[nodiscard]] size_t left_out() const noexcept { return left_out_; }
  [[nodiscard]] HandshakeSummary summary() const;

 private:
  struct Side {
    bool encrypts = false;  // TLS 1.2: ChangeCipherSpec was sent
    bool opaque = false;    // the last record was of type application_data: TLS 1.3, encrypted
    size_t octets = 0;
  };

  Side& side(Role sender) { return sender == Role::client ? client_ : server_; }
  void add_record(Role sender, std::span<const uint8_t> header, std::chrono::microseconds at);
  void add_handshake(Role sender, std::span<const uint8_t> octets, std::chrono::microseconds at);
  void add_alert(Role sender, std::span<const uint8_t> octets, std::chrono::microseconds at);
  void keep(TracedMessage&& message);

  Role own_;
  std::vector<TracedMessage> messages_;
  size_t left_out_ = 0;
  Side client_;
  Side server_;
  Negotiated negotiated_;
};

}  // namespace sluice::tls
