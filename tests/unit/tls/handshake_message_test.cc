// Decoding by itself: messages that lie about their lengths, in both forms. What is right is tested
// with real handshakes in handshake_trace_test.cc.
#include "tls/handshake_message.h"

#include <gtest/gtest.h>

#include "tests/unit/tls/handshake_pair.h"

namespace sluice::tls {
namespace {

using Bytes = std::vector<uint8_t>;
constexpr Negotiated kRsa12{.version = kTls12, .suite = 0x002f};
constexpr Negotiated kEcdhe12{.version = kTls12, .suite = 0xc02f};
constexpr Negotiated kAny13{.version = kTls13, .suite = 0x1301};

Bytes message(MessageType type, const Bytes& body) {
  Bytes whole = {static_cast<uint8_t>(type), 0, static_cast<uint8_t>(body.size() >> 8),
                 static_cast<uint8_t>(body.size())};
  whole.insert(whole.end(), body.begin(), body.end());
  return whole;
}

TEST(HandshakeMessage, ShorterThanItSaysIsMalformed) {
  const Bytes finished = message(MessageType::finished, Bytes(12, 5));
  EXPECT_TRUE(decode_message(finished, kRsa12));
  for (size_t size = 0; size < finished.size(); ++size)
    EXPECT_FALSE(decode_message(std::span(finished).first(size), kRsa12)) << size;
}

TEST(HandshakeMessage, OctetsLeftOverAreMalformed) {
  EXPECT_TRUE(decode_message(message(MessageType::certificate_verify, {4, 3, 0, 1, 9}), kAny13));
  EXPECT_FALSE(
      decode_message(message(MessageType::certificate_verify, {4, 3, 0, 1, 9, 9}), kAny13));
  EXPECT_FALSE(
      decode_message(message(MessageType::new_session_ticket, {0, 0, 0, 9, 0, 0}), kAny13));
  EXPECT_TRUE(decode_message(message(MessageType::new_session_ticket, {0, 0, 0, 9, 0, 0}), kRsa12));
}

TEST(HandshakeMessage, ReadsKeyExchangesByTheSuite) {
  const auto exchange = decode_message(
      message(MessageType::server_key_exchange, {3, 0, 29, 1, 7, 8, 4, 0, 1, 9}), kEcdhe12);
  ASSERT_TRUE(exchange);
  EXPECT_EQ(std::get<ServerKeyExchange>(*exchange).group, 29);
  EXPECT_EQ(std::get<ServerKeyExchange>(*exchange).signature_scheme, 0x0804);
  // An explicit curve, which nobody may use (RFC 8422 section 5.4).
  EXPECT_FALSE(
      decode_message(message(MessageType::server_key_exchange, {1, 0, 29, 1, 7}), kEcdhe12));
  const auto secret =
      decode_message(message(MessageType::client_key_exchange, {0, 2, 1, 1}), kRsa12);
  ASSERT_TRUE(secret);
  EXPECT_EQ(std::get<ClientKeyExchange>(*secret).size, 2U);
  EXPECT_EQ(std::get<ClientKeyExchange>(*secret).kind, KeyExchange::rsa);
}

TEST(HandshakeMessage, HasNoSignatureSchemeBeforeTls12) {
  constexpr Negotiated kOld{.version = 0x0302, .suite = 0xc013};
  const auto exchange =
      decode_message(message(MessageType::server_key_exchange, {3, 0, 23, 1, 7, 0, 1, 9}), kOld);
  ASSERT_TRUE(exchange);
  EXPECT_EQ(std::get<ServerKeyExchange>(*exchange).group, 23);
  EXPECT_EQ(std::get<ServerKeyExchange>(*exchange).signature_scheme, 0);
  EXPECT_TRUE(decode_message(message(MessageType::certificate_verify, {0, 1, 9}), kOld));
  EXPECT_TRUE(decode_message(message(MessageType::certificate_request, {1, 1, 0, 0}), kOld));
}

TEST(HandshakeMessage, CountsCertificatesBeyondThoseItDecodes) {
  Bytes list;
  for (int i = 0; i < 20; ++i) list.insert(list.end(), {0, 0, 1, 0x30});
  Bytes body = {0, 0, static_cast<uint8_t>(list.size())};
  body.insert(body.end(), list.begin(), list.end());
  const auto chain = decode_message(message(MessageType::certificate, body), kRsa12);
  ASSERT_TRUE(chain);
  EXPECT_EQ(std::get<CertificateChain>(*chain).total, 20U);
  EXPECT_EQ(std::get<CertificateChain>(*chain).entries.size(), CertificateChain::kMostCertificates);
  EXPECT_FALSE(std::get<CertificateChain>(*chain).entries.front().facts);
}

TEST(HandshakeMessage, OfAnUnknownTypeHasNothingToShow) {
  const auto unknown = decode_message(Bytes{99, 0, 0, 1, 0}, kAny13);
  ASSERT_TRUE(unknown);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(*unknown));
}

TEST(HandshakeMessage, AlertsHaveTwoOctets) {
  const auto alert = decode_alert(Bytes{2, 40});
  ASSERT_TRUE(alert);
  EXPECT_TRUE(alert->fatal);
  EXPECT_EQ(alert->description, 40);
  EXPECT_FALSE(decode_alert(Bytes{1, 0})->fatal);
  EXPECT_FALSE(decode_alert(Bytes{2}));
  EXPECT_FALSE(decode_alert(Bytes{2, 40, 0}));
}

TEST(PeerCertificate, AreThoseOfTheCertificate) {
  const PairIdentity authority = make_identity({.name = "Some Authority", .authority = true});
  const PairIdentity site = make_identity({.name = "b\xc3\xbc"
                                                   "cher.example",
                                           .issuer = &authority});
  const auto facts = read_certificate(to_der(*site.certificate));
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->subject,
            "CN=b\xc3\xbc"
            "cher.example");
  EXPECT_EQ(facts->issuer, "CN=Some Authority");
  EXPECT_FALSE(facts->self_issued);
  EXPECT_EQ(facts->not_after - facts->not_before, 86400 + 3600);
  EXPECT_GT(facts->not_before, 1'600'000'000);
  EXPECT_EQ(facts->key_kind, "ECDSA");
  EXPECT_EQ(facts->key_bits, 256U);
  EXPECT_EQ(facts->signature, "ecdsa-with-SHA256");
  ASSERT_EQ(facts->names.size(), 3U);
  EXPECT_EQ(facts->names[1], "127.0.0.1");
  EXPECT_EQ(facts->names[2], "::1");
}

TEST(PeerCertificate, OfNoCertificateAreNone) {
  Bytes der = to_der(*make_identity({}).certificate);
  der.push_back(0);
  EXPECT_FALSE(read_certificate(der));
  der.resize(der.size() / 2);
  EXPECT_FALSE(read_certificate(der));
  EXPECT_FALSE(read_certificate({}));
}

TEST(PeerCertificate, EscapeControlsAndCutWhatIsLong) {
  const auto facts = read_certificate(to_der(*make_identity({.name = "a\x1b[31m\n"}).certificate));
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->subject.find_first_of("\x1b\n"), std::string::npos) << facts->subject;
}

}  // namespace
}  // namespace sluice::tls
