// Sessions in the client's role: who is believed, what is agreed on, and what is told of a failure.
#include <gtest/gtest.h>

#include <ctime>
#include <functional>
#include <string>
#include <string_view>

#include "tests/unit/tls/session_pair.h"
#include "tests/unit/tls/upstream_pair.h"
#include "tls/session.h"
#include "tls/upstream_state.h"

namespace sluice::tls {
namespace {

using Http2 = conf::UpstreamTarget::Http2;

class SessionClient : public ::testing::Test {
 protected:
  // Fails with `error`, and a cause that has `part` in it; the upstream gets an alert when
  // `told` is one.
  void expect_failure(const conf::UpstreamTarget& wanted, const UpstreamWish& wish,
                      std::string_view error, std::string_view part, int told = -1) {
    const auto context = make_upstream(wanted);
    MemoryUpstream upstream(wish);
    UpstreamPair pair(*context, upstream);
    EXPECT_FALSE(pair.run());
    expect_failure(pair, error, part);
    if (told >= 0) {
      EXPECT_EQ(pair.upstream_end.alerts, std::vector<int>{told});
    }
    EXPECT_EQ(context->state().sessions.size(), 0U) << "a session of a failure was kept";
  }
  static void expect_failure(UpstreamPair& pair, std::string_view error, std::string_view part) {
    EXPECT_TRUE(pair.session.failed());
    EXPECT_EQ(pair.status, Session::Status::failed);
    EXPECT_EQ(pair.session.failure().error, error);
    EXPECT_NE(pair.session.failure().cause.find(part), std::string_view::npos)
        << pair.session.failure().cause;
    EXPECT_EQ(pair.plain, "");
  }
  void expect_success(const conf::UpstreamTarget& wanted, const UpstreamWish& wish) {
    const auto context = make_upstream(wanted);
    MemoryUpstream upstream(wish);
    UpstreamPair pair(*context, upstream);
    EXPECT_TRUE(pair.run()) << pair.session.failure().cause;
  }

  const CertificateFolder folder_;
  const MadeChain chain_;  // for localhost
  const UpstreamWish good_{.certificate = &chain_.leaf, .chain = {&chain_.intermediate}};
  conf::UpstreamTarget target_ = target_of(folder_, chain_.root);
};

TEST_F(SessionClient, SpeaksFirstAndCarriesOctetsBothWays) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const auto context = make_upstream(target_);
    UpstreamWish wish = good_;
    wish.oldest = wish.newest = version;
    MemoryUpstream upstream(wish);
    for (const size_t piece : {0U, 1U, 7U}) {
      UpstreamPair pair(*context, upstream);
      pair.piece = piece;
      std::string_view none;
      EXPECT_EQ(pair.session.handshake(none, {}), Session::Status::wants_records);
      ASSERT_TRUE(pair.run());
      EXPECT_EQ(pair.session.report(), nullptr);
      EXPECT_EQ(pair.session.failure().error, "");
      EXPECT_EQ(pair.session.protocol(), version == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3");
      // Of a resumed session in TLS 1.2 OpenSSL tells no name.
      if (!pair.session.resumed()) {
        EXPECT_EQ(pair.upstream_end.server_name(), "localhost");
      }
      ASSERT_TRUE(pair.session.write("to you"));
      pair.upstream_end.write("to me");
      pair.run();
      EXPECT_EQ(pair.upstream_end.plain, "to you");
      EXPECT_EQ(pair.plain, "to me");
      pair.session.close();
      pair.run();
      EXPECT_EQ(pair.upstream_end.alerts, std::vector<int>{SSL_AD_CLOSE_NOTIFY});
    }
  }
}

TEST_F(SessionClient, TalksToASessionOfOurs) {
  const auto listener = make_listener(listener_parts());
  const auto context = make_upstream(target_of(folder_, made_localhost()));
  SessionEnd server(*listener);
  Workspace workspace(100);
  Session client(workspace, *context);
  std::string_view none;
  ASSERT_EQ(client.handshake(none, {}), Session::Status::wants_records);
  for (int i = 0; i < 3 && !client.established(); ++i) {
    server.give(workspace.output());
    workspace.clear_output();
    const std::string flight = server.take();
    std::string_view records = flight;
    ASSERT_NE(client.handshake(records, {}), Session::Status::failed) << client.failure().cause;
  }
  server.give(workspace.output());
  EXPECT_TRUE(client.established());
  EXPECT_TRUE(server.session.established());
}

// --- Who is believed -----------------------------------------------------------------------------

TEST_F(SessionClient, RefusesWhomNoAuthorityVouchesFor) {
  const MadeChain other;
  expect_failure(target_, {.certificate = &other.leaf, .chain = {&other.intermediate}},
                 "tls_certificate_error", "not trusted", SSL_AD_UNKNOWN_CA);
  expect_failure(target_, {.certificate = &chain_.leaf}, "tls_certificate_error", "not trusted");
  expect_failure(target_, {.certificate = &made_localhost()}, "tls_certificate_error",
                 "vouches for itself");
  target_.tls->authorities.clear();  // the system's do not know ours
  expect_failure(target_, good_, "tls_certificate_error", "not trusted");
}

TEST_F(SessionClient, TrustsWhomTheFileNamesEvenIfThatIsNoRoot) {
  expect_success(target_of(folder_, chain_.intermediate), {.certificate = &chain_.leaf});
  expect_success(target_of(folder_, chain_.leaf), {.certificate = &chain_.leaf});
  expect_success(target_of(folder_, made_localhost()), {});
}

TEST_F(SessionClient, RefusesCertificatesOutOfTheirTime) {
  const MadeCertificate expired(
      {.names = {"localhost"}, .not_before = 1'000'000'000, .not_after = 1'000'086'400},
      &chain_.root);
  expect_failure(target_, {.certificate = &expired}, "tls_certificate_error", "has expired",
                 SSL_AD_CERTIFICATE_EXPIRED);
  const int64_t tomorrow = std::time(nullptr) + 86400;
  const MadeCertificate early(
      {.names = {"localhost"}, .not_before = tomorrow, .not_after = tomorrow + 86400},
      &chain_.root);
  expect_failure(target_, {.certificate = &early}, "tls_certificate_error", "not yet valid");
}

TEST_F(SessionClient, RefusesCertificatesForOtherNames) {
  target_.host = "app.internal";
  expect_failure(target_, good_, "tls_certificate_error", "for another name");
  target_.tls->name = "localhost";
  expect_success(target_, good_);
  target_.host = "localhost";
  target_.tls->name = "app.internal";
  expect_failure(target_, good_, "tls_certificate_error", "for another name");
  // The common name is none (RFC 9525 section 2).
  const MadeCertificate common({.common_name = "app.internal"}, &chain_.root);
  expect_failure(target_, {.certificate = &common}, "tls_certificate_error", "for another name");
}

TEST_F(SessionClient, RefusesCertificatesForClients) {
  const MadeCertificate client({.names = {"localhost"}, .extended_usage = "clientAuth"},
                               &chain_.root);
  expect_failure(target_, {.certificate = &client}, "tls_certificate_error", "not for servers");
}

TEST_F(SessionClient, ExpectsAddressesAndSendsNone) {
  const MadeCertificate addressed(
      {.names = {"localhost"}, .addresses = {"127.0.0.1", "2001:db8::1"}}, &chain_.root);
  const UpstreamWish wish{.certificate = &addressed};
  for (const char* const address : {"127.0.0.1", "2001:db8::1"}) {
    target_.host = address;
    const auto context = make_upstream(target_);
    MemoryUpstream upstream(wish);
    UpstreamPair pair(*context, upstream);
    EXPECT_TRUE(pair.run()) << pair.session.failure().cause;
    EXPECT_EQ(pair.upstream_end.server_name(), "");
  }
  target_.host = "127.0.0.2";
  expect_failure(target_, wish, "tls_certificate_error", "for another address");
}

TEST_F(SessionClient, ExpectsTheDomainOfAServiceRecord) {
  target_.host = "_https._tcp.localhost";
  const auto context = make_upstream(target_);
  MemoryUpstream upstream(good_);
  UpstreamPair pair(*context, upstream);
  EXPECT_TRUE(pair.run()) << pair.session.failure().cause;
  EXPECT_EQ(pair.upstream_end.server_name(), "localhost");
}

TEST_F(SessionClient, BelievesAnybodyWhenTold) {
  target_.tls->verify = false;
  target_.tls->authorities.clear();
  const MadeCertificate expired(
      {.names = {"other"}, .not_before = 1'000'000'000, .not_after = 1'000'086'400});
  expect_success(target_, {.certificate = &expired});
}

TEST_F(SessionClient, ShowsItsCertificateWhenAsked) {
  const MadeChain own({.common_name = "sluice", .extended_usage = "clientAuth"});
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    UpstreamWish wish = good_;
    wish.oldest = wish.newest = version;
    wish.asks_for_certificate = true;
    wish.authority = &own.root;
    target_.tls->certificate.clear();
    target_.tls->key.clear();
    const auto without = make_upstream(target_);
    MemoryUpstream upstream(wish);
    UpstreamPair refused(*without, upstream);
    EXPECT_FALSE(refused.run());
    expect_failure(refused, "tls_alert_received",
                   version == TLS1_2_VERSION ? "handshake_failure" : "certificate_required");
    EXPECT_GE(refused.session.failure().alert, 0);

    target_.tls->certificate = folder_.write("own.pem", own.pem());
    target_.tls->key = folder_.write("own.key", own.leaf.key_pem());
    const auto with = make_upstream(target_);
    UpstreamPair taken(*with, upstream);
    EXPECT_TRUE(taken.run()) << taken.session.failure().cause;
    EXPECT_EQ(taken.upstream_end.client_certificate(), "/CN=sluice");
  }
}

// --- What is agreed on ---------------------------------------------------------------------------

TEST_F(SessionClient, AgreesOnTheHttpVersion) {
  struct Case {
    Http2 wanted;
    std::string_view offer;
    std::string chosen;
    bool works;
    bool is_http2;
  };
  const Case cases[] = {
      {Http2::negotiated, "\x02h2\x08http/1.1", "h2", true, true},
      {Http2::negotiated, "\x02h2\x08http/1.1", "http/1.1", true, false},
      {Http2::negotiated, "\x02h2\x08http/1.1", "", true, false},
      {Http2::negotiated, "\x02h2\x08http/1.1", "h3", false, false},
      {Http2::always, "\x02h2", "h2", true, true},
      {Http2::always, "\x02h2", "http/1.1", false, false},
      {Http2::always, "\x02h2", "", false, false},
      {Http2::never, "\x08http/1.1", "http/1.1", true, false},
      {Http2::never, "\x08http/1.1", "", true, false},
      {Http2::never, "\x08http/1.1", "h2", false, false},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(std::string(one.offer) + " -> " + one.chosen);
    target_.http2 = one.wanted;
    const auto context = make_upstream(target_);
    UpstreamWish wish = good_;
    wish.protocol = one.chosen;
    MemoryUpstream upstream(wish);
    UpstreamPair pair(*context, upstream);
    EXPECT_EQ(pair.run(), one.works);
    EXPECT_EQ(pair.upstream_end.offered(), one.offer);
    EXPECT_EQ(pair.session.speaks_http2(), one.is_http2);
    // OpenSSL has words of its own for what was not offered, and sends an alert.
    if (!one.works) expect_failure(pair, "tls_protocol_error", one.chosen.empty() ? "(ALPN)" : "");
  }
}

TEST_F(SessionClient, RefusesVersionsBeforeTls12) {
  UpstreamWish wish = good_;
  wish.oldest = TLS1_VERSION;
  wish.newest = TLS1_1_VERSION;
  expect_failure(target_, wish, "tls_alert_received", "protocol_version");
}

TEST_F(SessionClient, RefusesClearTextAndOctetsBeforeTheHandshakesEnd) {
  const auto context = make_upstream(target_);
  MemoryUpstream upstream(good_);
  UpstreamPair clear(*context, upstream);
  clear.give({});
  clear.give("HTTP/1.1 400 Bad Request\r\n\r\n");
  expect_failure(clear, "tls_protocol_error", "clear text");
  UpstreamPair early(*context, upstream);
  early.give({});
  early.give(std::string_view("\x17\x03\x03\x00\x05hello", 10));
  expect_failure(early, "tls_protocol_error", "rules of TLS");
  // Within it, as octets in the clear after the upstream's hello.
  UpstreamPair within(*context, upstream);
  within.give({});
  within.upstream_end.give(within.take());
  const auto flight = records_of(within.upstream_end.take());
  within.give(flight.front());
  within.give(std::string_view("\x17\x03\x03\x00\x05hello", 10));
  expect_failure(within, "tls_protocol_error", "");
}

TEST_F(SessionClient, TellsOfAnUpstreamThatSaysGoodbyeWithinTheHandshake) {
  const auto context = make_upstream(target_);
  MemoryUpstream upstream(good_);
  UpstreamPair pair(*context, upstream);
  pair.give({});
  pair.give(std::string_view("\x15\x03\x03\x00\x02\x01\x00", 7));
  expect_failure(pair, "connection_terminated", "closed the connection");
}

TEST_F(SessionClient, TellsTheAlertThatCame) {
  const auto context = make_upstream(target_);
  MemoryUpstream upstream(good_);
  UpstreamPair pair(*context, upstream);
  pair.give({});
  pair.give(std::string_view("\x15\x03\x03\x00\x02\x02\x70", 7));
  expect_failure(pair, "tls_alert_received", "unrecognized_name");
  EXPECT_EQ(pair.session.failure().alert, SSL_AD_UNRECOGNIZED_NAME);
}

TEST_F(SessionClient, RenegotiatesWithNobody) {
  const auto context = make_upstream(target_);
  UpstreamWish wish = good_;
  wish.newest = TLS1_2_VERSION;
  MemoryUpstream upstream(wish);
  UpstreamPair pair(*context, upstream, 4);
  ASSERT_TRUE(pair.run());
  SSL_renegotiate(pair.upstream_end.ssl());
  SSL_do_handshake(pair.upstream_end.ssl());
  pair.run();
  EXPECT_EQ(pair.upstream_end.alerts, std::vector<int>{SSL_AD_NO_RENEGOTIATION});
}

TEST_F(SessionClient, EndsAFloodOfKeyUpdates) {
  const auto context = make_upstream(target_);
  MemoryUpstream upstream(good_);
  UpstreamPair pair(*context, upstream, 4);
  ASSERT_TRUE(pair.run());
  for (int i = 0; i < 6 && !pair.session.failed(); ++i) {
    SSL_key_update(pair.upstream_end.ssl(), SSL_KEY_UPDATE_NOT_REQUESTED);
    SSL_do_handshake(pair.upstream_end.ssl());
    pair.run();
  }
  EXPECT_TRUE(pair.session.flooded());
  expect_failure(pair, "tls_protocol_error", "keys");
}

// --- Going on with a session ---------------------------------------------------------------------

// Whether a new connection goes on with a session that the context kept.
bool resumes(const UpstreamContext& context, MemoryUpstream& upstream) {
  UpstreamPair pair(context, upstream);
  EXPECT_TRUE(pair.run()) << pair.session.failure().cause;
  EXPECT_EQ(SSL_session_reused(pair.upstream_end.ssl()) == 1, pair.session.resumed());
  return pair.session.resumed();
}

TEST_F(SessionClient, GoesOnWithASessionOfTheContext) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    UpstreamWish wish = good_;
    wish.oldest = wish.newest = version;
    MemoryUpstream upstream(wish);
    const auto context = make_upstream(target_);
    EXPECT_FALSE(resumes(*context, upstream));
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(resumes(*context, upstream));
    EXPECT_FALSE(resumes(*make_upstream(target_), upstream)) << "another context's";
  }
}

TEST_F(SessionClient, UsesATicketOfTls13Once) {
  MemoryUpstream upstream(good_);
  SSL_CTX_set_num_tickets(&upstream.context(), 1);
  const auto context = make_upstream(target_);
  EXPECT_FALSE(resumes(*context, upstream));
  ASSERT_EQ(context->state().sessions.size(), 1U);
  SSL_CTX_set_num_tickets(&upstream.context(), 0);
  EXPECT_TRUE(resumes(*context, upstream));
  EXPECT_EQ(context->state().sessions.size(), 0U);
  EXPECT_FALSE(resumes(*context, upstream));
}

TEST_F(SessionClient, KeepsAFewSessionsOnly) {
  MemoryUpstream upstream(good_);
  SSL_CTX_set_num_tickets(&upstream.context(), KeptSessions::kMost + 4);
  const auto context = make_upstream(target_);
  EXPECT_FALSE(resumes(*context, upstream));
  EXPECT_EQ(context->state().sessions.size(), KeptSessions::kMost);
}

TEST_F(SessionClient, GoesOnWithNoSessionOfAFailure) {
  MemoryUpstream upstream(good_);
  const auto context = make_upstream(target_);
  {
    UpstreamPair pair(*context, upstream, 100);
    ASSERT_TRUE(pair.run());
    pair.give(
        std::string_view("\x17\x03\x03\x00\x20"
                         "0123456789abcdef0123456789abcdef",
                         37));
    expect_failure(pair, "tls_protocol_error", "cannot be decrypted");
  }
  // OpenSSL ties the connection to the newest of its sessions: that one is spoilt.
  const SslSessionPointer kept = context->state().sessions.take();
  EXPECT_EQ(context->state().sessions.size(), 0U);
}

TEST_F(SessionClient, GoesOnWithNoSessionWhoseCertificateHasExpired) {
  const MadeCertificate brief({.names = {"localhost"}, .not_after = std::time(nullptr) + 2},
                              &chain_.root);
  MemoryUpstream upstream({.certificate = &brief});
  const auto context = make_upstream(target_);
  EXPECT_FALSE(resumes(*context, upstream));
  EXPECT_GT(context->state().sessions.size(), 0U);
  const timespec while_it_expires{.tv_sec = 3, .tv_nsec = 0};
  nanosleep(&while_it_expires, nullptr);
  EXPECT_EQ(context->state().sessions.take(), nullptr);
  EXPECT_EQ(context->state().sessions.size(), 0U);
}

}  // namespace
}  // namespace sluice::tls
