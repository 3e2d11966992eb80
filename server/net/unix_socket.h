// A listening Unix socket at a path that only one process has.
//
// The problem: a path outlives the process that bound it. A path that refuses connections is a dead
// one's and is taken over; one that is answered, or that is no socket at all, is never touched. The
// check and the bind happen under a lock on the folder, so that two starts at once cannot remove
// each other's socket. At the end the path is removed only if it is still the same file: a
// successor may have its own there.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "server/net/descriptor.h"

namespace sluice::net {

// Owns the descriptor and the path. Thread: one at a time.
class UnixSocket {
 public:
  // What stood in the way; whoever opens says it in his own words.
  enum class Obstacle : uint8_t { none, live_socket, other_file, system_error };
  struct Failure {
    Obstacle obstacle = Obstacle::none;
    int error = 0;    // errno, for system_error
    pid_t owner = 0;  // process that answers, for live_socket; 0: unknown
  };

  UnixSocket() = default;
  ~UnixSocket() { close(); }
  UnixSocket(UnixSocket&& other) noexcept;
  UnixSocket& operator=(UnixSocket&& other) noexcept;

  // Binds and listens, non-blocking and close-on-exec. The file never has more rights than `mode`,
  // not even for a moment. Requires: not open; the path fits a sockaddr_un.
  [[nodiscard]] Failure open(const std::string& path, mode_t mode, int backlog);
  void close() noexcept;

  // -1 when it is not open.
  int descriptor() const noexcept { return socket_.get(); }
  const std::string& path() const noexcept { return path_; }

 private:
  Failure bind_and_listen(const std::string& path, mode_t mode, int backlog);

  Descriptor socket_;
  std::string path_;     // empty unless there is one to remove
  uint64_t device_ = 0;  // which file was bound there
  uint64_t inode_ = 0;
};

// A blocking-free connection to the socket at `path`, or -errno. EAGAIN: its queue is full.
int connect_unix(const std::string& path);
// The most octets that a path may have.
size_t most_unix_path() noexcept;
// Who is at the other end of a connected Unix socket; pid 0 when it cannot be known (another PID
// namespace).
struct UnixPeer {
  pid_t pid = 0;
  uid_t uid = static_cast<uid_t>(-1);
};
UnixPeer peer_of(int descriptor) noexcept;

}  // namespace sluice::net
