// What clients refuse, each alone in a certificate that is otherwise right.
#include "tls/certificate_checks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "unit/tls/certificate_loading.h"
#include "unit/tls/made_certificates.h"

namespace sluice::tls {
namespace {

using namespace loading;

TEST(CertificateChecks, SaysFromWhenToWhenItIsValid) {
  const CertificateFolder folder;
  const MadeChain made({.names = {"a.example"}, .not_before = 1000000000, .not_after = 1000086400});
  Loading loading{folder.write("chain.pem", made.leaf.pem()),
                  folder.write("key.pem", made.leaf.key_pem()),
                  {},
                  nullptr};
  for (const int64_t inside : {1000000000, 1000086400}) {
    loading.load(inside);
    EXPECT_NE(loading.certificate, nullptr) << texts(loading.problems);
  }
  EXPECT_EQ(loading.certificate->not_before(), 1000000000);
  EXPECT_EQ(loading.certificate->not_after(), 1000086400);
  loading.load(1000086401);
  expect_error(loading, CertificateFlaw::expired, {"expired on 2001-09-10 01:46:40 UTC"});
  loading.load(999999999);
  expect_error(loading, CertificateFlaw::not_yet_valid,
               {"is valid from 2001-09-09 01:46:40 UTC", "has 2001-09-09 01:46:39 UTC"});
}

TEST(CertificateChecks, MindsTheIntermediatesValidityToo) {
  const CertificateFolder folder;
  const MadeCertificate root({.common_name = "root", .authority = true});
  const int64_t soon = now() + 2 * kDay;
  const MadeCertificate middle({.common_name = "middle", .not_after = soon, .authority = true},
                               &root);
  const MadeCertificate leaf({.names = {"a.example"}}, &middle);
  Loading loading = load(folder, leaf.pem() + middle.pem(), leaf.key_pem());
  ASSERT_NE(loading.certificate, nullptr) << texts(loading.problems);
  EXPECT_EQ(loading.certificate->not_after(), soon);
  loading.load(soon + 1);
  expect_error(loading, CertificateFlaw::expired, {"certificate 2 of 2 (\"CN=middle\") expired"});
}

TEST(CertificateChecks, RefusesWhatClientsRefuse) {
  const CertificateFolder folder;
  const auto expect = [&](const CertificateWish& wish, CertificateFlaw flaw,
                          std::string_view part) {
    expect_error(load_wish(folder, wish), flaw, {"chain.pem: certificate 1 of 2", part});
  };
  const std::vector<std::string> names = {"a.example"};
  expect({.names = names, .key = MadeKey::rsa_1024}, CertificateFlaw::weak_key, "RSA, 1024 bits");
  expect({.names = names, .key = MadeKey::secp256k1}, CertificateFlaw::unsuitable_key,
         "ECDSA, secp256k1");
  expect({.names = names, .key = MadeKey::ed448}, CertificateFlaw::unsuitable_key,
         "clients do not take");
  expect({.names = names, .digest = "SHA1"}, CertificateFlaw::weak_signature, "signed with SHA1");
  expect({.names = names, .extended_usage = "clientAuth"}, CertificateFlaw::usage, "serverAuth");
  expect({.names = names, .usage = "keyAgreement"}, CertificateFlaw::usage, "digitalSignature");
}

TEST(CertificateChecks, RefusesAnAuthoritysCertificate) {
  const CertificateFolder folder;
  const MadeChain& made = shared_chain();
  Loading loading = load(folder, made.intermediate.pem(), made.intermediate.key_pem());
  EXPECT_EQ(loading.certificate, nullptr);
  EXPECT_TRUE(std::ranges::any_of(loading.problems, [](const CertificateProblem& one) {
    return one.flaw == CertificateFlaw::authority && one.is_error;
  })) << texts(loading.problems);
  // What `openssl req -x509` makes.
  loading = load(folder, made.root.pem(), made.root.key_pem());
  EXPECT_NE(loading.certificate, nullptr) << texts(loading.problems);
  EXPECT_TRUE(has(texts(loading.problems), "signed itself as an authority"));
}

TEST(CertificateChecks, WarnsOfWhatOnlySomeClientsTake) {
  const CertificateFolder folder;
  const std::vector<std::string> names = {"a.example"};
  expect_warning(load_wish(folder, {.names = names, .key = MadeKey::p521}),
                 CertificateFlaw::unsuitable_key, "P-521");
  const Loading ed25519 = load_wish(folder, {.names = names, .key = MadeKey::ed25519});
  expect_warning(ed25519, CertificateFlaw::unsuitable_key, "Ed25519");
  EXPECT_EQ(ed25519.certificate->kind(), KeyKind::ed25519);
  const Loading nameless = load_wish(folder, {.common_name = "WWW.a.example"});
  expect_warning(nameless, CertificateFlaw::no_names, "no subjectAltName");
  EXPECT_EQ(nameless.certificate->names(), std::vector<std::string>{"www.a.example"});
  const Loading odd = load_wish(folder, {.names = {"a.example", "b b.example", "w*.a.example"}});
  EXPECT_EQ(odd.problems.size(), 2U) << texts(odd.problems);
  EXPECT_TRUE(has(texts(odd.problems), "b\\x20b.example"));
  EXPECT_EQ(odd.certificate->names(), std::vector<std::string>{"a.example"});
}

}  // namespace
}  // namespace sluice::tls
