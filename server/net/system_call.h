// The data path's system calls without glibc's cancellation points.
//
// recv, send, sendmsg, sendfile and epoll_wait are cancellation points: in a process with threads
// glibc arms and disarms cancellation around each, which was 1 % of a 1 KiB request in a profile.
// No thread of ours is ever cancelled; syscall(2) is no cancellation point. Results and errno are
// those of the functions with these names.
#pragma once

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <cstddef>

namespace sluice::net {

inline ssize_t receive(int descriptor, void* room, size_t size) noexcept {
  return ::syscall(SYS_recvfrom, descriptor, room, size, 0, nullptr, nullptr);
}

inline ssize_t send_octets(int descriptor, const void* octets, size_t size, int flags) noexcept {
  return ::syscall(SYS_sendto, descriptor, octets, size, flags, nullptr, 0);
}

inline ssize_t send_message(int descriptor, const msghdr& message, int flags) noexcept {
  return ::syscall(SYS_sendmsg, descriptor, &message, flags);
}

inline int wait_for_events(int epoll, epoll_event* events, int most, int timeout) noexcept {
  return static_cast<int>(::syscall(SYS_epoll_wait, epoll, events, most, timeout));
}

}  // namespace sluice::net
