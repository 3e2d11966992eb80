// The socket under a connection: recv, send, sendmsg and sendfile, and the readiness that
// edge-triggered epoll tells once.
//
// Why a short write may clear writable_: TCP and Unix sockets ask for a write-space event whenever
// they take less than they were given. sendfile is different: it is short too when the file ends
// early, and then no event comes; so it is called until it says EAGAIN, which costs a call only
// where the peer is slower than we are.
#include "server/net/transport.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/sockios.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstdlib>

#include "server/net/system_call.h"

namespace sluice::net {

namespace {

// A turn's pipelined responses fit; more entries would only be copied by the kernel, not sent any
// sooner.
constexpr size_t kVectors = 64;

bool would_block(int error) noexcept { return error == EAGAIN || error == EWOULDBLOCK; }

// Errors of sendfile that are the file's and not the peer's: its content cannot be had any more.
bool is_file_error(int error) noexcept {
  return error == EIO || error == EINVAL || error == EOVERFLOW || error == ENOMEM ||
         error == EBADF || error == ESTALE || error == ENXIO;
}

// One send system call that EINTR does not end. A lone vector takes the call with less to copy.
ssize_t send_vectors(int descriptor, std::span<iovec> vectors, int flags) noexcept {
  msghdr message{};
  message.msg_iov = vectors.data();
  message.msg_iovlen = vectors.size();
  ssize_t sent = 0;
  do {
    sent = vectors.size() == 1
               ? send_octets(descriptor, vectors[0].iov_base, vectors[0].iov_len, flags)
               : send_message(descriptor, message, flags);
  } while (sent < 0 && errno == EINTR);
  return sent;
}

}  // namespace

ReadResult Transport::read_into(Pipe&, size_t) { std::abort(); }

SocketTransport::SocketTransport(Loop& loop, int descriptor, Task& task)
    : loop_(loop), task_(&task), descriptor_(descriptor) {}

SocketTransport::~SocketTransport() { ::close(descriptor_); }

int SocketTransport::open() { return loop_.watch(descriptor_, *this); }

void SocketTransport::on_event(uint32_t epoll_events) {
  const bool ended = (epoll_events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
  const bool can_read = ended || (epoll_events & EPOLLIN) != 0;
  const bool can_write = ended || (epoll_events & EPOLLOUT) != 0;
  // Both directions closed without a FIN of ours: the peer is gone (a Unix socket tells a close no
  // other way).
  const bool gone =
      (epoll_events & EPOLLERR) != 0 || ((epoll_events & EPOLLHUP) != 0 && !write_shut_);
  const bool news = (can_read && !readable_) || (can_write && !writable_) ||
                    (ended && !peer_closed_) || (gone && !broken_);
  readable_ |= can_read;
  writable_ |= can_write;
  peer_closed_ |= ended;
  broken_ |= gone;
  if (news) loop_.wake(*task_);
}

ReadResult SocketTransport::read(std::span<char> room) {
  assert(!room.empty());
  ssize_t count = 0;
  do {
    count = receive(descriptor_, room.data(), room.size());
  } while (count < 0 && errno == EINTR);
  if (count > 0) {
    const auto octets = static_cast<size_t>(count);
    if (octets < room.size() && !peer_closed_) readable_ = false;
    return {readable_ ? Io::progress : Io::blocked, octets};
  }
  readable_ = false;
  if (count == 0) {
    peer_closed_ = true;
    return {Io::end, 0};
  }
  if (would_block(errno)) return {Io::blocked, 0};
  broken_ = true;
  return {Io::failed, 0};
}

ReadResult SocketTransport::read_into(Pipe& pipe, size_t most) {
  assert(most > 0);
  ssize_t count = 0;
  do {
    count = ::splice(descriptor_, nullptr, pipe.write_end(), nullptr, most,
                     SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  } while (count < 0 && errno == EINTR);
  if (count > 0) {
    const auto octets = static_cast<size_t>(count);
    pipe.filled(octets);
    return {Io::progress, octets};
  }
  if (count < 0 && would_block(errno)) {
    if (pipe.empty()) readable_ = false;
    return {Io::blocked, 0};
  }
  readable_ = false;
  if (count == 0) {
    peer_closed_ = true;
    return {Io::end, 0};
  }
  broken_ = true;
  return {Io::failed, 0};
}

FlushResult SocketTransport::flush(Chain& chain, uint64_t budget) {
  FlushResult total{Io::progress, 0};
  while (!chain.empty() && total.octets < budget && total.status == Io::progress) {
    if (!writable_) {
      total.status = Io::blocked;
      break;
    }
    const uint64_t left = budget - total.octets;
    const FileRange* const range = chain.front_file();
    const FlushResult step = range == nullptr ? send_memory(chain, left)
                             : range->is_pipe ? send_piped(chain, left)
                                              : send_file(chain, left);
    total.octets += step.octets;
    total.status = step.status;
    total.file_cut = step.file_cut;
  }
  return total;
}

FlushResult SocketTransport::send_memory(Chain& chain, uint64_t budget) {
  std::array<iovec, kVectors> vectors;
  const size_t count = chain.to_iovec(vectors, budget);
  uint64_t offered = 0;
  for (size_t i = 0; i < count; ++i) offered += vectors[i].iov_len;
  // This flush goes on after these octets (a file range follows): the kernel may fill the segment
  // before it leaves.
  const bool more_follows = offered < std::min(budget, chain.size());
  const FlushResult result = send(std::span(vectors).first(count), more_follows);
  chain.drain(result.octets);
  return result;
}

FlushResult SocketTransport::send(std::span<iovec> vectors, bool more_follows) {
  uint64_t offered = 0;
  for (const iovec& vector : vectors) offered += vector.iov_len;
  const ssize_t sent =
      send_vectors(descriptor_, vectors, MSG_NOSIGNAL | (more_follows ? MSG_MORE : 0));
  if (sent < 0) return sending_failed(errno);
  const auto octets = static_cast<uint64_t>(sent);
  if (octets == offered) return {Io::progress, octets};
  writable_ = false;
  return {Io::blocked, octets};
}

FlushResult SocketTransport::send_file(Chain& chain, uint64_t budget) {
  const FileRange range = *chain.front_file();
  auto offset = static_cast<off_t>(range.offset);
  const auto wanted = static_cast<size_t>(std::min(range.size, budget));
  ssize_t sent = 0;
  do {
    sent = ::sendfile(descriptor_, range.descriptor, &offset, wanted);
  } while (sent < 0 && errno == EINTR);
  if (sent > 0) {
    const auto octets = static_cast<uint64_t>(sent);
    chain.drain(octets);
    return {Io::progress, octets};
  }
  if (sent == 0) return {.status = Io::failed, .octets = 0, .file_cut = true};
  const int error = errno;
  FlushResult result = sending_failed(error);
  result.file_cut = is_file_error(error);
  return result;
}

FlushResult SocketTransport::send_piped(Chain& chain, uint64_t budget) {
  const FileRange range = *chain.front_file();
  const auto wanted = static_cast<size_t>(std::min(range.size, budget));
  const unsigned more = wanted < std::min(budget, chain.size()) ? SPLICE_F_MORE : 0;
  ssize_t sent = 0;
  do {
    sent = ::splice(range.descriptor, nullptr, descriptor_, nullptr, wanted,
                    SPLICE_F_MOVE | SPLICE_F_NONBLOCK | more);
  } while (sent < 0 && errno == EINTR);
  assert(sent != 0);  // what the node says lies in the pipe
  if (sent <= 0) return sending_failed(errno);
  const auto octets = static_cast<uint64_t>(sent);
  static_cast<Pipe&>(*chain.front_owner()).emptied(octets);
  chain.drain(octets);
  return {Io::progress, octets};
}

FlushResult SocketTransport::sending_failed(int error) {
  if (would_block(error)) {
    writable_ = false;
    return {Io::blocked, 0};
  }
  if (!is_file_error(error)) broken_ = true;
  return {Io::failed, 0};
}

sockaddr_storage SocketTransport::local_address() const noexcept {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  ::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&address), &size);
  return address;
}

uint64_t SocketTransport::unsent() const noexcept {
  int octets = 0;
  if (ioctl(descriptor_, SIOCOUTQ, &octets) != 0 || octets < 0) return 0;
  return static_cast<uint64_t>(octets);
}

// On a Unix socket there is none of it.
void SocketTransport::limit_unsent(int octets) noexcept {
  ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &octets, sizeof octets);
}

void SocketTransport::shutdown_write() noexcept {
  write_shut_ = true;
  ::shutdown(descriptor_, SHUT_WR);
}

void SocketTransport::reset_on_close() noexcept {
  const linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

}  // namespace sluice::net
