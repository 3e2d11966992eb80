// Tickets: for whom and for how long a session goes on where another left off (RFC 8446
// section 4.6.1, RFC 5077).
#include <gtest/gtest.h>
#include <openssl/err.h>

#include <chrono>
#include <ctime>
#include <thread>

#include "tests/unit/tls/session_pair.h"
#include "tls/session.h"

namespace sluice::tls {
namespace {

std::string version_name(const ::testing::TestParamInfo<int>& tested) {
  return tested.param == TLS1_3_VERSION ? "Tls13" : "Tls12";
}

class SessionTickets : public ::testing::TestWithParam<int> {
 protected:
  static ClientWish wish() { return {.version = GetParam()}; }
  // The ticket of a first connection.
  static SslSessionPointer ticket_of(const ListenerContext& context, const ClientWish& asked) {
    SessionPair pair(context, asked);
    EXPECT_TRUE(pair.run());
    end_well(pair);
    SslSessionPointer ticket = std::move(pair.client.ticket);
    // OpenSSL tells of no ticket that is renewed in TLS 1.2.
    if (!ticket) ticket.reset(SSL_get1_session(pair.client.ssl()));
    EXPECT_NE(ticket, nullptr);
    return ticket;
  }
  // Whether a connection goes on where the ticket's left off; it must come about in any case.
  static bool resumes(const ListenerContext& context, ClientWish asked, SSL_SESSION* ticket) {
    // A client of OpenSSL uses a ticket once (RFC 8446 appendix C.4).
    const SslSessionPointer copy(ticket != nullptr ? SSL_SESSION_dup(ticket) : nullptr);
    asked.session = copy.get();
    SessionPair pair(context, asked);
    EXPECT_TRUE(pair.run());
    pair.send("hello");
    EXPECT_EQ(pair.server.plain, "hello");
    const bool resumed = pair.server.session.resumed();
    EXPECT_EQ(resumed, SSL_session_reused(pair.client.ssl()) == 1);
    end_well(pair);
    return resumed;
  }
  // OpenSSL's clients do not resume what ended without a word.
  static void end_well(SessionPair& pair) {
    SSL_set_shutdown(pair.client.ssl(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  }

  // As context_, with the same files and ticket keys, but for what `change` does.
  template <typename Change>
  std::shared_ptr<const ListenerContext> other(Change change) {
    ListenerContext::Parts parts = listener_parts();
    parts.tickets = tickets_;
    change(parts);
    return make_listener(std::move(parts));
  }
  const std::shared_ptr<TicketKeys> tickets_ = TicketKeys::random();
  const std::shared_ptr<const ListenerContext> mine_ = other([](ListenerContext::Parts&) {});
};
INSTANTIATE_TEST_SUITE_P(Versions, SessionTickets,
                         ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION), version_name);

TEST_P(SessionTickets, ResumeInAnotherSessionOfTheContext) {
  const SslSessionPointer ticket = ticket_of(*mine_, wish());
  EXPECT_TRUE(resumes(*mine_, wish(), ticket.get()));
  EXPECT_FALSE(resumes(*mine_, wish(), nullptr));
}

TEST_P(SessionTickets, LastForTwoRotationsOfTheKeys) {
  const SslSessionPointer ticket = ticket_of(*mine_, wish());
  for (int rotation = 1; rotation <= 2; ++rotation) {
    tickets_->rotate();
    EXPECT_TRUE(resumes(*mine_, wish(), ticket.get())) << rotation;
  }
  tickets_->rotate();
  EXPECT_FALSE(resumes(*mine_, wish(), ticket.get()));
}

// Who comes with a ticket of an old key gets one of the new.
TEST_P(SessionTickets, AreRenewedWhenTheirKeyIsOld) {
  const SslSessionPointer ticket = ticket_of(*mine_, wish());
  tickets_->rotate();
  ClientWish asked = wish();
  asked.session = ticket.get();
  const SslSessionPointer fresh = ticket_of(*mine_, asked);
  tickets_->rotate();
  tickets_->rotate();
  EXPECT_FALSE(resumes(*mine_, wish(), ticket.get()));
  EXPECT_TRUE(resumes(*mine_, wish(), fresh.get()));
}

TEST_P(SessionTickets, ResumeInAContextMadeOfTheSame) {
  const SslSessionPointer ticket = ticket_of(*mine_, wish());
  EXPECT_TRUE(resumes(*other([](ListenerContext::Parts&) {}), wish(), ticket.get()));
}

// A renewed certificate is the same file's.
TEST_P(SessionTickets, ResumeAfterARenewal) {
  const SslSessionPointer ticket = ticket_of(*mine_, wish());
  const auto renewed = other([](ListenerContext::Parts& parts) {
    parts.certificates[0].certificate = load_certificate(MadeCertificate({.names = {"localhost"}}));
  });
  EXPECT_TRUE(resumes(*renewed, wish(), ticket.get()));
}

TEST_P(SessionTickets, DoNotResumeWithAnotherCertificate) {
  const SslSessionPointer ticket = ticket_of(*mine_, wish());
  const auto moved = other([](ListenerContext::Parts& parts) {
    parts.certificates[0].certificate = load_certificate(made_localhost(), "/made/other");
  });
  EXPECT_FALSE(resumes(*moved, wish(), ticket.get()));
}

TEST_P(SessionTickets, DoNotResumeWithOtherKeys) {
  const SslSessionPointer ticket = ticket_of(*mine_, wish());
  const auto changed =
      other([](ListenerContext::Parts& parts) { parts.tickets = TicketKeys::random(); });
  EXPECT_FALSE(resumes(*changed, wish(), ticket.get()));
}

// A ticket of a site that asks for nothing opens none that asks for a certificate.
TEST_P(SessionTickets, DoNotResumeWhereACertificateIsWanted) {
  const SslSessionPointer ticket = ticket_of(*mine_, wish());
  const CertificateFolder folder;
  const MadeCertificate authority({.common_name = "clients", .authority = true});
  const MadeCertificate me({.common_name = "me", .extended_usage = "clientAuth"}, &authority);
  const auto strict = other([&](ListenerContext::Parts& parts) {
    parts.tls.client_certificates = {.mode = conf::ClientCertificates::Mode::require,
                                     .authorities = folder.write("ca.pem", authority.pem())};
  });
  ClientWish known = wish();
  known.certificate = &me;
  EXPECT_FALSE(resumes(*strict, known, ticket.get()));
  ClientWish unknown = wish();
  unknown.session = ticket.get();
  SessionPair pair(*strict, unknown);
  EXPECT_FALSE(pair.run());
  const SslSessionPointer good = ticket_of(*strict, known);
  EXPECT_TRUE(resumes(*strict, known, good.get()));
}

// Whoever resumed day after day could have outlived a certificate that nobody looked at any more.
TEST_P(SessionTickets, DoNotOutliveTheClientsCertificate) {
  const CertificateFolder folder;
  const MadeCertificate authority({.common_name = "clients", .authority = true});
  const int64_t end = std::time(nullptr) + 2;
  const MadeCertificate me({.common_name = "me", .not_after = end, .extended_usage = "clientAuth"},
                           &authority);
  const auto asking = other([&](ListenerContext::Parts& parts) {
    parts.tls.client_certificates = {.mode = conf::ClientCertificates::Mode::request,
                                     .authorities = folder.write("ca.pem", authority.pem())};
  });
  ClientWish known = wish();
  known.certificate = &me;
  const SslSessionPointer ticket = ticket_of(*asking, known);
  ASSERT_TRUE(resumes(*asking, known, ticket.get()));
  while (std::time(nullptr) <= end) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  // It shows nothing any more, which is allowed here; but it is not who it was.
  EXPECT_FALSE(resumes(*asking, wish(), ticket.get()));
}

}  // namespace
}  // namespace sluice::tls
