// Connected sockets, files and tasks for the tests of server/net.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "server/net/descriptor.h"
#include "server/net/loop.h"

namespace sluice::net {

struct Pair {
  Descriptor ours;    // non-blocking
  Descriptor theirs;  // blocking
};

inline void make_non_blocking(int descriptor) {
  ASSERT_EQ(fcntl(descriptor, F_SETFL, O_NONBLOCK), 0);
}

inline Pair unix_pair() {
  std::array<int, 2> ends{};
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  make_non_blocking(ends[0]);
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

inline sockaddr_in loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

inline uint16_t local_port(int descriptor) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  EXPECT_EQ(getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size), 0);
  return ntohs(address.sin_port);
}

inline int connect_to(int descriptor, uint16_t port) {
  const sockaddr_in address = loopback(port);
  return connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

inline int connect_to_path(int descriptor, const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  return connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

// A client's socket, blocking and not yet connected.
inline Descriptor tcp_socket() {
  return Descriptor(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

inline Descriptor tcp_listener(int backlog = 128) {
  Descriptor listener(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const sockaddr_in any_port = loopback(0);
  EXPECT_EQ(bind(listener.get(), reinterpret_cast<const sockaddr*>(&any_port), sizeof any_port), 0);
  EXPECT_EQ(listen(listener.get(), backlog), 0);
  return listener;
}

inline Pair tcp_pair() {
  const Descriptor listener = tcp_listener();
  Descriptor client = tcp_socket();
  EXPECT_EQ(connect_to(client.get(), local_port(listener.get())), 0);
  return {Descriptor(accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)),
          std::move(client)};
}

// A file without a name.
inline Descriptor file_of(std::string_view content) {
  Descriptor file(memfd_create("test", MFD_CLOEXEC));
  EXPECT_EQ(write(file.get(), content.data(), content.size()),
            static_cast<ssize_t>(content.size()));
  return file;
}

// Text of any size without a short period.
inline std::string pattern(size_t size, uint32_t seed = 1) {
  std::string text(size, '\0');
  for (char& c : text) {
    seed = seed * 1664525u + 1013904223u;
    c = static_cast<char>('a' + (seed >> 24) % 26);
  }
  return text;
}

inline void send_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = send(descriptor, text.data(), text.size(), MSG_NOSIGNAL);
    ASSERT_GT(sent, 0);
    text.remove_prefix(static_cast<size_t>(sent));
  }
}

// Reads exactly `size` octets, or what came before the end.
inline std::string receive(int descriptor, size_t size) {
  std::string text(size, '\0');
  size_t got = 0;
  while (got < size) {
    const ssize_t count = recv(descriptor, text.data() + got, size - got, 0);
    if (count <= 0) break;
    got += static_cast<size_t>(count);
  }
  text.resize(got);
  return text;
}

// True when the peer's close is seen as an end in good order; false for a reset.
inline bool ends_in_good_order(int descriptor) {
  char octet = 0;
  return recv(descriptor, &octet, 1, 0) == 0;
}

inline void reset_on_close(int descriptor) {
  const linger now{.l_onoff = 1, .l_linger = 0};
  ASSERT_EQ(setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
}

// As main does.
inline void ignore_broken_pipes() { std::signal(SIGPIPE, SIG_IGN); }

// A task that counts its runs and does what the test says.
class CountingTask final : public Task {
 public:
  explicit CountingTask(std::function<void()> action = {}) : action_(std::move(action)) {}
  void run() override {
    ++runs;
    if (action_) action_();
  }
  int runs = 0;

 private:
  std::function<void()> action_;
};

// Turns the loop until `done` or until two seconds are over; returns done().
inline bool turn_until(Loop& loop, const std::function<bool()>& done) {
  const Time end = Clock::now() + std::chrono::seconds(2);
  while (!done() && Clock::now() < end) loop.run_once(std::chrono::milliseconds(20));
  return done();
}

}  // namespace sluice::net
