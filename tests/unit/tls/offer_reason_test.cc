// Offers that do not go together with what a listener takes, by real clients.
#include "tls/offer_reason.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "unit/tls/explained_handshake.h"

namespace sluice::tls {
namespace {

using Policy = conf::Tls::Policy;

ServedOptions with_policy(Policy policy) { return {.tls = {.policy = policy}}; }

ServedOptions with_key(MadeKey key, Policy policy = Policy::intermediate) {
  return {.tls = {.policy = policy}, .certificates = {{.names = {"site.example"}, .key = key}}};
}

Prepare versions(int oldest, int newest) {
  return [=](SSL_CTX& client) {
    SSL_CTX_set_security_level(&client, 0);
    SSL_CTX_set_min_proto_version(&client, oldest);
    SSL_CTX_set_max_proto_version(&client, newest);
  };
}

Prepare suites(std::string list) {
  return [list = std::move(list)](SSL_CTX& client) {
    versions(TLS1_2_VERSION, TLS1_2_VERSION)(client);
    ASSERT_EQ(SSL_CTX_set_cipher_list(&client, (list + ":@SECLEVEL=0").c_str()), 1);
  };
}

Prepare groups(const char* list, int newest) {
  return [=](SSL_CTX& client) {
    SSL_CTX_set_max_proto_version(&client, newest);
    ASSERT_EQ(SSL_CTX_set1_groups_list(&client, list), 1);
  };
}

Prepare schemes(const char* list, int newest) {
  return [=](SSL_CTX& client) {
    SSL_CTX_set_max_proto_version(&client, newest);
    ASSERT_EQ(SSL_CTX_set1_sigalgs_list(&client, list), 1);
  };
}

Prepare alpn(std::string_view list) {
  return [=](SSL_CTX& client) {
    SSL_CTX_set_alpn_protos(&client, reinterpret_cast<const unsigned char*>(list.data()),
                            static_cast<unsigned>(list.size()));
  };
}

// long: a table
std::vector<RealCase> offers() {
  return {
      {"tls10",
       {},
       versions(TLS1_VERSION, TLS1_VERSION),
       {"old_version",
        "client offers only TLS 1.0; policy \"intermediate\" takes TLS 1.2 or "
        "newer; \"legacy\" would take it"}},
      {"tls11",
       {},
       versions(TLS1_VERSION, TLS1_1_VERSION),
       {"old_version", "client offers only TLS 1.1 or older"}},
      {"tls12_on_modern",
       with_policy(Policy::modern),
       versions(TLS1_2_VERSION, TLS1_2_VERSION),
       {"old_version",
        "client offers only TLS 1.2 or older; policy \"modern\" takes TLS 1.3; "
        "\"intermediate\" would take it"}},
      {"cbc",
       {},
       suites("ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA384"),
       {"no_shared_suite", "client offers only CBC (TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, "}},
      {"cbc_and_legacy",
       {},
       suites("ECDHE-ECDSA-AES128-SHA"),
       {"no_shared_suite", "; policy \"legacy\" would take it"}},
      {"rsa_key_transport",
       with_key(MadeKey::rsa_2048),
       suites("AES128-GCM-SHA256"),
       {"no_shared_suite",
        "only RSA key transport (TLS_RSA_WITH_AES_128_GCM_SHA256); policy "
        "\"legacy\" would take it"}},
      {"rsa_key_transport_and_ecdsa",
       {},
       suites("AES128-GCM-SHA256"),
       {"no_shared_suite", "policy \"legacy\" and an RSA certificate would take it"}},
      {"dhe",
       {},
       suites("DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES128-SHA"),
       {"no_shared_suite", "only DHE over finite fields"}},
      {"no_encryption",
       with_policy(Policy::legacy),
       suites("ECDHE-ECDSA-NULL-SHA"),
       {"no_shared_suite", "only RC4, DES or no encryption"}},
      {"tls13_suite",
       {},
       [](SSL_CTX& client) {
         SSL_CTX_set_ciphersuites(&client, "TLS_AES_128_CCM_SHA256");
         SSL_CTX_set_min_proto_version(&client, TLS1_3_VERSION);
       },
       {"no_shared_suite", "client offers TLS_AES_128_CCM_SHA256"}},
      {"group_tls13",
       {},
       groups("P-521", TLS1_3_VERSION),
       {"no_shared_group", "no group in common: client offers secp521r1"}},
      {"group_tls12",
       with_key(MadeKey::rsa_2048),
       groups("P-521:X448", TLS1_2_VERSION),
       {"no_shared_group", "no group in common: client offers secp521r1, X448"}},
      {"rsa_suites",
       {},
       suites("ECDHE-RSA-AES128-GCM-SHA256"),
       {"no_certificate_of_kind",
        "client takes only RSA certificates, and ours is ECDSA: add an "
        "RSA certificate beside it"}},
      {"ecdsa_suites",
       with_key(MadeKey::rsa_2048),
       suites("ECDHE-ECDSA-AES128-GCM-SHA256"),
       {"no_certificate_of_kind", "client takes only ECDSA certificates, and ours is RSA"}},
      {"rsa_schemes_tls13",
       {},
       schemes("RSA-PSS+SHA256:RSA+SHA256", TLS1_3_VERSION),
       {"no_certificate_of_kind", "client takes only RSA certificates, and ours is ECDSA"}},
      {"rsa_schemes_tls12",
       {},
       schemes("RSA-PSS+SHA256:RSA+SHA256", TLS1_2_VERSION),
       {"no_certificate_of_kind", "client takes only RSA certificates, and ours is ECDSA"}},
      {"odd_schemes",
       {},
       schemes("ed25519", TLS1_3_VERSION),
       {"no_signature_scheme", "for our ECDSA certificate: client offers ed25519"}},
      {"alpn",
       {},
       alpn("\x02h2\x06spdy/3"),
       {"no_shared_protocol", "only what is not spoken here: \"h2\", \"spdy/3\""}},
      {"alpn_hostile",
       {},
       alpn("\x04\x1b[2J\x03\x22\r\n"),
       {"no_shared_protocol", R"("\x1b[2J", "\x22\x0d\x0a")"}},
  };
}

class OfferReason : public testing::TestWithParam<RealCase> {};

TEST_P(OfferReason, IsSaid) { expect_explained(GetParam()); }

INSTANTIATE_TEST_SUITE_P(Real, OfferReason, testing::ValuesIn(offers()),
                         [](const auto& one) { return std::string(one.param.name); });

TEST(ReasonOfVersions, IsNoneWhereOneIsCommon) {
  EXPECT_FALSE(reason_of_versions({.legacy_version = 0x0303}, Policy::intermediate));
  EXPECT_FALSE(reason_of_versions({.versions = {0x7f00, 0x0304}}, Policy::modern));
  EXPECT_FALSE(reason_of_versions({.legacy_version = 0x0301}, Policy::legacy));
}

TEST(ReasonOfVersions, KnowsThoseThatNobodyHas) {
  const auto found = reason_of_versions({.versions = {0x0a0a, 0x0305}}, Policy::intermediate);
  ASSERT_TRUE(found);
  expect(*found, {"unknown_version", "client offers only 0x0305; policy \"intermediate\""});
}

TEST(ReasonOfVersions, TakesNoNumberForTls13) {
  // RFC 8446 section 4.2.1: without the extension it is TLS 1.2 at most.
  const auto found = reason_of_versions({.legacy_version = 0x0304}, Policy::modern);
  ASSERT_TRUE(found);
  expect(*found, {"old_version", "client offers only TLS 1.2 or older"});
}

TEST(ReasonOfProtocols, CountsWhatIsTooMuch) {
  const HandshakeFailure found =
      reason_of_protocols({.alpn = {"a", "b", "c", "d", "e"}, .has_alpn = true});
  expect(found, {"no_shared_protocol", "\"a\", \"b\", \"c\" and 2 more"});
}

TEST(QuotedText, IsPrintableAndBounded) {
  EXPECT_EQ(quoted_text("a\"\\\n\xff"), R"("a\x22\x5c\x0a\xff")");
  EXPECT_EQ(quoted_text(std::string(65, 'x')), '"' + std::string(64, 'x') + "\"...");
}

}  // namespace
}  // namespace sluice::tls
