// Where log lines go: a file, a pipe, a terminal, a socket. Written without waiting, as far as the
// kernel lets us.
//
// The problem: stdout is often a pipe that somebody else reads, or does not. Making it non-blocking
// with fcntl would make it so for every process that shares it (the shell, a container's runtime).
// So a pipe or a terminal is opened once more through /proc, which gives a description of our own;
// a socket has MSG_DONTWAIT; a regular file never waits for a reader. Where /proc is not to be had,
// writes are small and only made when poll() says there is room.
#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#include <memory>
#include <span>
#include <string>

namespace sluice::ops {

// One thread's (the writer's). An interface, so that tests can play a full disk and a reader who
// comes and goes.
class LogDestination {
 public:
  virtual ~LogDestination() = default;
  // Writes what goes without waiting. Returns how many octets (at least 1), or a negated errno:
  // -EAGAIN when there is no room now.
  [[nodiscard]] virtual ssize_t write(std::span<const iovec> parts) noexcept = 0;
  // What to poll for POLLOUT after -EAGAIN.
  [[nodiscard]] virtual int descriptor() const noexcept = 0;
};

// A copy of `descriptor` (stdout), which stays open and as it is. Returns an error text, or nothing
// and sets `out`.
[[nodiscard]] std::string open_inherited(int descriptor, std::unique_ptr<LogDestination>& out);

// The file at `path`, made with mode 0640 where there is none, appended to. A FIFO must have a
// reader. Returns an error text for the person who started us, or nothing and sets `out`.
[[nodiscard]] std::string open_file(const std::string& path, std::unique_ptr<LogDestination>& out);

}  // namespace sluice::ops
