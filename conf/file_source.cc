// The real file system.
#include "conf/file_source.h"

#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>

namespace sluice::conf {

namespace {

std::string system_text(int error) { return std::generic_category().message(error); }

constexpr int kPatienceMilliseconds = 10'000;

// Whether a pipe that is empty now has more to give.
bool more_comes(int descriptor) {
  pollfd one{.fd = descriptor, .events = POLLIN, .revents = 0};
  return ::poll(&one, 1, kPatienceMilliseconds) != 0;
}

// Appends what a descriptor gives. Not only of regular files: `-c <(...)` is a pipe. Never waits
// for good: a server that reads its file again is to hear signals after it.
std::string read_all(int descriptor, std::string& text) {
  std::array<char, 65536> block;
  while (true) {
    const ssize_t got = ::read(descriptor, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) {
      if (more_comes(descriptor)) continue;
      return "nobody writes to it";
    }
    if (got < 0) return system_text(errno);
    if (got == 0) return {};
    text.append(block.data(), static_cast<size_t>(got));
    if (text.size() > kLargestFile) return "it is larger than 16 MiB";
  }
}

class RealFiles final : public FileSource {
 public:
  std::string read(const std::string& path, std::string& text) override {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0) return system_text(errno);
    std::string problem = read_all(descriptor, text);
    ::close(descriptor);
    return problem;
  }

  std::vector<std::string> glob(const std::string& pattern) override {
    glob_t found{};
    std::vector<std::string> paths;
    if (::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found) == 0) {
      paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
    }
    ::globfree(&found);
    std::sort(paths.begin(), paths.end());
    return paths;
  }

  Kind kind(const std::string& path) override {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) {
      return errno == EACCES ? Kind::unreadable : Kind::missing;
    }
    const bool folder = S_ISDIR(status.st_mode);
    if (::faccessat(AT_FDCWD, path.c_str(), folder ? R_OK | X_OK : R_OK, AT_EACCESS) != 0) {
      return Kind::unreadable;
    }
    return folder ? Kind::folder : S_ISREG(status.st_mode) ? Kind::file : Kind::other;
  }

  std::string absolute(const std::string& path) override {
    std::error_code error;
    const std::filesystem::path whole = std::filesystem::absolute(path, error);
    return error ? path : whole.lexically_normal().string();
  }
};

}  // namespace

FileSource& real_files() {
  static RealFiles files;
  return files;
}

}  // namespace sluice::conf
