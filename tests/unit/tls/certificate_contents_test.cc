// A table of what people give a server in place of its certificate or key.
#include "tls/certificate_contents.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "unit/tls/certificate_loading.h"
#include "unit/tls/made_certificates.h"

namespace sluice::tls {
namespace {

using namespace loading;

// What lies in the place of one of the files.
TEST(CertificateContents, SaysWhatLiesInPlaceOfTheChain) {
  const CertificateFolder folder;
  const MadeChain& made = shared_chain();
  const std::string key = made.leaf.key_pem();
  const auto expect = [&](const std::string& chain, CertificateFlaw flaw, std::string_view part) {
    const Loading loading = load(folder, chain, key);
    expect_error(loading, flaw, {loading.chain_path + ": ", part});
  };
  expect("hello\n", CertificateFlaw::no_certificate, "is no PEM file");
  expect(made.leaf.pkcs12("secret"), CertificateFlaw::pkcs12,
         "openssl pkcs12 -in " + folder.path("chain.pem") + " -nokeys");
  expect(made.leaf.der(), CertificateFlaw::der, "openssl x509 -inform DER -in ");
  expect(made.leaf.key_der(), CertificateFlaw::der, "private key in DER");
  expect(made.leaf.request_pem(), CertificateFlaw::no_certificate, "is a certificate request");
  expect(made.leaf.public_key_pem(), CertificateFlaw::no_certificate, "is a public key");
  expect(key, CertificateFlaw::no_certificate, "is a private key");
}

TEST(CertificateContents, SaysWhatLiesInPlaceOfTheKey) {
  const CertificateFolder folder;
  const MadeChain& made = shared_chain();
  const auto expect = [&](const std::string& key, CertificateFlaw flaw, std::string_view part) {
    const Loading loading = load(folder, made.pem(), key);
    expect_error(loading, flaw, {loading.key_path + ": ", part});
  };
  expect("hello\n", CertificateFlaw::no_key, "is no PEM file");
  expect(made.leaf.pkcs12("secret"), CertificateFlaw::pkcs12, "-nocerts -noenc");
  expect(made.leaf.key_der(), CertificateFlaw::der, "openssl pkey -inform DER -in ");
  expect(made.leaf.pem(), CertificateFlaw::no_key, "is a certificate");
  expect(made.leaf.public_key_pem(), CertificateFlaw::no_key, "is a public key");
  expect(made.leaf.request_pem(), CertificateFlaw::no_key, "is a certificate request");
  expect("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
         CertificateFlaw::no_key, "OpenSSH");
  expect("-----BEGIN SOMETHING-----\nAAAA\n-----END SOMETHING-----\n", CertificateFlaw::no_key,
         "holds no PRIVATE KEY block");
  expect(made.leaf.key_pem() + made.root.key_pem(), CertificateFlaw::several_keys,
         "2 private keys");
}

// Were a passphrase asked for, this test would wait for one.
TEST(CertificateContents, NeverAsksForAPassphrase) {
  const CertificateFolder folder;
  const MadeChain& made = shared_chain();
  const std::string encrypted = made.leaf.encrypted_key_pem("secret");
  std::string mislabelled = encrypted;
  for (size_t at = 0; (at = mislabelled.find("ENCRYPTED ")) != std::string::npos;)
    mislabelled.erase(at, 10);
  for (const std::string& key : {encrypted, made.leaf.encrypted_traditional_key_pem("secret")}) {
    const Loading loading = load(folder, made.pem(), key);
    expect_error(loading, CertificateFlaw::encrypted_key,
                 {"openssl pkey -in " + loading.key_path + " -out"});
  }
  expect_error(load(folder, made.pem(), mislabelled), CertificateFlaw::damaged,
               {"private key cannot be read"});
}

TEST(CertificateContents, SaysThatTheFilesAreSwapped) {
  const CertificateFolder folder;
  const MadeChain& made = shared_chain();
  const Loading loading = load(folder, made.leaf.key_pem(), made.pem());
  expect_error(loading, CertificateFlaw::swapped, {loading.chain_path, loading.key_path});
}

TEST(CertificateContents, SaysWhatIsDamaged) {
  const CertificateFolder folder;
  const MadeChain& made = shared_chain();
  const std::string key = made.leaf.key_pem();
  std::string joined = made.leaf.pem();
  joined.pop_back();  // the last line's end
  joined += made.intermediate.pem();
  const auto expect = [&](const std::string& chain, std::string_view part) {
    expect_error(load(folder, chain, key), CertificateFlaw::damaged, {"chain.pem: ", part});
  };
  expect(joined, "an END and a BEGIN");
  expect(" " + made.pem(), "line 1 has something in front of -----BEGIN");
  expect("\xef\xbb\xbf" + made.pem(), "line 1 has something in front of -----BEGIN");
  expect("-----BEGIN CERTIFICATE----\n" + made.pem(), "line 1 should end with five dashes");
  expect(made.leaf.pem() + made.leaf.pem().substr(0, 300), "block 2 cannot be read");
  expect("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
         "certificate 1 cannot be read");
  expect(made.leaf.pem() + "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n",
         "block 2 cannot be read");
  expect_error(
      load(folder, made.pem(), "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
      CertificateFlaw::damaged, {"key.pem: the private key cannot be read"});
}

// A file cut at any octet is an error or, where only the last line's end is gone, as good as whole.
TEST(CertificateContents, SurvivesFilesCutAnywhere) {
  const MadeChain& made = shared_chain();
  const std::string both = made.leaf.pem() + made.leaf.key_pem();
  for (size_t size = 0; size + 1 < both.size(); ++size) {
    CertificateProblems problems;
    const std::string_view cut = std::string_view(both).substr(0, size);
    EXPECT_EQ(Certificate::parse(cut, "cut.pem", cut, "cut.pem", now(), problems), nullptr) << size;
    EXPECT_FALSE(problems.empty()) << size;
  }
}

TEST(CertificateContents, RefusesBundlesOfAuthorities) {
  const CertificateFolder folder;
  std::string chain;
  for (size_t i = 0; i < kChainLength + 1; ++i) chain += shared_chain().root.pem();
  expect_error(load(folder, chain, shared_chain().leaf.key_pem()), CertificateFlaw::chain_too_long,
               {"11 certificates"});
}

}  // namespace
}  // namespace sluice::tls
