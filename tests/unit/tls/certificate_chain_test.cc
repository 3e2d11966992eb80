// Chains out of order, with a stranger in them, or an issuer that may not be one.
#include "tls/certificate_chain.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "unit/tls/certificate_loading.h"
#include "unit/tls/made_certificates.h"

namespace sluice::tls {
namespace {

using namespace loading;

TEST(CertificateChain, SaysTheRightOrderOfAChain) {
  const CertificateFolder folder;
  const MadeChain& made = shared_chain();
  const std::string key = made.leaf.key_pem();
  const std::string leaf = made.leaf.pem();
  const std::string middle = made.intermediate.pem();
  const std::string root = made.root.pem();
  expect_error(load(folder, middle + leaf, key), CertificateFlaw::chain_order,
               {"certificate 2 of 2 (\"CN=www.example.com\") did not issue the one before it",
                "2 (\"CN=www.example.com\"), then 1 (\"CN=Intermediate of tests\")"});
  expect_error(load(folder, leaf + root + middle, key), CertificateFlaw::chain_order,
               {"certificate 2 of 3",
                "1 (\"CN=www.example.com\"), then 3 (\"CN=Intermediate of "
                "tests\"), then 2 (\"CN=Root of tests\")"});
  expect_error(load(folder, root + middle + leaf, key), CertificateFlaw::chain_order,
               {"3 (\"CN=www.example.com\"), then 2"});
}

TEST(CertificateChain, SaysWhatDoesNotBelongToTheChain) {
  const CertificateFolder folder;
  const MadeChain& made = shared_chain();
  const MadeCertificate stranger({.common_name = "Stranger", .authority = true});
  // An authority of the same name, that signed nothing here.
  const MadeCertificate impostor({.common_name = "Intermediate of tests", .authority = true});
  const std::string key = made.leaf.key_pem();
  expect_error(load(folder, made.pem() + stranger.pem(), key), CertificateFlaw::unrelated,
               {"certificate 3 of 3 (\"CN=Stranger\")"});
  expect_error(load(folder, made.leaf.pem() + stranger.pem() + made.intermediate.pem(), key),
               CertificateFlaw::unrelated, {"certificate 2 of 3 (\"CN=Stranger\")"});
  const std::string whole = made.intermediate.pem() + made.root.pem();
  expect_error(load(folder, made.leaf.pem() + stranger.pem() + whole, key),
               CertificateFlaw::unrelated,
               {"certificate 2 of 4 (\"CN=Stranger\")",
                "1 (\"CN=www.example.com\"), then 3 (\"CN=Intermediate of tests\"), then 4 "
                "(\"CN=Root of tests\")"});
  expect_error(load(folder, stranger.pem() + made.leaf.pem() + whole, key),
               CertificateFlaw::unrelated, {"certificate 1 of 4 (\"CN=Stranger\")"});
  expect_error(load(folder, made.leaf.pem() + made.root.pem(), key), CertificateFlaw::unrelated,
               {"certificate 2 of 2 (\"CN=Root of tests\")"});
  expect_error(load(folder, made.leaf.pem() + impostor.pem(), key), CertificateFlaw::unrelated,
               {"certificate 2 of 2 (\"CN=Intermediate of tests\")"});
  expect_error(load(folder, made.pem() + made.intermediate.pem(), key), CertificateFlaw::duplicate,
               {"certificate 3 of 3", "number 2 once more"});
}

TEST(CertificateChain, RefusesAnIssuerThatIsNoAuthority) {
  const CertificateFolder folder;
  const MadeCertificate server({.common_name = "server", .names = {"a.example"}});
  const MadeCertificate below({.names = {"b.example"}}, &server);
  expect_error(load(folder, below.pem() + server.pem(), below.key_pem()),
               CertificateFlaw::no_authority, {"certificate 2 of 2 (\"CN=server\")"});
}

// What happens to whoever gives certbot's cert.pem in place of its fullchain.pem.
TEST(CertificateChain, WarnsWhereTheIntermediateSeemsToBeLeftOut) {
  const CertificateFolder folder;
  const MadeChain made({.names = {"a.example"}, .issuer_place = "http://authority.example/i.der"});
  expect_warning(load(folder, made.leaf.pem(), made.leaf.key_pem()), CertificateFlaw::incomplete,
                 "\"CN=Intermediate of tests\" issued: many clients need that one's certificate");
  EXPECT_TRUE(load(folder, made.pem(), made.leaf.key_pem()).problems.empty());
}

}  // namespace
}  // namespace sluice::tls
