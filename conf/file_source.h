// The file system as a configuration's reader needs it: an interface, so that tests and fuzzing
// bring their own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace sluice::conf {

class FileSource {
 public:
  enum class Kind : uint8_t { missing, file, folder, other, unreadable };

  virtual ~FileSource() = default;
  // Reads a whole file into `text`. Returns an empty string, or why it cannot be read.
  virtual std::string read(const std::string& path, std::string& text) = 0;
  // The files that a pattern of the shell names (glob(7)), sorted by their octets.
  virtual std::vector<std::string> glob(const std::string& pattern) = 0;
  // What stands at a path, links followed; unreadable when it may not be read (or, for a folder,
  // entered).
  virtual Kind kind(const std::string& path) = 0;
  // The path from the root of the file system, for a path relative to where the process started.
  virtual std::string absolute(const std::string& path) = 0;
};

// Larger files are no configuration, and an endless one (a device) must not take all memory.
inline constexpr size_t kLargestFile = 16 * 1024 * 1024;

FileSource& real_files();

}  // namespace sluice::conf
