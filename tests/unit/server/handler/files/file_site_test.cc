// What a person reads when the folder they named cannot be served.
#include "server/handler/files/file_site.h"

#include "tests/unit/server/handler/files/files_fixture.h"

namespace sluice::handler {
namespace {

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

std::string error_of(const std::string& directory) {
  FileResources resources{conf::Limits()};
  FileSite site({.directory = directory, .limits = {}}, resources);
  return site.open();
}

TEST(FileSite, OpensAFolder) {
  TemporaryFolder folder;
  write_file(folder / "index.html", "x");
  EXPECT_EQ(error_of(folder.path().string()), "");
  EXPECT_EQ(error_of(folder.path().string() + "/"), "");
}

TEST(FileSite, SaysWhatIsWrong) {
  TemporaryFolder folder;
  write_file(folder / "file", "x");
  EXPECT_TRUE(contains(error_of(""), "no folder is named"));
  EXPECT_TRUE(contains(error_of(folder / "none"), "there is no folder '" + folder / "none"));
  EXPECT_TRUE(contains(error_of(folder / "file"), "is not a folder"));
  EXPECT_TRUE(contains(error_of(folder / "file/x"), "is not a folder"));
  std::filesystem::create_symlink("loop", folder / "loop");
  EXPECT_TRUE(contains(error_of(folder / "loop"), "leads to itself"));
}

TEST(FileSite, AnEmptyFolderIsAnError) {
  TemporaryFolder folder;
  EXPECT_TRUE(contains(error_of(folder.path().string()), "is empty"));
  write_file(folder / ".hidden", "x");
  EXPECT_TRUE(contains(error_of(folder.path().string()), "put an index.html there"));
  write_file(folder / ".well-known/x", "x");
  EXPECT_EQ(error_of(folder.path().string()), "");
}

TEST(FileSite, AnUnreadableFolderIsAnError) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read everything";
  TemporaryFolder folder;
  write_file(folder / "closed/x", "x");
  ::chmod((folder / "closed").c_str(), 0);
  EXPECT_TRUE(contains(error_of(folder / "closed"), "chmod o+rx"));
  ::chmod((folder / "closed").c_str(), 0755);
}

TEST(FileSite, SaysWhatToDoAboutASandbox) {
  EXPECT_TRUE(contains(openat2_advice(ENOSYS), "Linux 5.6"));
  EXPECT_TRUE(contains(openat2_advice(EPERM), "seccomp"));
}

TEST(FileSite, ErrorsAreOneLine) {
  for (const std::string& error :
       {error_of(""), error_of("/none"), error_of("/etc/passwd"), openat2_advice(ENOSYS)}) {
    EXPECT_FALSE(contains(error, "\n"));
    EXPECT_LT(error.size(), 300u);
  }
}

}  // namespace
}  // namespace sluice::handler
