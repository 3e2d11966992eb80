// A folder for keys, that is one user's alone. Several processes may start at once and a machine
// may lose power: who holds the folder is alone in it, and a file is there whole or not at all.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace sluice::tls {

class PrivateFolder {
 public:
  // Opens `path` (absolute), made with those above it where missing, mode 0700; waits until no
  // other process holds it. Null with the reason, and what to do, in `error`: not absolute, cannot
  // be made, somebody else's. A folder that cannot be written to can be read: nobody else writes
  // there either.
  [[nodiscard]] static std::unique_ptr<PrivateFolder> open(const std::string& path,
                                                           std::string& error);
  ~PrivateFolder();
  PrivateFolder(const PrivateFolder&) = delete;
  PrivateFolder& operator=(const PrivateFolder&) = delete;

  enum class Reading : uint8_t { whole, missing, failed };
  // The file `name`, which must be this user's own, regular and no larger than
  // kCertificateFileSize; of a secret one the mode must keep others out. `failed` comes with
  // `error`.
  [[nodiscard]] Reading read(std::string_view name, bool secret, std::string& text,
                             std::string& error) const;
  // Puts `text` in the place of the file `name` in one step, mode 0600, on disk before it returns.
  [[nodiscard]] bool write(std::string_view name, std::string_view text, std::string& error) const;

  [[nodiscard]] std::string path(std::string_view name) const;

 private:
  PrivateFolder(std::string path, int folder) : path_(std::move(path)), folder_(folder) {}
  [[nodiscard]] bool take(std::string& error);

  std::string path_;
  int folder_;     // owned, as is...
  int lock_ = -1;  // ... this
};

}  // namespace sluice::tls
