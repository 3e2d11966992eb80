// The development authority: made once, kept and used again; what it may sign for and what not, as
// OpenSSL's clients see it; and folders that somebody else, a crash or a slip of the hand spoilt.
#include "tls/authority.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "tls/authority_signing.h"
#include "tls/certificate.h"
#include "tls/openssl.h"
#include "unit/tls/made_certificates.h"

namespace sluice::tls {
namespace {

constexpr int64_t kDay = 86400;

int64_t now() { return std::time(nullptr); }

std::string content(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

mode_t mode_of(const std::string& path) {
  struct stat status {};
  EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
  return status.st_mode & 07777;
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

bool has(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

X509Pointer certificate_of(const std::string& pem) {
  const BioPointer bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return X509Pointer(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

// What a client that trusts `authority` and asks for `host` makes of `certificate`: X509_V_OK or
// the reason against it.
int verify(const std::string& certificate, const std::string& authority, const std::string& host) {
  const StorePointer store(X509_STORE_new());
  const X509Pointer trusted = certificate_of(authority);
  const X509Pointer leaf = certificate_of(certificate);
  X509_STORE_add_cert(store.get(), trusted.get());
  X509_STORE_CTX* const context = X509_STORE_CTX_new();
  X509_STORE_CTX_init(context, store.get(), leaf.get(), nullptr);
  X509_VERIFY_PARAM* const wanted = X509_STORE_CTX_get0_param(context);
  X509_STORE_CTX_set_purpose(context, X509_PURPOSE_SSL_SERVER);
  X509_VERIFY_PARAM_set_auth_level(wanted, 2);
  if (is_address(host)) {
    X509_VERIFY_PARAM_set1_ip_asc(wanted, host.c_str());
  } else {
    X509_VERIFY_PARAM_set1_host(wanted, host.c_str(), host.size());
  }
  const bool verified = X509_verify_cert(context) == 1;
  const int error = X509_STORE_CTX_get_error(context);
  X509_STORE_CTX_free(context);
  EXPECT_EQ(verified, error == X509_V_OK);
  return error;
}

// While it lives the process is no longer root, and what lies in `folder` is its own.
class OrdinaryUser {
 public:
  explicit OrdinaryUser(const std::filesystem::path& folder) {
    if (user_ != 0) return;
    EXPECT_EQ(::chown(folder.c_str(), kNobody, kNobody), 0);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
      EXPECT_EQ(::chown(entry.path().c_str(), kNobody, kNobody), 0);
    EXPECT_EQ(::seteuid(kNobody), 0);
  }
  ~OrdinaryUser() { EXPECT_EQ(::seteuid(user_), 0); }
  OrdinaryUser(const OrdinaryUser&) = delete;
  OrdinaryUser& operator=(const OrdinaryUser&) = delete;

 private:
  static constexpr uid_t kNobody = 65534;
  const uid_t user_ = ::geteuid();
};

class Authority : public testing::Test {
 protected:
  // Success, or a failure of the test.
  DevelopmentFiles prepare(const std::vector<std::string>& names = {}, int64_t at = now()) {
    std::string why;
    auto files = prepare_development_certificate(place, names, at, why);
    EXPECT_TRUE(files) << why;
    return files.value_or(DevelopmentFiles());
  }
  // The reason why it cannot be done.
  std::string refusal(const std::vector<std::string>& names = {}, int64_t at = now()) {
    std::string why;
    EXPECT_FALSE(prepare_development_certificate(place, names, at, why));
    EXPECT_FALSE(why.empty());
    return why;
  }
  void put(const std::string& name, const std::string& text) const {
    std::ofstream(place + "/" + name) << text;
  }

  const CertificateFolder folder;
  const std::string place = folder.path("home/.local/share/sluice/tls");
};

TEST_F(Authority, IsMadeOnceAndKept) {
  const DevelopmentFiles first = prepare();
  EXPECT_TRUE(first.made_authority);
  EXPECT_TRUE(first.made_certificate);
  EXPECT_EQ(first.authority, place + "/ca.pem");
  const std::string authority = content(first.authority);
  const std::string chain = content(first.chain);
  const DevelopmentFiles second = prepare();
  EXPECT_FALSE(second.made_authority);
  EXPECT_FALSE(second.made_certificate);
  EXPECT_EQ(content(second.authority), authority);
  EXPECT_EQ(content(second.chain), chain);
  EXPECT_EQ(second.names, first.names);
}

TEST_F(Authority, IsItsUsersAlone) {
  const DevelopmentFiles files = prepare();
  EXPECT_EQ(mode_of(place), 0700U);
  EXPECT_EQ(mode_of(folder.path("home/.local")), 0700U);
  for (const auto& entry : std::filesystem::directory_iterator(place))
    EXPECT_EQ(mode_of(entry.path().string()), 0600U) << entry.path();
  ASSERT_EQ(::chmod(place.c_str(), 0777), 0);
  prepare();
  EXPECT_EQ(mode_of(place), 0700U);
}

TEST_F(Authority, GivesWhatAServerLoadsWithoutComplaint) {
  const DevelopmentFiles files = prepare({"app.localhost", "127.0.0.2"});
  CertificateProblems problems;
  const auto loaded = Certificate::load(files.chain, files.key, now(), problems);
  ASSERT_NE(loaded, nullptr);
  EXPECT_TRUE(problems.empty()) << problems.front().text;
  EXPECT_EQ(loaded->names(),
            (std::vector<std::string>{"localhost", "*.localhost", "app.localhost"}));
  EXPECT_EQ(loaded->addresses(), (std::vector<std::string>{"127.0.0.1", "::1", "127.0.0.2"}));
  EXPECT_LE(loaded->not_after() - loaded->not_before(), 397 * kDay);
  EXPECT_GT(loaded->not_after(), now() + 390 * kDay);
  EXPECT_EQ(loaded->kind(), KeyKind::ecdsa);
}

TEST_F(Authority, IsTakenByClients) {
  const DevelopmentFiles files = prepare({"app.localhost", "box.test.example", "192.168.7.7"});
  const std::string leaf = content(files.chain);
  const std::string authority = content(files.authority);
  for (const char* host :
       {"localhost", "app.localhost", "box.test.example", "127.0.0.1", "::1", "192.168.7.7"})
    EXPECT_EQ(verify(leaf, authority, host), X509_V_OK) << host;
  EXPECT_EQ(verify(leaf, authority, "www.example.com"), X509_V_ERR_HOSTNAME_MISMATCH);
  EXPECT_EQ(verify(leaf, authority, "127.0.0.3"), X509_V_ERR_IP_ADDRESS_MISMATCH);
}

// Whoever finds its key can make certificates for other names, which clients refuse.
TEST_F(Authority, IsHarmlessInOtherHands) {
  const DevelopmentFiles files = prepare({"box.test.example", "192.168.7.7"});
  std::string error;
  const auto stolen =
      SigningAuthority::read(content(files.authority), content(place + "/ca-key.pem"), error);
  ASSERT_NE(stolen, nullptr) << error;
  for (const char* host :
       {"www.example.com", "localhost.example.com", "notlocalhost", "example", "test.example",
        "192.168.7.8", "126.255.255.255", "128.0.0.1", "::2", "2001:db8::1"}) {
    EXPECT_FALSE(stolen->permits(host)) << host;
    const auto forged = stolen->issue({host}, now(), error);
    ASSERT_NE(forged, nullptr) << error;
    EXPECT_EQ(verify(forged->certificate, content(files.authority), host),
              X509_V_ERR_PERMITTED_VIOLATION)
        << host;
  }
  const X509Pointer authority = certificate_of(content(files.authority));
  EXPECT_EQ(X509_get_pathlen(authority.get()), 0) << "no authority below it";
  EXPECT_EQ(X509_get_key_usage(authority.get()), static_cast<uint32_t>(KU_KEY_CERT_SIGN));
  EXPECT_EQ(X509_get_extended_key_usage(authority.get()), static_cast<uint32_t>(XKU_SSL_SERVER));
}

TEST_F(Authority, LeavesOutWhatItMayNotSignFor) {
  prepare({"first.example.test"});
  const DevelopmentFiles files =
      prepare({"First.Example.Test.", "second.example.test", "box", "192.168.7.7", "a b.localhost",
               "x,DNS:evil.localhost", "", "*", "0.0.0.0", "::"});
  EXPECT_FALSE(files.made_certificate);
  EXPECT_TRUE(has(files.names, "first.example.test"));
  EXPECT_EQ(files.left_out, (std::vector<std::string>{"second.example.test", "box", "192.168.7.7",
                                                      "a b.localhost", "x,dns:evil.localhost"}));
}

TEST_F(Authority, RenewsTheCertificateForANewNameAndKeepsTheOthers) {
  prepare({"a.localhost"});
  EXPECT_FALSE(prepare({}).made_certificate) << "more names than wanted";
  const DevelopmentFiles renewed = prepare({"b.localhost", "[0:0::1]", "127.9.9.9"});
  EXPECT_TRUE(renewed.made_certificate);
  EXPECT_FALSE(renewed.made_authority);
  EXPECT_FALSE(prepare({"a.localhost"}).made_certificate);
  EXPECT_FALSE(prepare({"b.localhost", "127.9.9.9"}).made_certificate);
  EXPECT_EQ(verify(content(renewed.chain), content(renewed.authority), "a.localhost"), X509_V_OK);
}

TEST_F(Authority, RenewsWhatEnds) {
  const DevelopmentFiles first = prepare();
  const std::string authority = content(first.authority);
  EXPECT_FALSE(prepare({}, now() + 366 * kDay).made_certificate);
  const DevelopmentFiles second = prepare({}, now() + 368 * kDay);
  EXPECT_TRUE(second.made_certificate);
  EXPECT_FALSE(second.made_authority);
  EXPECT_TRUE(prepare({}, now()).made_certificate) << "not yet valid: the clock was set back";
  EXPECT_EQ(content(first.authority), authority);
  const DevelopmentFiles last = prepare({}, now() + 3630 * kDay);
  EXPECT_TRUE(last.made_authority);
  EXPECT_TRUE(last.made_certificate);
  EXPECT_NE(content(first.authority), authority);
}

TEST_F(Authority, MakesADamagedCertificateAnew) {
  const DevelopmentFiles first = prepare();
  const std::string whole = content(first.chain);
  for (const std::string& text : {std::string("x"), whole.substr(0, whole.size() / 2)}) {
    put("localhost.pem", text);
    EXPECT_TRUE(prepare().made_certificate);
  }
  // One of another authority, as after a change of ca.pem by hand.
  const MadeCertificate other({.names = {"localhost"}});
  put("localhost.pem", other.pem() + other.key_pem());
  EXPECT_TRUE(prepare().made_certificate);
  put("localhost.pem.new", "left by a crash");
  std::filesystem::remove(first.chain);
  EXPECT_TRUE(prepare().made_certificate);
  EXPECT_FALSE(std::filesystem::exists(place + "/localhost.pem.new"));
}

TEST_F(Authority, NeverReplacesAnAuthorityWithoutAWord) {
  const DevelopmentFiles first = prepare();
  const std::string authority = content(first.authority);
  put("ca.pem", "x");
  EXPECT_TRUE(has(refusal(), "ca.pem holds no authority's certificate: remove " + place));
  put("ca.pem", MadeCertificate({.authority = true}).pem());
  EXPECT_TRUE(has(refusal(), "was not made by Sluice"));
  std::string ignored;
  put("ca.pem", SigningAuthority::make("other", {}, now(), ignored)->pair().certificate);
  EXPECT_TRUE(has(refusal(), "ca.pem and its key do not belong together"));
  std::filesystem::remove(first.authority);
  EXPECT_TRUE(prepare().made_authority) << "as the message said";
}

TEST_F(Authority, DoesWithoutItsKeyUntilThatIsNeeded) {
  prepare();
  std::filesystem::remove(place + "/ca-key.pem");
  EXPECT_FALSE(prepare().made_certificate);
  EXPECT_TRUE(has(refusal({"new.localhost"}), "ca-key.pem, the authority's key, is missing"));
}

TEST_F(Authority, RefusesFilesThatAreNotItsUsersAlone) {
  prepare();
  ASSERT_EQ(::chmod((place + "/localhost.pem").c_str(), 0644), 0);
  EXPECT_TRUE(has(refusal(), "chmod 600 " + place + "/localhost.pem"));
  std::filesystem::remove(place + "/localhost.pem");
  ASSERT_EQ(::chmod((place + "/ca-key.pem").c_str(), 0640), 0);
  EXPECT_TRUE(has(refusal(), "chmod 600 " + place + "/ca-key.pem"));
  std::filesystem::rename(place + "/ca.pem", place + "/elsewhere.pem");
  std::filesystem::create_symlink("elsewhere.pem", place + "/ca.pem");
  EXPECT_TRUE(has(refusal(), "cannot open " + place + "/ca.pem"));
}

TEST_F(Authority, RefusesAnotherUsersFolder) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give folders away";
  std::filesystem::create_directory(folder.path("home"));
  ASSERT_EQ(::chown(folder.path("home").c_str(), 65534, 65534), 0);
  EXPECT_TRUE(has(refusal(), folder.path("home") + " belongs to user 65534, and this process runs "
                                                   "as user 0: run it as that user"));
  EXPECT_FALSE(std::filesystem::exists(folder.path("home/.local"))) << "nothing was made";
  ASSERT_EQ(::chown(folder.path("home").c_str(), 0, 0), 0);
  prepare();
  ASSERT_EQ(::chown((place + "/ca.pem").c_str(), 65534, 65534), 0);
  EXPECT_TRUE(has(refusal(), "ca.pem belongs to user 65534"));
}

TEST_F(Authority, SaysThatAFolderCannotBeWrittenTo) {
  std::filesystem::create_directory(folder.path("home"));
  std::filesystem::permissions(folder.path("home"), std::filesystem::perms(0500));
  const OrdinaryUser user(folder.path());
  const std::string why = refusal();
  EXPECT_TRUE(has(why, "cannot make the folder " + folder.path("home/.local") + " (Permission"));
  EXPECT_TRUE(has(why, "set XDG_DATA_HOME"));
  std::filesystem::permissions(folder.path("home"), std::filesystem::perms(0700));
}

TEST_F(Authority, ReadsAFolderThatCannotBeWrittenTo) {
  prepare();
  std::filesystem::remove(place + "/lock");
  const OrdinaryUser user(folder.path());
  std::filesystem::permissions(place, std::filesystem::perms(0500));
  EXPECT_FALSE(prepare().made_certificate);
  const std::string why = refusal({"new.localhost"});
  EXPECT_TRUE(has(why, "cannot write " + place + "/localhost.pem (Permission denied)")) << why;
  std::filesystem::permissions(place, std::filesystem::perms(0700));
}

TEST_F(Authority, SaysThatAFolderCannotBeMade) {
  std::ofstream(folder.path("home")) << "a file";
  EXPECT_TRUE(has(refusal(), "cannot make the folder " + folder.path("home") + "/.local"));
}

TEST_F(Authority, IsMadeByOneOfManyThatStartAtOnce) {
  constexpr size_t kMany = 8;
  std::vector<std::optional<DevelopmentFiles>> found(kMany);
  std::vector<std::string> errors(kMany);
  std::vector<std::shared_ptr<const Certificate>> loaded(kMany);
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < kMany; ++i)
      threads.emplace_back([&, i] {
        found[i] = prepare_development_certificate(place, {"n" + std::to_string(i) + ".localhost"},
                                                   now(), errors[i]);
        CertificateProblems problems;
        if (found[i])
          loaded[i] = Certificate::load(found[i]->chain, found[i]->key, now(), problems);
      });
  }
  for (size_t i = 0; i < kMany; ++i) {
    EXPECT_TRUE(found[i]) << errors[i];
    EXPECT_TRUE(loaded[i]) << "read while others were renewing it";
  }
  EXPECT_EQ(std::ranges::count_if(found, [](const auto& one) { return one->made_authority; }), 1);
  const DevelopmentFiles last = prepare();
  EXPECT_FALSE(last.made_certificate);
  for (size_t i = 0; i < kMany; ++i)
    EXPECT_TRUE(has(last.names, "n" + std::to_string(i) + ".localhost"));
}

TEST(DevelopmentFolder, IsInTheUsersData) {
  EXPECT_EQ(development_folder("/data", "/home/a"), "/data/sluice/tls");
  EXPECT_EQ(development_folder("", "/home/a"), "/home/a/.local/share/sluice/tls");
  EXPECT_EQ(development_folder("data", "/home/a"), "/home/a/.local/share/sluice/tls")
      << "relative ones do not count";
  EXPECT_EQ(development_folder("", ""), "");
  std::string why;
  EXPECT_FALSE(prepare_development_certificate("", {}, now(), why));
  EXPECT_TRUE(has(why, "neither XDG_DATA_HOME nor HOME"));
}

TEST(DevelopmentFolder, KnowsWhatTheMachineIsCalled) {
  for (const std::string& name : machine_names()) EXPECT_TRUE(has(name, ".")) << name;
  EXPECT_LE(machine_names().size(), 1U);
}

TEST(DevelopmentFolder, SaysHowToTrustIt) {
  std::string all;
  for (const std::string& line :
       how_to_trust({.authority = "/a b/ca.pem", .names = {"localhost", "box.example"}}))
    all += line + "\n";
  EXPECT_TRUE(
      has(all, "nothing but localhost and what lies below it, loopback addresses, box.example"));
  for (const char* part : {"curl --cacert '/a b/ca.pem'", "update-ca-certificates", "certutil",
                           "Firefox", "security add-trusted-cert"})
    EXPECT_TRUE(has(all, part)) << part;
}

}  // namespace
}  // namespace sluice::tls
