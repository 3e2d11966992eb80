// What is known of a certificate that is right, in whichever form it comes; and whose key it is.
#include "tls/certificate.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "unit/tls/certificate_loading.h"
#include "unit/tls/made_certificates.h"

namespace sluice::tls {
namespace {

using namespace loading;

TEST(Certificate, TellsWhatItIs) {
  const CertificateFolder folder;
  const MadeChain& made = shared_chain();
  const Loading loading = load(folder, made.pem(), made.leaf.key_pem());
  ASSERT_NE(loading.certificate, nullptr) << texts(loading.problems);
  EXPECT_TRUE(loading.problems.empty()) << texts(loading.problems);
  const Certificate& one = *loading.certificate;
  EXPECT_EQ(one.names(), (std::vector<std::string>{"www.example.com", "*.example.com"}));
  EXPECT_EQ(one.addresses(), (std::vector<std::string>{"192.0.2.1", "2001:db8::1"}));
  EXPECT_EQ(one.kind(), KeyKind::ecdsa);
  EXPECT_EQ(one.subject(), "CN=www.example.com");
  EXPECT_EQ(one.issuer(), "CN=Intermediate of tests");
  EXPECT_LT(one.not_before(), now());
  EXPECT_GT(one.not_after(), now() + 80 * kDay);
  EXPECT_EQ(one.digest().size(), 64U);
  EXPECT_NE(one.leaf(), nullptr);
  EXPECT_NE(one.private_key(), nullptr);
  EXPECT_EQ(one.intermediates().size(), 1U);
  EXPECT_EQ(one.chain_path(), loading.chain_path);
  EXPECT_EQ(one.key_path(), loading.key_path);
}

TEST(Certificate, TakesEveryUsualForm) {
  const CertificateFolder folder;
  const MadeChain& made = shared_chain();
  const std::string key = made.leaf.key_pem();
  const std::string carriage_returns = [&] {
    std::string text;
    for (const char octet : made.pem()) text += octet == '\n' ? "\r\n" : std::string(1, octet);
    return text;
  }();
  const std::vector<std::pair<std::string, std::string>> cases = {
      {made.pem(), made.leaf.traditional_key_pem()},
      {made.pem() + made.root.pem(), key},
      {"Bag Attributes\n  friendlyName: a\n" + made.pem(), "a comment\n" + key},
      {carriage_returns, key},
      {made.pem() + key, key},
      {made.pem(), made.leaf.pem() + key},
      {made.pem(),
       "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" +
           made.leaf.traditional_key_pem()},
      {made.leaf.pem(), key},  // its authority may be one that clients know
  };
  std::string digest;
  for (size_t i = 0; i < cases.size(); ++i) {
    const Loading loading = load(folder, cases[i].first, cases[i].second);
    ASSERT_NE(loading.certificate, nullptr) << i << texts(loading.problems);
    EXPECT_TRUE(loading.problems.empty()) << i << texts(loading.problems);
    EXPECT_EQ(loading.certificate->intermediates().size(), i + 1 == cases.size() ? 0U : 1U)
        << "the root is not sent";
    if (i == 0) digest = loading.certificate->digest();
    EXPECT_EQ(loading.certificate->digest() == digest, i != 1 && i + 1 != cases.size()) << i;
  }
}

TEST(Certificate, MayShareOneFileWithItsKey) {
  const CertificateFolder folder;
  const MadeChain& made = shared_chain();
  const std::string path = folder.write("both.pem", made.leaf.key_pem() + made.pem());
  Loading loading{path, path, {}, nullptr};
  loading.load();
  EXPECT_NE(loading.certificate, nullptr) << texts(loading.problems);
  EXPECT_TRUE(loading.problems.empty()) << texts(loading.problems);
}

TEST(Certificate, KnowsItsKind) {
  const CertificateFolder folder;
  EXPECT_EQ(
      load_wish(folder, {.names = {"a.example"}, .key = MadeKey::rsa_2048}).certificate->kind(),
      KeyKind::rsa);
  EXPECT_EQ(load_wish(folder, {.names = {"a.example"}, .key = MadeKey::p384}).certificate->kind(),
            KeyKind::ecdsa);
}

TEST(Certificate, SaysWhoseKeyItIs) {
  const CertificateFolder folder;
  const MadeChain& made = shared_chain();
  const MadeCertificate other({.key = MadeKey::rsa_2048});
  expect_error(load(folder, made.pem(), other.key_pem()), CertificateFlaw::mismatch,
               {"key.pem: is not the key of certificate 1 of 2 (\"CN=www.example.com\") in ",
                "it is RSA, 2048 bits, the certificate's ECDSA, P-256"});
  expect_error(load(folder, made.pem(), made.intermediate.key_pem()), CertificateFlaw::mismatch,
               {"is the key of certificate 2 of 2 (\"CN=Intermediate of tests\")"});
}

TEST(Certificate, SaysAllMistakesAtOnce) {
  const CertificateFolder folder;
  const MadeCertificate other({});
  const MadeChain made(
      {.names = {"a.example"}, .not_after = now() - kDay, .extended_usage = "clientAuth"});
  const Loading loading = load(folder, made.pem(), other.key_pem());
  EXPECT_EQ(loading.problems.size(), 3U) << texts(loading.problems);
}

// Problems of other certificates, told before, are none of this one's.
TEST(Certificate, AppendsToTheProblemsOfOthers) {
  const CertificateFolder folder;
  Loading loading = load(folder, shared_chain().pem(), shared_chain().leaf.key_pem());
  loading.problems.push_back({CertificateFlaw::expired, true, "another"});
  EXPECT_NE(Certificate::load(loading.chain_path, loading.key_path, now(), loading.problems),
            nullptr);
  EXPECT_EQ(loading.problems.size(), 1U);
}

}  // namespace
}  // namespace sluice::tls
