// Files that cannot be read, each way with its words, and such as too many may read.
#include "tls/certificate_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <ios>
#include <string>
#include <utility>
#include <vector>

#include "unit/tls/certificate_loading.h"
#include "unit/tls/made_certificates.h"

namespace sluice::tls {
namespace {

using namespace loading;

TEST(CertificateFile, SaysWhichFileCannotBeRead) {
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

TEST(CertificateFile, SaysBothFilesAtOnce) {
  const CertificateFolder folder;
  Loading loading{folder.path("a.pem"), folder.path("b.pem"), {}, nullptr};
  loading.load();
  ASSERT_EQ(loading.problems.size(), 2U);
  EXPECT_TRUE(has(loading.problems[0].text, "a.pem: there is no such file"));
  EXPECT_TRUE(has(loading.problems[1].text, "b.pem: there is no such file"));
}

// Root reads everything, so the test is somebody else for a moment.
TEST(CertificateFile, SaysThatAFileMayNotBeRead) {
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

TEST(CertificateFile, WarnsOfKeysThatOthersMayRead) {
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

}  // namespace
}  // namespace sluice::tls
