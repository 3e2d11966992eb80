// The three ways to write without waiting. SIGPIPE is blocked in the writer's thread, so a closed
// pipe is EPIPE.
#include "server/ops/log_destination.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

namespace sluice::ops {
namespace {

enum class Way : uint8_t {
  plain,    // never waits for a reader, or is non-blocking and our own
  socket,   // MSG_DONTWAIT
  careful,  // shared and blocking: poll first, at most PIPE_BUF octets, for which POLLOUT promises
            // room in a pipe
};

class DescriptorDestination final : public LogDestination {
 public:
  DescriptorDestination(int descriptor, Way way) noexcept : descriptor_(descriptor), way_(way) {}
  ~DescriptorDestination() override { ::close(descriptor_); }
  DescriptorDestination(const DescriptorDestination&) = delete;
  DescriptorDestination& operator=(const DescriptorDestination&) = delete;

  ssize_t write(std::span<const iovec> parts) noexcept override {
    const ssize_t written = way_ == Way::careful  ? write_carefully(parts.front())
                            : way_ == Way::socket ? send(parts)
                                                  : write_all(parts);
    return written >= 0 ? written : -errno;
  }
  int descriptor() const noexcept override { return descriptor_; }

 private:
  ssize_t write_all(std::span<const iovec> parts) const noexcept {
    return ::writev(descriptor_, parts.data(), static_cast<int>(parts.size()));
  }
  ssize_t send(std::span<const iovec> parts) const noexcept {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(parts.data());  // sendmsg(2) only reads it
    message.msg_iovlen = parts.size();
    return ::sendmsg(descriptor_, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  }
  ssize_t write_carefully(const iovec& part) const noexcept {
    pollfd room{descriptor_, POLLOUT, 0};
    if (::poll(&room, 1, 0) == 0) {
      errno = EAGAIN;
      return -1;
    }
    return ::write(descriptor_, part.iov_base, std::min<size_t>(part.iov_len, PIPE_BUF));
  }

  const int descriptor_;
  const Way way_;
};

std::string errno_text(const std::string& what) { return what + ": " + std::strerror(errno); }

// A larger pipe means fewer wake-ups for a reader that keeps up. Refused where the user's share is
// spent: no matter.
void widen_pipe(int descriptor) {
  constexpr int kPipeOctets = 512 * 1024;
  static_cast<void>(::fcntl(descriptor, F_SETPIPE_SZ, kPipeOctets));
}

int open_again(int descriptor) {
  const std::string path = "/proc/self/fd/" + std::to_string(descriptor);
  return ::open(path.c_str(), O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

}  // namespace

std::string open_inherited(int descriptor, std::unique_ptr<LogDestination>& out) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0)
    return errno_text("standard output or error cannot take a log");
  const bool waits = S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode);
  if (const int own = waits ? open_again(descriptor) : -1; own >= 0) {
    widen_pipe(own);
    out = std::make_unique<DescriptorDestination>(own, Way::plain);
    return {};
  }
  const int copy = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
  if (copy < 0) return errno_text("standard output or error cannot take a log");
  const Way way = S_ISSOCK(status.st_mode) ? Way::socket : waits ? Way::careful : Way::plain;
  out = std::make_unique<DescriptorDestination>(copy, way);
  return {};
}

std::string open_file(const std::string& path, std::unique_ptr<LogDestination>& out) {
  constexpr mode_t kOwnerWritesGroupReads = 0640;  // addresses of people are in it
  const int descriptor =
      ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
             kOwnerWritesGroupReads);
  if (descriptor < 0) {
    const bool no_reader = errno == ENXIO;
    std::string error = errno_text("cannot open the log " + path);
    if (no_reader)
      return error + " (it is a FIFO or socket that nobody reads: start its reader first)";
    return error + " (name a path that can be written, or `off`)";
  }
  out = std::make_unique<DescriptorDestination>(descriptor, Way::plain);
  return {};
}

}  // namespace sluice::ops
