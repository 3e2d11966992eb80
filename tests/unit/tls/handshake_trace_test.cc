// Real handshakes of OpenSSL with itself, traced from both ends: what was said, in which order, and
// what follows from it. Then the same with a changed octet in each flight.
#include "tls/handshake_trace.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/unit/tls/handshake_pair.h"

namespace sluice::tls {
namespace {

using Names = std::vector<std::string>;

const PairIdentity& rsa() {
  static const PairIdentity kIdentity = make_identity({.rsa = true});
  return kIdentity;
}
const PairIdentity& ecdsa() {
  static const PairIdentity kIdentity = make_identity({});
  return kIdentity;
}

// "C ClientHello", "S ServerHello" ...; ChangeCipherSpec is left out on demand, for TLS 1.3 sends
// it for the sake of boxes in between only.
Names names_of(const HandshakeTrace& trace, bool with_change = true) {
  Names names;
  for (const TracedMessage& message : trace.messages()) {
    if (!with_change && message.content == ContentType::change_cipher_spec) continue;
    names.push_back((message.sender == Role::client ? "C " : "S ") + message.name());
  }
  return names;
}

template <typename Message>
const Message* find(const HandshakeTrace& trace, Role sender) {
  for (const TracedMessage& message : trace.messages()) {
    const auto* found = std::get_if<Message>(&message.essentials);
    if (found != nullptr && message.sender == sender) return found;
  }
  return nullptr;
}

void expect_well_formed(const HandshakeTrace& trace) {
  for (const TracedMessage& message : trace.messages())
    EXPECT_FALSE(message.malformed) << message.name();
  EXPECT_EQ(trace.left_out(), 0U);
}

void expect_equal_ends(const HandshakePair& pair) {
  expect_well_formed(pair.client_trace);
  expect_well_formed(pair.server_trace);
  const HandshakeSummary client = pair.client_trace.summary();
  const HandshakeSummary server = pair.server_trace.summary();
  EXPECT_EQ(client.complete, server.complete);
  EXPECT_EQ(client.version, server.version);
  EXPECT_EQ(client.suite, server.suite);
  EXPECT_EQ(client.group, server.group);
  EXPECT_EQ(client.resumed, server.resumed);
  EXPECT_EQ(client.round_trips, server.round_trips);
  EXPECT_EQ(client.octets_from_client, server.octets_from_client);
  EXPECT_EQ(client.octets_from_server, server.octets_from_server);
  EXPECT_EQ(client.octets_from_client + client.octets_from_server, pair.wire.size());
}

TEST(HandshakeTrace, ShowsRsaKeyTransport) {
  HandshakePair pair({.version = TLS1_2_VERSION, .suites = "AES128-SHA", .server = &rsa()});
  pair.run();
  expect_equal_ends(pair);
  const Names expected = {"C ClientHello",     "S ServerHello",       "S Certificate",
                          "S ServerHelloDone", "C ClientKeyExchange", "C ChangeCipherSpec",
                          "C Finished",        "S NewSessionTicket",  "S ChangeCipherSpec",
                          "S Finished"};
  EXPECT_EQ(names_of(pair.client_trace), expected);
  EXPECT_EQ(names_of(pair.server_trace), expected);
  const HandshakeSummary summary = pair.server_trace.summary();
  EXPECT_TRUE(summary.complete);
  EXPECT_EQ(summary.version, kTls12);
  EXPECT_EQ(suite_name(summary.suite), "TLS_RSA_WITH_AES_128_CBC_SHA");
  EXPECT_EQ(summary.key_exchange, KeyExchange::rsa);
  EXPECT_EQ(summary.group, 0);
  EXPECT_EQ(summary.round_trips, 2U);
  EXPECT_FALSE(summary.resumed);
  EXPECT_FALSE(summary.fatal_alert);
  const auto* const exchange = find<ClientKeyExchange>(pair.server_trace, Role::client);
  ASSERT_NE(exchange, nullptr);
  EXPECT_EQ(exchange->size, 256U);  // octets that an RSA key of 2048 bits encrypts to
}

TEST(HandshakeTrace, KnowsWhatIsInTheMessages) {
  HandshakePair pair({.version = TLS1_2_VERSION, .server = &rsa()});
  pair.run();
  const auto* const asked = find<ClientHello>(pair.client_trace, Role::client);
  const auto* const answer = find<ServerHello>(pair.client_trace, Role::server);
  ASSERT_TRUE(asked && answer);
  EXPECT_EQ(asked->server_name, "site.example");
  uint8_t random[32];
  ASSERT_EQ(SSL_get_client_random(pair.client.get(), random, 32), 32U);
  EXPECT_TRUE(std::equal(random, random + 32, asked->random.begin()));
  ASSERT_EQ(SSL_get_server_random(pair.client.get(), random, 32), 32U);
  EXPECT_TRUE(std::equal(random, random + 32, answer->random.begin()));
  const auto* const finished = find<Finished>(pair.client_trace, Role::client);
  uint8_t digest[64];
  const size_t size = SSL_get_finished(pair.client.get(), digest, sizeof digest);
  ASSERT_NE(finished, nullptr);
  EXPECT_EQ(finished->verify_data, std::vector<uint8_t>(digest, digest + size));
  const auto* const ticket = find<NewSessionTicket>(pair.client_trace, Role::server);
  ASSERT_NE(ticket, nullptr);
  EXPECT_EQ(ticket->lifetime_seconds, 7200U);
  EXPECT_GT(ticket->ticket_size, 100U);
}

TEST(HandshakeTrace, ShowsTheCertificateInBothForms) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    HandshakePair pair({.version = version, .server = &rsa()});
    pair.run();
    const auto* const chain = find<CertificateChain>(pair.client_trace, Role::server);
    ASSERT_NE(chain, nullptr);
    ASSERT_EQ(chain->total, 1U);
    const auto& facts = chain->entries.front().facts;
    ASSERT_TRUE(facts);
    EXPECT_EQ(facts->subject, "CN=site.example");
    EXPECT_EQ(facts->key_kind, "RSA");
    EXPECT_EQ(facts->key_bits, 2048U);
  }
}

TEST(HandshakeTrace, ShowsEphemeralKeyExchange) {
  HandshakePair pair(
      {.version = TLS1_2_VERSION, .client_groups = "P-384:P-256", .server = &ecdsa()});
  pair.run();
  expect_equal_ends(pair);
  const HandshakeSummary summary = pair.client_trace.summary();
  EXPECT_EQ(summary.key_exchange, KeyExchange::ecdhe);
  EXPECT_EQ(group_name(summary.group), "secp384r1");
  EXPECT_EQ(signature_scheme_name(summary.signature_scheme), "ecdsa_secp256r1_sha256");
  EXPECT_TRUE(summary.extended_master_secret);
  const auto* const exchange = find<ClientKeyExchange>(pair.client_trace, Role::client);
  ASSERT_NE(exchange, nullptr);
  EXPECT_EQ(exchange->size, 97U);  // a point of P-384, uncompressed
}

TEST(HandshakeTrace, ShowsFiniteFieldKeyExchange) {
  HandshakePair pair(
      {.version = TLS1_2_VERSION, .suites = "DHE-RSA-AES128-GCM-SHA256", .server = &rsa()});
  SSL_set_dh_auto(pair.server.get(), 1);
  pair.run();
  expect_equal_ends(pair);
  const auto* const exchange = find<ServerKeyExchange>(pair.client_trace, Role::server);
  ASSERT_NE(exchange, nullptr);
  EXPECT_EQ(exchange->prime_bits, 2048U);
  EXPECT_EQ(pair.client_trace.summary().key_exchange, KeyExchange::dhe);
}

TEST(HandshakeTrace, ShowsTls13FullAndResumed) {
  HandshakePair pair({.server = &ecdsa()});
  pair.run();
  expect_equal_ends(pair);
  EXPECT_EQ(names_of(pair.client_trace, false),
            (Names{"C ClientHello", "S ServerHello", "S EncryptedExtensions", "S Certificate",
                   "S CertificateVerify", "S Finished", "C Finished", "S NewSessionTicket",
                   "S NewSessionTicket"}));
  const HandshakeSummary full = pair.client_trace.summary();
  EXPECT_EQ(full.version, kTls13);
  EXPECT_EQ(full.round_trips, 1U);
  EXPECT_FALSE(full.resumed);
  EXPECT_EQ(group_name(full.group), "X25519");

  const SslSessionPointer session = pair.session();
  pair.reconnect();
  pair.resume(session.get());
  pair.run();
  EXPECT_TRUE(pair.client_trace.summary().resumed);
  EXPECT_TRUE(pair.server_trace.summary().resumed);
  EXPECT_EQ(names_of(pair.client_trace, false),
            (Names{"C ClientHello", "S ServerHello", "S EncryptedExtensions", "S Finished",
                   "C Finished", "S NewSessionTicket"}));
  EXPECT_TRUE(find<ClientHello>(pair.server_trace, Role::client)->offers_psk);
}

TEST(HandshakeTrace, ShowsTls12Resumed) {
  for (const bool tickets : {true, false}) {
    HandshakePair pair({.version = TLS1_2_VERSION, .server = &ecdsa(), .tickets = tickets});
    pair.run();
    const SslSessionPointer session = pair.session();
    pair.reconnect();
    pair.resume(session.get());
    pair.run();
    expect_equal_ends(pair);
    const HandshakeSummary summary = pair.client_trace.summary();
    EXPECT_TRUE(summary.complete);
    EXPECT_TRUE(summary.resumed);
    EXPECT_EQ(summary.round_trips, 1U);
    EXPECT_EQ(names_of(pair.client_trace),
              (Names{"C ClientHello", "S ServerHello", "S ChangeCipherSpec", "S Finished",
                     "C ChangeCipherSpec", "C Finished"}));
  }
}

TEST(HandshakeTrace, RecognisesAHelloRetryRequest) {
  HandshakePair pair(
      {.client_groups = "X25519:P-256", .server_groups = "P-256", .server = &ecdsa()});
  pair.run();
  const Names names = names_of(pair.client_trace, false);
  ASSERT_GE(names.size(), 4U);
  EXPECT_EQ(Names(names.begin(), names.begin() + 4),
            (Names{"C ClientHello", "S HelloRetryRequest", "C ClientHello", "S ServerHello"}));
  const HandshakeSummary summary = pair.server_trace.summary();
  EXPECT_TRUE(summary.retried);
  EXPECT_TRUE(summary.complete);
  EXPECT_EQ(summary.round_trips, 2U);
  EXPECT_EQ(group_name(summary.group), "secp256r1");
}

TEST(HandshakeTrace, ShowsTheCertificateOfAClient) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    HandshakePair pair({.version = version, .server = &ecdsa(), .client = &rsa()});
    pair.run();
    expect_equal_ends(pair);
    EXPECT_TRUE(pair.server_trace.summary().client_certificate);
    const auto* const request = find<CertificateRequest>(pair.server_trace, Role::server);
    ASSERT_NE(request, nullptr);
    EXPECT_FALSE(request->signature_schemes.empty());
    const auto* const verify = find<CertificateVerify>(pair.server_trace, Role::client);
    ASSERT_NE(verify, nullptr);
    EXPECT_EQ(verify->signature_size, 256U);
    // The server's own proof is another.
    EXPECT_EQ(signature_scheme_name(pair.server_trace.summary().signature_scheme),
              "ecdsa_secp256r1_sha256");
  }
}

TEST(HandshakeTrace, KnowsWhatIsEncrypted) {
  HandshakePair pair({.server = &ecdsa()});
  pair.run();
  for (const TracedMessage& message : pair.server_trace.messages()) {
    const bool plain = message.type == MessageType::client_hello ||
                       message.type == MessageType::server_hello ||
                       message.content == ContentType::change_cipher_spec;
    EXPECT_EQ(message.encrypted, !plain) << message.name();
  }
  HandshakePair older({.version = TLS1_2_VERSION, .server = &ecdsa()});
  older.run();
  for (const TracedMessage& message : older.client_trace.messages())
    EXPECT_EQ(message.encrypted, message.type == MessageType::finished) << message.name();
}

// In both versions, whichever flight is changed: who notices sends a fatal alert, and both traces
// show the same one by the same sender.
void expect_alert_on_both_sides(int version, int flight, size_t from_end) {
  HandshakePair pair({.version = version, .server = &ecdsa()});
  bool changed = false;
  pair.run([&](int number, std::vector<uint8_t>& octets) {
    if (number != flight) return;
    octets[octets.size() - from_end] ^= 1U;
    changed = true;
  });
  ASSERT_TRUE(changed);
  const HandshakeSummary client = pair.client_trace.summary();
  const HandshakeSummary server = pair.server_trace.summary();
  ASSERT_TRUE(client.fatal_alert && server.fatal_alert) << version << ", flight " << flight;
  EXPECT_EQ(*client.fatal_alert, *server.fatal_alert);
  EXPECT_EQ(client.alert_sender, server.alert_sender);
  EXPECT_FALSE(client.complete && server.complete);
}

TEST(HandshakeTrace, ShowsTheAlertAfterAChangedOctetInEachFlight) {
  for (int flight = 0; flight < 4; ++flight) expect_alert_on_both_sides(TLS1_2_VERSION, flight, 10);
  for (int flight = 0; flight < 3; ++flight) expect_alert_on_both_sides(TLS1_3_VERSION, flight, 10);
}

TEST(HandshakeTrace, NamesAnAlertOfAServerWithoutACommonSuite) {
  HandshakePair pair(
      {.version = TLS1_2_VERSION, .suites = "ECDHE-RSA-AES128-SHA", .server = &ecdsa()});
  pair.run();
  const HandshakeSummary summary = pair.client_trace.summary();
  ASSERT_TRUE(summary.fatal_alert);
  EXPECT_EQ(alert_name(*summary.fatal_alert), "handshake_failure");
  EXPECT_EQ(summary.alert_sender, Role::server);
  EXPECT_EQ(summary.version, 0);
}

TEST(HandshakeTrace, IsBounded) {
  HandshakeTrace trace(Role::server);
  const std::vector<uint8_t> request = {0, 0, 0, 0};
  const std::vector<uint8_t> alert = {1, 0};
  for (size_t i = 0; i < 10 * HandshakeTrace::kMostMessages; ++i) {
    trace.add(false, 22, request, {});
    trace.add(true, 21, alert, {});
  }
  EXPECT_EQ(trace.messages().size(), HandshakeTrace::kMostMessages);
  EXPECT_EQ(trace.left_out(), 19 * HandshakeTrace::kMostMessages);
}

TEST(HandshakeTrace, MarksWhatItCannotDecode) {
  HandshakeTrace trace(Role::server);
  trace.add(false, 22, std::vector<uint8_t>{1, 0, 0, 9, 3, 3}, {});
  trace.add(false, 21, std::vector<uint8_t>{2}, {});
  ASSERT_EQ(trace.messages().size(), 2U);
  EXPECT_TRUE(trace.messages()[0].malformed);
  EXPECT_EQ(trace.messages()[0].name(), "ClientHello");
  EXPECT_TRUE(trace.messages()[1].malformed);
  EXPECT_FALSE(trace.summary().fatal_alert);
}

TEST(HandshakeTrace, IgnoresTheLevelOfTls13Alerts) {
  HandshakePair pair({.server = &ecdsa()});
  pair.run();
  HandshakeTrace trace = pair.server_trace;
  trace.add(true, 21, std::vector<uint8_t>{1, 0}, {});
  EXPECT_FALSE(trace.summary().fatal_alert);
  trace.add(false, 21, std::vector<uint8_t>{1, 42}, {});
  EXPECT_EQ(trace.summary().fatal_alert, 42);
}

TEST(HandshakeTrace, KeepsTimesAsGiven) {
  HandshakeTrace trace(Role::client);
  trace.add(true, 22, std::vector<uint8_t>{0, 0, 0, 0}, std::chrono::microseconds(7));
  EXPECT_EQ(trace.messages().front().at.count(), 7);
  EXPECT_EQ(trace.summary().duration.count(), 7);
}

}  // namespace
}  // namespace sluice::tls
