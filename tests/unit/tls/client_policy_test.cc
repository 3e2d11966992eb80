// Certificates of clients: whose are asked for, taken and refused; and files of authorities that
// cannot be used.
#include "tls/client_policy.h"

#include <gtest/gtest.h>
#include <openssl/err.h>

#include <array>
#include <ctime>

#include "tests/unit/tls/session_pair.h"
#include "tls/handshake_report.h"

namespace sluice::tls {
namespace {

using Mode = conf::ClientCertificates::Mode;

constexpr int kCertificateRequired = 116;

MadeCertificate authority(const std::string& name) {
  return MadeCertificate({.common_name = name, .authority = true});
}

// --- Files ---------------------------------------------------------------------------------------

class ClientPolicyFiles : public ::testing::Test {
 protected:
  // What is wrong with a file of this text, without its path.
  std::string problem_of(const std::string& text) {
    const std::string path = folder_.write("ca.pem", text);
    std::string problem;
    const auto made = ClientPolicy::make({.mode = Mode::require, .authorities = path}, problem);
    EXPECT_EQ(made == nullptr, !problem.empty());
    EXPECT_EQ(ERR_peek_error(), 0UL);
    if (problem.empty()) return "";
    EXPECT_EQ(problem.rfind(path + ": ", 0), 0U) << problem;
    return problem.substr(path.size() + 2);
  }
  std::string key_of(Mode mode, const std::string& text) {
    std::string problem;
    const auto made =
        ClientPolicy::make({.mode = mode, .authorities = folder_.write("ca.pem", text)}, problem);
    return made != nullptr ? made->key() : problem;
  }

  const CertificateFolder folder_;
  const MadeCertificate one_ = authority("one"), two_ = authority("two");
};

TEST_F(ClientPolicyFiles, SeveralAuthoritiesAndWordsBetweenThemAreFine) {
  EXPECT_EQ(problem_of(one_.pem()), "");
  EXPECT_EQ(problem_of("# ours\n" + one_.pem() + "\n# theirs\n" + two_.pem() + "the end\n"), "");
}

TEST_F(ClientPolicyFiles, FilesWithoutCertificatesAreTold) {
  const std::string expected =
      "no certificate in it: expected the authorities' in PEM, that is lines from "
      "-----BEGIN CERTIFICATE----- on";
  EXPECT_EQ(problem_of(""), expected);
  EXPECT_EQ(problem_of("nothing of use\n"), expected);
  EXPECT_EQ(problem_of(one_.key_pem()), expected);
  EXPECT_EQ(problem_of(one_.der()), expected);
}

TEST_F(ClientPolicyFiles, AMissingFileIsToldWithItsOrigin) {
  std::string problem;
  EXPECT_EQ(ClientPolicy::make(
                {.mode = Mode::request, .authorities = "/none/ca.pem", .origin = "sluice.toml:7"},
                problem),
            nullptr);
  EXPECT_EQ(problem, "sluice.toml:7: /none/ca.pem: cannot be read: No such file or directory");
}

TEST_F(ClientPolicyFiles, ACertificateOfNoAuthorityIsTold) {
  EXPECT_EQ(problem_of(one_.pem() + made_localhost().pem()),
            "certificate 2 is no authority's: this file lists who issues clients' certificates, "
            "not these");
}

// Half a file means that some clients are refused, and nobody knows why.
TEST_F(ClientPolicyFiles, ADamagedCertificateIsToldAndNotLeftOut) {
  std::string damaged = two_.pem();
  damaged.replace(damaged.size() / 2, 4, "!!!!");
  EXPECT_EQ(problem_of(one_.pem() + damaged).rfind("certificate 2 cannot be read: ", 0), 0U);
  const std::string cut = two_.pem().substr(0, 200);
  EXPECT_EQ(problem_of(one_.pem() + cut).rfind("certificate 2 cannot be read: ", 0), 0U);
  EXPECT_EQ(problem_of(cut).rfind("certificate 1 cannot be read: ", 0), 0U);
}

TEST_F(ClientPolicyFiles, AHundredAuthoritiesAreEnough) {
  std::string many;
  for (int i = 0; i < 100; ++i) many += authority("number " + std::to_string(i)).pem();
  EXPECT_EQ(problem_of(many), "");
  EXPECT_EQ(problem_of(many + one_.pem()), "more than 100 authorities");
}

TEST_F(ClientPolicyFiles, TheSameAuthorityTwiceIsFine) {
  EXPECT_EQ(problem_of(one_.pem() + one_.pem()), "");
}

TEST_F(ClientPolicyFiles, KeysAreAlikeWhereTheSameAreTaken) {
  const std::string key = key_of(Mode::require, one_.pem());
  EXPECT_EQ(key, key_of(Mode::require, "# words\n" + one_.pem()));
  EXPECT_NE(key, key_of(Mode::request, one_.pem()));
  EXPECT_NE(key, key_of(Mode::require, two_.pem()));
  EXPECT_NE(key, key_of(Mode::require, one_.pem() + two_.pem()));
  EXPECT_NE(key, "");
}

TEST(ClientPolicy, OffReadsNothing) {
  std::string problem;
  const auto off = ClientPolicy::make({.authorities = "/none/ca.pem"}, problem);
  ASSERT_NE(off, nullptr);
  EXPECT_EQ(off->key(), "");
  EXPECT_FALSE(off->requires_certificate());
}

// --- Handshakes ----------------------------------------------------------------------------------

class ClientPolicyHandshake : public ::testing::TestWithParam<int> {
 protected:
  std::shared_ptr<const ListenerContext> asking(Mode mode) const {
    auto parts = listener_parts();
    parts.tls.client_certificates = {.mode = mode,
                                     .authorities = folder_.write("ca.pem", authority_.pem())};
    return make_listener(std::move(parts));
  }
  static ClientWish with(const MadeCertificate* certificate) {
    return {.version = GetParam(), .certificate = certificate};
  }
  // What the client is told when it is refused.
  static std::vector<int> alerts_to(const ListenerContext& context, const ClientWish& wish) {
    SessionPair pair(context, wish);
    EXPECT_FALSE(pair.run());
    EXPECT_FALSE(pair.server.session.established());
    return pair.client.alerts;
  }
  static int without_certificate() {
    return GetParam() == TLS1_3_VERSION ? kCertificateRequired : SSL_AD_HANDSHAKE_FAILURE;
  }

  const CertificateFolder folder_;
  const MadeCertificate authority_ = authority("clients");
  const MadeCertificate good_{CertificateWish{.common_name = "me", .extended_usage = "clientAuth"},
                              &authority_};
};

INSTANTIATE_TEST_SUITE_P(Versions, ClientPolicyHandshake,
                         ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION));

TEST_P(ClientPolicyHandshake, KnownClientsAreTakenAndNamed) {
  for (const Mode mode : {Mode::request, Mode::require}) {
    SessionPair pair(asking(mode), with(&good_));
    ASSERT_TRUE(pair.run());
    EXPECT_EQ(pair.server.session.client_subject(), "CN=me");
  }
}

TEST_P(ClientPolicyHandshake, TheAuthoritiesAreNamedToClients) {
  SessionPair pair(asking(Mode::request), with(nullptr));
  ASSERT_TRUE(pair.run());
  const STACK_OF(X509_NAME)* const names = SSL_get0_peer_CA_list(pair.client.ssl());
  ASSERT_EQ(sk_X509_NAME_num(names), 1);
  std::array<char, 50> text{};
  X509_NAME_get_text_by_NID(sk_X509_NAME_value(names, 0), NID_commonName, text.data(), text.size());
  EXPECT_STREQ(text.data(), "clients");
}

TEST_P(ClientPolicyHandshake, WhoShowsNoneIsRefusedOnlyWhereItIsRequired) {
  SessionPair pair(asking(Mode::request), with(nullptr));
  EXPECT_TRUE(pair.run());
  EXPECT_EQ(pair.server.session.client_subject(), "");
  EXPECT_EQ(alerts_to(*asking(Mode::require), with(nullptr)), std::vector{without_certificate()});
}

TEST_P(ClientPolicyHandshake, StrangersAreRefusedInAnyCase) {
  const MadeCertificate other = authority("others"), namesake = authority("clients");
  const MadeCertificate stranger({.common_name = "me", .extended_usage = "clientAuth"}, &other);
  const MadeCertificate forged({.common_name = "me", .extended_usage = "clientAuth"}, &namesake);
  for (const Mode mode : {Mode::request, Mode::require}) {
    EXPECT_EQ(alerts_to(*asking(mode), with(&stranger)), std::vector{SSL_AD_UNKNOWN_CA});
    EXPECT_EQ(alerts_to(*asking(mode), with(&forged)).size(), 1U);
  }
}

TEST_P(ClientPolicyHandshake, ExpiredCertificatesAreRefusedAndReported) {
  const MadeCertificate expired({.common_name = "me",
                                 .not_before = time(nullptr) - 7200,
                                 .not_after = time(nullptr) - 3600,
                                 .extended_usage = "clientAuth"},
                                &authority_);
  const auto context = asking(Mode::request);
  SessionPair pair(*context, with(&expired));
  EXPECT_FALSE(pair.run());
  EXPECT_EQ(pair.client.alerts, std::vector{SSL_AD_CERTIFICATE_EXPIRED});
  EXPECT_EQ(pair.server.session.report()->verification, X509_V_ERR_CERT_HAS_EXPIRED);
}

// A server's certificate of the same authority makes nobody a client.
TEST_P(ClientPolicyHandshake, CertificatesForOtherUsesAreRefused) {
  const MadeCertificate server({.common_name = "me", .extended_usage = "serverAuth"}, &authority_);
  EXPECT_EQ(alerts_to(*asking(Mode::require), with(&server)),
            std::vector{SSL_AD_UNSUPPORTED_CERTIFICATE});
}

TEST_P(ClientPolicyHandshake, TheSubjectComesWithTheTicket) {
  const auto context = asking(Mode::require);
  SessionPair first(*context, with(&good_));
  ASSERT_TRUE(first.run());
  SSL_set_shutdown(first.client.ssl(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  ClientWish again = with(&good_);
  again.session = first.client.ticket.get();
  SessionPair second(*context, again);
  ASSERT_TRUE(second.run());
  EXPECT_TRUE(second.server.session.resumed());
  EXPECT_EQ(second.server.session.client_subject(), "CN=me");
}

}  // namespace
}  // namespace sluice::tls
