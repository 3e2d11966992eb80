// Every diagnostic as people see it: golden/NAME.toml is read, golden/NAME.txt is what is said.
//
// To write the expectations anew after a change: SLUICE_WRITE_GOLDEN=1 unit_tests
// --gtest_filter='Golden*', then read the difference as a person who made the mistake.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "conf/codes.h"
#include "conf/reader.h"

namespace sluice::conf {
namespace {

namespace fs = std::filesystem;

const fs::path& folder() {
  static const fs::path kFolder = fs::path(SLUICE_SOURCE_DIR) / "tests/unit/conf/golden";
  return kFolder;
}

std::string contents(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// The real files, but for one folder that nobody may read (root may read everything), and
// certificates and keys, which nobody commits: all exist but for one.
class GoldenFiles final : public FileSource {
 public:
  std::string read(const std::string& path, std::string& text) override {
    return real_files().read(path, text);
  }
  std::vector<std::string> glob(const std::string& pattern) override {
    return real_files().glob(pattern);
  }
  Kind kind(const std::string& path) override {
    if (path.ends_with("/forbidden")) return Kind::unreadable;
    if (path.ends_with("/missing.pem")) return Kind::missing;
    const bool certificate = path.ends_with(".pem") || path.ends_with(".key");
    return certificate ? Kind::file : real_files().kind(path);
  }
  std::string absolute(const std::string& path) override { return real_files().absolute(path); }
};

std::optional<std::string> environment(std::string_view name) {
  if (name == "DOMAIN") return "example.com";
  if (name == "EMPTY") return "";
  if (name == "MANY") return "many";
  return std::nullopt;
}

Diagnostics read(const fs::path& path) {
  GoldenFiles files;
  return read_configuration(path.string(), environment, files).diagnostics;
}

// As rendered, with paths as if the folder were the current one.
std::string rendered(const fs::path& path) {
  std::string text;
  for (const Diagnostic& diagnostic : read(path)) text += render(diagnostic, false);
  const std::string prefix = folder().string() + "/";
  for (size_t at = text.find(prefix); at != text.npos; at = text.find(prefix, at)) {
    text.erase(at, prefix.size());
  }
  return text;
}

std::vector<fs::path> golden_files() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder())) {
    if (entry.path().extension() == ".toml") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

TEST(Golden, EachMistakeIsSaidAsItsFileExpects) {
  const auto files = golden_files();
  ASSERT_GE(files.size(), 45U);
  for (const fs::path& path : files) {
    const fs::path expected = fs::path(path).replace_extension(".txt");
    const std::string text = rendered(path);
    if (std::getenv("SLUICE_WRITE_GOLDEN") != nullptr) std::ofstream(expected) << text;
    EXPECT_EQ(text, contents(expected)) << "in " << path;
  }
}

TEST(Golden, AGoodFileSaysNothing) {
  for (const fs::path& path : golden_files()) {
    const bool good = path.filename().string().starts_with("good");
    EXPECT_EQ(good, read(path).empty()) << path;
  }
}

TEST(Golden, EveryCodeHasItsFile) {
  std::set<std::string> shown;
  for (const fs::path& path : golden_files()) {
    for (const Diagnostic& diagnostic : read(path)) shown.insert(diagnostic.code);
  }
  // A main file that does not exist can have no golden file; reader_test.cc shows it.
  shown.insert("unreadable-file");
  for (const std::string_view code : all_code_names()) {
    EXPECT_TRUE(shown.contains(std::string(code))) << "no golden file shows " << code;
  }
}

TEST(Golden, EveryExpectationHasItsInput) {
  for (const auto& entry : fs::directory_iterator(folder())) {
    if (entry.path().extension() != ".txt") continue;
    EXPECT_TRUE(fs::exists(fs::path(entry.path()).replace_extension(".toml"))) << entry.path();
  }
}

}  // namespace
}  // namespace sluice::conf
