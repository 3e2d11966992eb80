// Notices when files are replaced or rewritten, by looking: that works on every file system, and
// through links that are switched.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::ops {

// Thread: its owner's.
class ChangedFiles {
 public:
  // Looks at `files` (paths) from now on; as they are is how they are known.
  void follow(std::vector<std::string> files);
  // True once after a change, when a second look in a row sees the same: whoever replaces two files
  // one after the other is done by then. Costs a system call for each file.
  bool have_changed();
  // Without files.
  bool empty() const noexcept { return files_.empty(); }

 private:
  struct Stamp {
    uint64_t device = 0;
    uint64_t inode = 0;  // 0: there is none
    int64_t size = 0;
    int64_t modified = 0;  // nanoseconds
    int64_t changed = 0;   // likewise

    bool operator==(const Stamp&) const = default;
  };
  static Stamp stamp_of(const std::string& file) noexcept;
  std::vector<Stamp> look() const;

  std::vector<std::string> files_;
  std::vector<Stamp> known_;
  std::vector<Stamp> last_;
};

}  // namespace sluice::ops
