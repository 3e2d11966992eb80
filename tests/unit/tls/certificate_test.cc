// A table of what people give a server as its certificate and key, each with what is to be said of
// it; and what is known of one that is right.
#include "tls/certificate.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "unit/tls/made_certificates.h"

namespace sluice::tls {
namespace {

constexpr int64_t kDay = 86400;

int64_t now() { return std::time(nullptr); }

std::string texts(const CertificateProblems& problems) {
  std::string all;
  for (const CertificateProblem& one : problems)
    all += (one.is_error ? "error: " : "warning: ") + one.text + "\n";
  return all;
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// The two files of one case, and what loading them gave.
struct Loading {
  std::string chain_path;
  std::string key_path;
  CertificateProblems problems;
  std::shared_ptr<const Certificate> certificate;

  void load(int64_t at = now()) {
    problems.clear();
    certificate = Certificate::load(chain_path, key_path, at, problems);
  }
};

Loading load(const CertificateFolder& folder, const std::string& chain, const std::string& key) {
  Loading loading{folder.write("chain.pem", chain), folder.write("key.pem", key), {}, nullptr};
  loading.load();
  return loading;
}

Loading load_wish(const CertificateFolder& folder, const CertificateWish& wish) {
  const MadeChain made(wish);
  return load(folder, made.pem(), made.leaf.key_pem());
}

// Made once: a test that changes nothing about them need not make its own.
const MadeChain& shared_chain() {
  static const MadeChain kChain({.common_name = "www.example.com",
                                 .names = {"www.Example.com", "*.example.com"},
                                 .addresses = {"192.0.2.1", "2001:db8::1"}});
  return kChain;
}

// Exactly one problem, an error of `flaw` whose text has all of `parts`.
void expect_error(const Loading& loading, CertificateFlaw flaw,
                  const std::vector<std::string_view>& parts) {
  EXPECT_EQ(loading.certificate, nullptr);
  ASSERT_EQ(loading.problems.size(), 1U) << texts(loading.problems);
  const CertificateProblem& problem = loading.problems.front();
  EXPECT_EQ(problem.flaw, flaw) << problem.text;
  EXPECT_TRUE(problem.is_error) << problem.text;
  for (const std::string_view part : parts) EXPECT_TRUE(has(problem.text, part)) << problem.text;
}

void expect_warning(const Loading& loading, CertificateFlaw flaw, std::string_view part) {
  EXPECT_NE(loading.certificate, nullptr) << texts(loading.problems);
  ASSERT_EQ(loading.problems.size(), 1U) << texts(loading.problems);
  EXPECT_EQ(loading.problems[0].flaw, flaw) << loading.problems[0].text;
  EXPECT_FALSE(loading.problems[0].is_error) << loading.problems[0].text;
  EXPECT_TRUE(has(loading.problems[0].text, part)) << loading.problems[0].text;
}

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

TEST(Certificate, SaysWhichFileCannotBeRead) {
  const CertificateFolder folder;
  const MadeChain& made = shared_chain();
  const std::string chain = folder.write("chain.pem", made.pem());
  const std::string key = folder.write("key.pem", made.leaf.key_pem());
  std::filesystem::create_directory(folder.path("folder"));
  ASSERT_EQ(::mkfifo(folder.path("pipe").c_str(), 0600), 0);
  const std::string large = folder.write("large.pem", std::string(kCertificateFileSize + 1, 'x'));
  const std::vector<std::pair<std::string, CertificateFlaw>> cases = {
      {folder.path("none.pem"), CertificateFlaw::missing},
      {chain + "/none.pem", CertificateFlaw::missing},
      {folder.path("folder"), CertificateFlaw::no_file},
      {folder.path("pipe"), CertificateFlaw::no_file},
      {"/dev/null", CertificateFlaw::no_file},
      {folder.write("empty.pem", ""), CertificateFlaw::empty},
      {folder.write("blank.pem", "\n \r\n"), CertificateFlaw::empty},
      {large, CertificateFlaw::too_large},
  };
  for (const auto& [path, flaw] : cases) {
    Loading loading{path, key, {}, nullptr};
    loading.load();
    expect_error(loading, flaw, {path + ": "});
    loading = {chain, path, {}, nullptr};
    loading.load();
    expect_error(loading, flaw, {path + ": "});
  }
}

TEST(Certificate, SaysBothFilesAtOnce) {
  const CertificateFolder folder;
  Loading loading{folder.path("a.pem"), folder.path("b.pem"), {}, nullptr};
  loading.load();
  ASSERT_EQ(loading.problems.size(), 2U);
  EXPECT_TRUE(has(loading.problems[0].text, "a.pem: there is no such file"));
  EXPECT_TRUE(has(loading.problems[1].text, "b.pem: there is no such file"));
}

// Root reads everything, so the test is somebody else for a moment.
TEST(Certificate, SaysThatAFileMayNotBeRead) {
  const CertificateFolder folder;
  Loading loading = load(folder, shared_chain().pem(), shared_chain().leaf.key_pem());
  std::filesystem::permissions(folder.path(), std::filesystem::perms::none);
  const uid_t user = ::geteuid();
  if (user == 0) {
    ASSERT_EQ(::seteuid(65534), 0);
  }
  loading.load();
  ASSERT_EQ(::seteuid(user), 0);
  std::filesystem::permissions(folder.path(), std::filesystem::perms::owner_all);
  EXPECT_EQ(loading.certificate, nullptr);
  ASSERT_EQ(loading.problems.size(), 2U) << texts(loading.problems);
  for (const CertificateProblem& one : loading.problems) {
    EXPECT_EQ(one.flaw, CertificateFlaw::unreadable);
    EXPECT_TRUE(has(one.text, ".pem: this process")) << one.text;
    EXPECT_TRUE(has(one.text, "may not read it")) << one.text;
  }
}

TEST(Certificate, WarnsOfKeysThatOthersMayRead) {
  const CertificateFolder folder;
  Loading loading = load(folder, shared_chain().pem(), shared_chain().leaf.key_pem());
  for (const unsigned mode : {0600U, 0400U, 0640U, 0440U}) {
    folder.write("key.pem", shared_chain().leaf.key_pem(), mode);
    loading.load();
    EXPECT_TRUE(loading.problems.empty()) << std::oct << mode << texts(loading.problems);
  }
  for (const unsigned mode : {0644U, 0604U, 0660U, 0602U}) {
    folder.write("key.pem", shared_chain().leaf.key_pem(), mode);
    loading.load();
    expect_warning(loading, CertificateFlaw::others_may_read, "chmod 600 " + loading.key_path);
  }
  folder.write("key.pem", shared_chain().leaf.key_pem());
  folder.write("chain.pem", shared_chain().pem(), 0644);
  loading.load();
  EXPECT_TRUE(loading.problems.empty()) << "the chain is public";
}

// What lies in the place of one of the files.
TEST(Certificate, SaysWhatLiesInPlaceOfTheChain) {
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

TEST(Certificate, SaysWhatLiesInPlaceOfTheKey) {
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
TEST(Certificate, NeverAsksForAPassphrase) {
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

TEST(Certificate, SaysThatTheFilesAreSwapped) {
  const CertificateFolder folder;
  const MadeChain& made = shared_chain();
  const Loading loading = load(folder, made.leaf.key_pem(), made.pem());
  expect_error(loading, CertificateFlaw::swapped, {loading.chain_path, loading.key_path});
}

TEST(Certificate, SaysWhatIsDamaged) {
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
TEST(Certificate, SurvivesFilesCutAnywhere) {
  const MadeChain& made = shared_chain();
  const std::string both = made.leaf.pem() + made.leaf.key_pem();
  for (size_t size = 0; size + 1 < both.size(); ++size) {
    CertificateProblems problems;
    const std::string_view cut = std::string_view(both).substr(0, size);
    EXPECT_EQ(Certificate::parse(cut, "cut.pem", cut, "cut.pem", now(), problems), nullptr) << size;
    EXPECT_FALSE(problems.empty()) << size;
  }
}

TEST(Certificate, SaysTheRightOrderOfAChain) {
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

TEST(Certificate, SaysWhatDoesNotBelongToTheChain) {
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
  expect_error(load(folder, made.leaf.pem() + made.root.pem(), key), CertificateFlaw::unrelated,
               {"certificate 2 of 2 (\"CN=Root of tests\")"});
  expect_error(load(folder, made.leaf.pem() + impostor.pem(), key), CertificateFlaw::unrelated,
               {"certificate 2 of 2 (\"CN=Intermediate of tests\")"});
  expect_error(load(folder, made.pem() + made.intermediate.pem(), key), CertificateFlaw::duplicate,
               {"certificate 3 of 3", "number 2 once more"});
}

TEST(Certificate, RefusesAnIssuerThatIsNoAuthority) {
  const CertificateFolder folder;
  const MadeCertificate server({.common_name = "server", .names = {"a.example"}});
  const MadeCertificate below({.names = {"b.example"}}, &server);
  expect_error(load(folder, below.pem() + server.pem(), below.key_pem()),
               CertificateFlaw::no_authority, {"certificate 2 of 2 (\"CN=server\")"});
}

TEST(Certificate, RefusesBundlesOfAuthorities) {
  const CertificateFolder folder;
  std::string chain;
  for (size_t i = 0; i < kChainLength + 1; ++i) chain += shared_chain().root.pem();
  expect_error(load(folder, chain, shared_chain().leaf.key_pem()), CertificateFlaw::chain_too_long,
               {"11 certificates"});
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

TEST(Certificate, SaysFromWhenToWhenItIsValid) {
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

TEST(Certificate, MindsTheIntermediatesValidityToo) {
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

TEST(Certificate, RefusesWhatClientsRefuse) {
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

TEST(Certificate, RefusesAnAuthoritysCertificate) {
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

TEST(Certificate, WarnsOfWhatOnlySomeClientsTake) {
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
