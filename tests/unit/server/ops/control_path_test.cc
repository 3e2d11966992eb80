// Where the control socket is looked for, in which order, and which folders are not trusted.
#include "server/ops/control_path.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <string>

namespace sluice::ops {
namespace {

Environment with(std::map<std::string, std::string, std::less<>> variables) {
  return [variables = std::move(variables)](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

TEST(ControlPath, IsLookedForInOrder) {
  const Environment all =
      with({{"SLUICE_CONTROL", "/e/s.sock"}, {"XDG_RUNTIME_DIR", "/run/user/7"}});
  EXPECT_EQ(find_control_path("/c/s.sock", all, 7).path, "/c/s.sock");
  EXPECT_EQ(find_control_path("", all, 7).path, "/e/s.sock");
  const Environment runtime = with({{"XDG_RUNTIME_DIR", "/run/user/7"}, {"SLUICE_CONTROL", ""}});
  EXPECT_EQ(find_control_path("", runtime, 7).path, "/run/user/7/sluice/control.sock");
  EXPECT_EQ(find_control_path("", with({}), 0).path, "/run/sluice/control.sock");
  EXPECT_EQ(find_control_path("", with({}), 7).path, "/tmp/sluice-7/control.sock");
  EXPECT_EQ(find_control_path("", with({{"XDG_RUNTIME_DIR", "here"}}), 7).path,
            "/tmp/sluice-7/control.sock")
      << "relative ones do not count";
}

TEST(ControlPath, OffIsNone) {
  EXPECT_EQ(find_control_path("off", with({{"SLUICE_CONTROL", "/e/s.sock"}}), 7).path, "");
  EXPECT_EQ(find_control_path("", with({{"SLUICE_CONTROL", "off"}}), 7).path, "");
}

TEST(ControlPath, OnlyADefaultIsOneByDefault) {
  EXPECT_FALSE(find_control_path("/c", with({}), 7).by_default);
  EXPECT_FALSE(find_control_path("", with({{"SLUICE_CONTROL", "/e"}}), 7).by_default);
  EXPECT_TRUE(find_control_path("", with({}), 7).by_default);
}

class ControlFolder : public ::testing::Test {
 protected:
  ControlFolder() {
    std::string pattern = ::testing::TempDir() + "sluice-control-XXXXXX";
    base_ = mkdtemp(pattern.data());
    control_ = find_control_path("", with({{"XDG_RUNTIME_DIR", base_}}), geteuid());
  }
  ~ControlFolder() override { std::filesystem::remove_all(base_); }
  std::string folder() const { return base_ + "/sluice"; }

  std::string base_;
  ControlPath control_;
};

TEST_F(ControlFolder, IsMadeForItsOwnerAlone) {
  EXPECT_EQ(check_control_folder(control_, geteuid()), "") << "none yet";
  EXPECT_EQ(make_control_folder(control_, geteuid()), "");
  struct stat status {};
  ASSERT_EQ(stat(folder().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0700u);
  EXPECT_EQ(make_control_folder(control_, geteuid()), "") << "a second time is as good";
}

TEST_F(ControlFolder, OfSomebodyElseIsNotUsed) {
  ASSERT_EQ(mkdir(folder().c_str(), 0700), 0);
  EXPECT_NE(make_control_folder(control_, geteuid() + 1).find(folder()), std::string::npos);
  EXPECT_NE(check_control_folder(control_, geteuid() + 1), "");
}

TEST_F(ControlFolder, ThatOthersMayWriteToIsNotUsed) {
  ASSERT_EQ(mkdir(folder().c_str(), 0700), 0);
  ASSERT_EQ(chmod(folder().c_str(), 0777), 0);
  EXPECT_NE(make_control_folder(control_, geteuid()), "");
}

TEST_F(ControlFolder, MayNotBeALink) {
  ASSERT_EQ(mkdir((base_ + "/elsewhere").c_str(), 0700), 0);
  ASSERT_EQ(symlink((base_ + "/elsewhere").c_str(), folder().c_str()), 0);
  EXPECT_NE(make_control_folder(control_, geteuid()), "");
}

TEST_F(ControlFolder, ThatCannotBeMadeIsSaid) {
  control_.path = base_ + "/none/sluice/control.sock";
  EXPECT_NE(make_control_folder(control_, geteuid()).find("No such file"), std::string::npos);
}

TEST_F(ControlFolder, OfAPathThatWasAskedForIsLeftToWhoAsked) {
  EXPECT_EQ(make_control_folder({.path = base_ + "/none/x.sock"}, geteuid()), "");
  EXPECT_FALSE(std::filesystem::exists(base_ + "/none"));
}

}  // namespace
}  // namespace sluice::ops
