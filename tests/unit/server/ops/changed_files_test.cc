// Files that are rewritten, replaced, removed and switched under somebody who looks.
#include "server/ops/changed_files.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "unit/server/handler/files/files_fixture.h"

namespace sluice::ops {
namespace {

class ChangedFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    write("chain.pem", "one");
    write("key.pem", "one");
    files_.follow({path("chain.pem"), path("key.pem"), path("none.pem")});
  }
  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }
  void write(const std::string& name, std::string_view text) const {
    std::ofstream(path(name)) << text;
  }
  // Another file in its place, as programs that renew certificates do it.
  void replace(const std::string& name, std::string_view text) const {
    write("fresh", text);
    std::filesystem::rename(path("fresh"), path(name));
  }
  // What two looks in a row say.
  std::pair<bool, bool> two_looks() {
    const bool first = files_.have_changed();
    return {first, files_.have_changed()};
  }

  const handler::TemporaryFolder folder_;
  ChangedFiles files_;
};

constexpr std::pair kNothing{false, false};
constexpr std::pair kOnTheSecondLook{false, true};

TEST_F(ChangedFilesTest, NothingHasChangedAtFirst) {
  EXPECT_EQ(two_looks(), kNothing);
  EXPECT_FALSE(ChangedFiles().have_changed());
}

TEST_F(ChangedFilesTest, AChangeIsToldOnceAndWhenItHasSettled) {
  replace("chain.pem", "two");
  EXPECT_EQ(two_looks(), kOnTheSecondLook);
  EXPECT_EQ(two_looks(), kNothing);
  write("chain.pem", "longer");
  EXPECT_EQ(two_looks(), kOnTheSecondLook);
}

// A chain and its key are replaced one after the other: between them they do not fit.
TEST_F(ChangedFilesTest, TwoFilesThatAreReplacedInTurnAreOneChange) {
  replace("chain.pem", "two");
  EXPECT_FALSE(files_.have_changed());
  replace("key.pem", "two");
  EXPECT_EQ(two_looks(), kOnTheSecondLook);
  EXPECT_EQ(two_looks(), kNothing);
}

TEST_F(ChangedFilesTest, ContentOfTheSameSizeIsAnotherFile) {
  replace("key.pem", "two");
  EXPECT_EQ(two_looks(), kOnTheSecondLook);
}

TEST_F(ChangedFilesTest, FilesMayGoAndCome) {
  std::filesystem::remove(path("key.pem"));
  EXPECT_EQ(two_looks(), kOnTheSecondLook);
  EXPECT_EQ(two_looks(), kNothing);
  write("none.pem", "there");
  EXPECT_EQ(two_looks(), kOnTheSecondLook);
}

TEST_F(ChangedFilesTest, ALinkThatIsSwitchedIsAChange) {
  std::filesystem::create_symlink(path("chain.pem"), path("link"));
  files_.follow({path("link")});
  EXPECT_EQ(two_looks(), kNothing);
  std::filesystem::create_symlink(path("key.pem"), path("other"));
  std::filesystem::rename(path("other"), path("link"));
  EXPECT_EQ(two_looks(), kOnTheSecondLook);
}

TEST_F(ChangedFilesTest, OtherFilesToFollowAreNoChange) {
  replace("key.pem", "two");
  files_.follow({path("key.pem")});
  EXPECT_EQ(two_looks(), kNothing);
  replace("chain.pem", "two");
  EXPECT_EQ(two_looks(), kNothing) << "that one is nobody's now";
}

TEST_F(ChangedFilesTest, WhatChangesAndChangesBackIsNoChange) {
  std::filesystem::rename(path("key.pem"), path("aside"));
  EXPECT_FALSE(files_.have_changed());
  files_.follow({path("key.pem")});
  std::filesystem::rename(path("aside"), path("key.pem"));
  std::filesystem::rename(path("key.pem"), path("aside"));
  EXPECT_EQ(two_looks(), kNothing);
}

}  // namespace
}  // namespace sluice::ops
