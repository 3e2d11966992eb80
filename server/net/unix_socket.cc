// Binding a Unix socket's path, and giving it back.
#include "server/net/unix_socket.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

namespace sluice::net {

namespace {

constexpr int kSocketFlags = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
constexpr int kLockAttempts =
    50;  // of 20 ms: a lock held longer than a second is not another start's

using Failure = UnixSocket::Failure;
using Obstacle = UnixSocket::Obstacle;

Failure system_failure(int error) { return {.obstacle = Obstacle::system_error, .error = error}; }

sockaddr_un name_of(const std::string& path) {
  assert(path.size() <= most_unix_path());
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

// Holds an advisory lock on the folder that a path lies in, if the folder can be read.
class FolderLock {
 public:
  explicit FolderLock(const std::string& path)
      : folder_(::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    if (folder_.get() < 0) return;
    for (int i = 0; i < kLockAttempts && ::flock(folder_.get(), LOCK_EX | LOCK_NB) != 0; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }

 private:
  static std::string folder_of(const std::string& path) {
    const size_t slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return path.substr(0, slash + 1);
  }

  Descriptor folder_;  // closing it gives the lock back
};

// Makes way for a bind: removes what a dead process left, and nothing else.
Failure clear_path(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return {};
  if (!S_ISSOCK(status.st_mode)) return {.obstacle = Obstacle::other_file};
  const Descriptor probe(connect_unix(path));
  if (probe.get() >= 0)
    return {.obstacle = Obstacle::live_socket, .owner = peer_of(probe.get()).pid};
  if (probe.get() != -ECONNREFUSED) return {.obstacle = Obstacle::live_socket};
  ::unlink(path.c_str());
  return {};
}

}  // namespace

size_t most_unix_path() noexcept { return sizeof(sockaddr_un::sun_path) - 1; }

int connect_unix(const std::string& path) {
  if (path.size() > most_unix_path()) return -ENAMETOOLONG;
  const sockaddr_un name = name_of(path);
  Descriptor socket(::socket(AF_UNIX, kSocketFlags, 0));
  if (socket.get() < 0) return -errno;
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0)
    return -errno;
  return socket.release();
}

UnixPeer peer_of(int descriptor) noexcept {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return {};
  return {.pid = peer.pid, .uid = peer.uid};
}

UnixSocket::UnixSocket(UnixSocket&& other) noexcept
    : socket_(std::move(other.socket_)),
      path_(std::exchange(other.path_, {})),
      device_(other.device_),
      inode_(other.inode_) {}

UnixSocket& UnixSocket::operator=(UnixSocket&& other) noexcept {
  if (this == &other) return *this;
  close();
  socket_ = std::move(other.socket_);
  path_ = std::exchange(other.path_, {});
  device_ = other.device_;
  inode_ = other.inode_;
  return *this;
}

void UnixSocket::close() noexcept {
  struct stat status {};
  if (!path_.empty() && ::lstat(path_.c_str(), &status) == 0 && status.st_dev == device_ &&
      status.st_ino == inode_) {
    ::unlink(path_.c_str());
  }
  path_.clear();
  socket_ = Descriptor();
}

Failure UnixSocket::open(const std::string& path, mode_t mode, int backlog) {
  assert(descriptor() < 0);
  socket_ = Descriptor(::socket(AF_UNIX, kSocketFlags, 0));
  if (descriptor() < 0) return system_failure(errno);
  const Failure failure = bind_and_listen(path, mode, backlog);
  if (failure.obstacle != Obstacle::none) close();
  return failure;
}

// A Unix socket's file gets its mode from the socket itself, less the umask (unix(7), "Pathname
// socket ownership and permissions"); nobody can connect before it listens.
Failure UnixSocket::bind_and_listen(const std::string& path, mode_t mode, int backlog) {
  if (::fchmod(descriptor(), mode) != 0) return system_failure(errno);
  const FolderLock lock(path);
  if (const Failure failure = clear_path(path); failure.obstacle != Obstacle::none) return failure;
  const sockaddr_un name = name_of(path);
  if (::bind(descriptor(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0)
    return system_failure(errno);
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return system_failure(errno);
  path_ = path;
  device_ = status.st_dev;
  inode_ = status.st_ino;
  if ((status.st_mode & 07777 & ~mode) != 0) return system_failure(ENOTSUP);
  return ::listen(descriptor(), backlog) == 0 ? Failure{} : system_failure(errno);
}

}  // namespace sluice::net
