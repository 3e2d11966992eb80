// Files of one user in one folder: whole or not there, and never somebody else's by way of a link.
// Owners and folders that cannot be written to are tested where they are told (authority_test.cc).
#include "tls/private_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <memory>
#include <string>

#include "tls/certificate.h"
#include "unit/tls/made_certificates.h"

namespace sluice::tls {
namespace {

using Reading = PrivateFolder::Reading;

class PrivateFolderTest : public testing::Test {
 protected:
  Reading read(const std::string& name, bool secret = true) {
    return opened->read(name, secret, text, error);
  }

  const CertificateFolder folder;
  std::string text, error;
  std::unique_ptr<PrivateFolder> opened = PrivateFolder::open(folder.path("a/b"), error);
};

TEST_F(PrivateFolderTest, GivesBackWhatWasWritten) {
  ASSERT_NE(opened, nullptr) << error;
  EXPECT_EQ(read("key"), Reading::missing);
  ASSERT_TRUE(opened->write("key", "first", error)) << error;
  ASSERT_TRUE(opened->write("key", "second", error)) << error;
  EXPECT_EQ(read("key"), Reading::whole);
  EXPECT_EQ(text, "second");
  EXPECT_EQ(opened->path("key"), folder.path("a/b/key"));
}

TEST_F(PrivateFolderTest, RefusesWhatItDidNotWrite) {
  ASSERT_NE(opened, nullptr) << error;
  std::filesystem::create_symlink("/etc/passwd", opened->path("link"));
  EXPECT_EQ(read("link"), Reading::failed);
  std::filesystem::create_directory(opened->path("folder"));
  EXPECT_EQ(read("folder"), Reading::failed);
  ASSERT_EQ(::mkfifo(opened->path("pipe").c_str(), 0600), 0);
  EXPECT_EQ(read("pipe"), Reading::failed) << "nor waits for a writer";
  folder.write("a/b/large", std::string(kCertificateFileSize + 1, 'x'));
  EXPECT_EQ(read("large"), Reading::failed);
  folder.write("a/b/open", "x", 0644);
  EXPECT_EQ(read("open"), Reading::failed);
  EXPECT_EQ(read("open", false), Reading::whole) << "no secret";
}

// A link put where the draft is written would have somebody else's file overwritten.
TEST_F(PrivateFolderTest, FollowsNoLinkWhenItWrites) {
  ASSERT_NE(opened, nullptr) << error;
  const std::string victim = folder.write("victim", "whole");
  std::filesystem::create_symlink(victim, opened->path("key.new"));
  std::filesystem::create_symlink(victim, opened->path("key"));
  ASSERT_TRUE(opened->write("key", "secret", error)) << error;
  EXPECT_EQ(std::filesystem::file_size(victim), 5U);
  EXPECT_FALSE(std::filesystem::is_symlink(opened->path("key")));
}

TEST_F(PrivateFolderTest, TakesAbsolutePathsOnly) {
  EXPECT_EQ(PrivateFolder::open("here", error), nullptr);
  EXPECT_EQ(error, "\"here\" is no absolute path of a folder");
}

}  // namespace
}  // namespace sluice::tls
