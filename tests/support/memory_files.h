// A file system in memory for the configuration's reader: tests write files as text, fuzzing makes
// them of its input.
#pragma once

#include <fnmatch.h>

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "conf/file_source.h"

namespace sluice::test {

// Paths are absolute; "/" is where a relative one starts.
class MemoryFiles final : public conf::FileSource {
 public:
  MemoryFiles(std::map<std::string, std::string> files, std::set<std::string> folders)
      : files_(std::move(files)), folders_(std::move(folders)) {}

  std::string read(const std::string& path, std::string& text) override {
    const auto found = files_.find(absolute(path));
    if (found == files_.end()) return "No such file or directory";
    text = found->second;
    return {};
  }

  std::vector<std::string> glob(const std::string& pattern) override {
    std::vector<std::string> paths;
    for (const auto& [path, text] : files_) {
      if (::fnmatch(absolute(pattern).c_str(), path.c_str(), FNM_PATHNAME) == 0) {
        paths.push_back(path);
      }
    }
    return paths;
  }

  Kind kind(const std::string& path) override {
    if (folders_.contains(path)) return Kind::folder;
    return files_.contains(path) ? Kind::file : Kind::missing;
  }

  std::string absolute(const std::string& path) override {
    return (std::filesystem::path("/") / path).lexically_normal().string();
  }

 private:
  std::map<std::string, std::string> files_;
  std::set<std::string> folders_;
};

}  // namespace sluice::test
