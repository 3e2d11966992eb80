// Accepting on real sockets, and the day on which no descriptor is left.
#include "server/net/listener.h"

#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/un.h>

#include <filesystem>
#include <vector>

#include "server/net/listen_address.h"
#include "unit/server/net/sockets.h"

namespace sluice::net {
namespace {

using std::chrono::milliseconds;

constexpr ListenerOptions kOptions{.turn_accept = 64, .accept_pause = milliseconds(100)};

class TestAcceptor final : public Acceptor {
 public:
  void on_accepted(int descriptor, const Peer& peer) override {
    sockets.emplace_back(descriptor);
    peers.push_back(peer);
  }
  void on_descriptors_exhausted() override { ++exhausted; }

  std::vector<Descriptor> sockets;
  std::vector<Peer> peers;
  int exhausted = 0;
};

// Listening sockets for `text`; they close themselves.
ListenSockets listen_on(const std::string& text, size_t count = 1) {
  ListenAddress address;
  EXPECT_EQ(parse_listen_address(text, address), "");
  ListenSockets sockets;
  EXPECT_EQ(sockets.open(address, count, 128), "");
  return sockets;
}

int get_option(int descriptor, int level, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  EXPECT_EQ(getsockopt(descriptor, level, name, &value, &size), 0);
  return value;
}

class ListenerTest : public ::testing::Test {
 protected:
  uint16_t port() const { return local_port(sockets_.descriptor(0)); }
  Descriptor client() {
    Descriptor socket = tcp_socket();
    EXPECT_EQ(connect_to(socket.get(), port()), 0);
    return socket;
  }
  bool turn_until_accepted(size_t count) {
    return turn_until(loop_, [&] { return acceptor_.sockets.size() >= count; });
  }

  Loop loop_;
  TestAcceptor acceptor_;
  ListenSockets sockets_ = listen_on("127.0.0.1:0");
};

TEST_F(ListenerTest, AcceptsAndTellsThePeer) {
  Listener listener(loop_, sockets_.descriptor(0), acceptor_, kOptions);
  ASSERT_EQ(listener.open(), 0);
  const Descriptor socket = client();
  ASSERT_TRUE(turn_until_accepted(1));
  EXPECT_STREQ(acceptor_.peers[0].address, "127.0.0.1");
  EXPECT_EQ(acceptor_.peers[0].port, local_port(socket.get()));
  const int accepted = acceptor_.sockets[0].get();
  EXPECT_NE(fcntl(accepted, F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(fcntl(accepted, F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(ListenerTest, AcceptedSocketsInheritTheOptions) {
  Listener listener(loop_, sockets_.descriptor(0), acceptor_, kOptions);
  ASSERT_EQ(listener.open(), 0);
  const Descriptor socket = client();
  ASSERT_TRUE(turn_until_accepted(1));
  const int accepted = acceptor_.sockets[0].get();
  EXPECT_EQ(get_option(accepted, IPPROTO_TCP, TCP_NODELAY), 1);
  EXPECT_EQ(get_option(accepted, SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(get_option(accepted, IPPROTO_TCP, TCP_KEEPIDLE), 60);
  EXPECT_EQ(get_option(accepted, IPPROTO_TCP, TCP_KEEPINTVL), 15);
  EXPECT_EQ(get_option(accepted, IPPROTO_TCP, TCP_KEEPCNT), 4);
  EXPECT_EQ(get_option(accepted, IPPROTO_TCP, TCP_NOTSENT_LOWAT), 0) << "see listener.cc";
}

TEST_F(ListenerTest, ATurnAcceptsNoMoreThanItsShare) {
  ListenerOptions options = kOptions;
  options.turn_accept = 3;
  Listener listener(loop_, sockets_.descriptor(0), acceptor_, options);
  ASSERT_EQ(listener.open(), 0);
  std::vector<Descriptor> clients;
  for (int i = 0; i < 8; ++i) clients.push_back(client());
  for (const size_t expected : {3u, 6u, 8u, 8u}) {
    loop_.run_once(milliseconds(100));
    EXPECT_EQ(acceptor_.sockets.size(), expected);
  }
}

TEST_F(ListenerTest, ClosingAcceptsWhatTheKernelHasQueued) {
  Listener listener(loop_, sockets_.descriptor(0), acceptor_, kOptions);
  ASSERT_EQ(listener.open(), 0);
  std::vector<Descriptor> clients;
  for (int i = 0; i < 100; ++i) clients.push_back(client());
  listener.close();
  EXPECT_EQ(acceptor_.sockets.size(), 100u);
  const Descriptor late = client();  // the kernel still queues it: the descriptor is open
  for (int i = 0; i < 3; ++i) loop_.run_once(milliseconds(5));
  EXPECT_EQ(acceptor_.sockets.size(), 100u);
  listener.close();
  EXPECT_EQ(acceptor_.sockets.size(), 100u) << "once and for good";
}

TEST_F(ListenerTest, AConnectionThatIsGoneAgainDoesNoHarm) {
  Listener listener(loop_, sockets_.descriptor(0), acceptor_, kOptions);
  ASSERT_EQ(listener.open(), 0);
  for (int i = 0; i < 5; ++i) {
    Descriptor gone = client();
    reset_on_close(gone.get());
  }
  const Descriptor stays = client();
  EXPECT_TRUE(turn_until(loop_, [&] {
    return !acceptor_.peers.empty() && acceptor_.peers.back().port == local_port(stays.get());
  }));
  EXPECT_EQ(acceptor_.exhausted, 0);
  EXPECT_FALSE(listener.paused());
}

// Lets the process open `spare` more descriptors and no others, for as long as it lives.
class FewDescriptors {
 public:
  explicit FewDescriptors(rlim_t spare) {
    EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &before_), 0);
    for (rlim_t i = 0; i < spare; ++i) probes_.emplace_back(dup(0));
    const Descriptor lowest_free(dup(0));
    set(static_cast<rlim_t>(lowest_free.get()));
    probes_.clear();
  }
  ~FewDescriptors() { set(before_.rlim_cur); }

 private:
  void set(rlim_t most) const {
    rlimit limit = before_;
    limit.rlim_cur = most;
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  }
  rlimit before_{};
  std::vector<Descriptor> probes_;
};

TEST_F(ListenerTest, WithoutDescriptorsItPausesAndRecovers) {
  Listener listener(loop_, sockets_.descriptor(0), acceptor_, kOptions);
  ASSERT_EQ(listener.open(), 0);
  const Descriptor first = client();
  ASSERT_TRUE(turn_until_accepted(1));
  std::vector<Descriptor> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(client());
  {
    const FewDescriptors limit(2);
    ASSERT_TRUE(turn_until(loop_, [&] { return listener.paused(); }));
    EXPECT_EQ(acceptor_.sockets.size(), 3u) << "what there was is used";
    EXPECT_EQ(acceptor_.exhausted, 1);
    // It neither spins nor stops trying: about one try per accept_pause.
    const Time begin = Clock::now();
    int turns = 0;
    while (Clock::now() - begin < milliseconds(350)) {
      loop_.run_once(milliseconds(350));
      ++turns;
    }
    EXPECT_LE(turns, 20);
    EXPECT_GE(acceptor_.exhausted, 2);
    EXPECT_LE(acceptor_.exhausted, 5);
    // Clients that are there go on.
    send_all(first.get(), "ping");
    EXPECT_EQ(receive(acceptor_.sockets[0].get(), 4), "ping");
    // One that leaves makes room for one that waits.
    acceptor_.sockets.pop_back();
    EXPECT_TRUE(turn_until_accepted(3));
  }
  EXPECT_TRUE(turn_until(loop_, [&] { return acceptor_.sockets.size() == 5; }));
  EXPECT_TRUE(turn_until(loop_, [&] { return !listener.paused(); }));
}

TEST_F(ListenerTest, APausedListenerCanBeClosedAndDestroyed) {
  Listener listener(loop_, sockets_.descriptor(0), acceptor_, kOptions);
  ASSERT_EQ(listener.open(), 0);
  const Descriptor waiting = client();
  {
    const FewDescriptors limit(0);
    ASSERT_TRUE(turn_until(loop_, [&] { return listener.paused(); }));
    listener.close();
  }
  EXPECT_FALSE(listener.paused());
  for (int i = 0; i < 3; ++i) loop_.run_once(milliseconds(60));
  EXPECT_TRUE(acceptor_.sockets.empty());
}

TEST(Listener, ShowsIpv6AndMappedIpv4Peers) {
  ListenSockets sockets = listen_on(":0");
  if (!sockets.url().starts_with("http://[::]")) GTEST_SKIP() << "no IPv6 here";
  const uint16_t port = local_port(sockets.descriptor(0));
  Loop loop;
  TestAcceptor acceptor;
  Listener listener(loop, sockets.descriptor(0), acceptor, kOptions);
  ASSERT_EQ(listener.open(), 0);
  const Descriptor four = tcp_socket();
  ASSERT_EQ(connect_to(four.get(), port), 0);
  ASSERT_TRUE(turn_until(loop, [&] { return acceptor.peers.size() == 1; }));
  EXPECT_STREQ(acceptor.peers[0].address, "127.0.0.1");
  EXPECT_EQ(acceptor.peers[0].port, local_port(four.get()));
  const Descriptor six(socket(AF_INET6, SOCK_STREAM, 0));
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  address.sin6_port = htons(port);
  if (connect(six.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    GTEST_SKIP() << "no ::1 here";
  }
  ASSERT_TRUE(turn_until(loop, [&] { return acceptor.peers.size() == 2; }));
  EXPECT_STREQ(acceptor.peers[1].address, "::1");
  EXPECT_EQ(get_option(acceptor.sockets[1].get(), IPPROTO_TCP, TCP_NODELAY), 1);
}

TEST(Listener, TwoLoopsShareAUnixSocket) {
  const std::string folder = ::testing::TempDir() + "sluice-listener-" + std::to_string(getpid());
  std::filesystem::create_directory(folder);
  {
    ListenSockets sockets = listen_on("unix:" + folder + "/s", 2);
    ASSERT_TRUE(sockets.shared());
    ListenerOptions options = kOptions;
    options.shared = true;
    Loop one;
    Loop two;
    TestAcceptor acceptor;
    Listener first(one, sockets.descriptor(0), acceptor, options);
    Listener second(two, sockets.descriptor(1), acceptor, options);
    ASSERT_EQ(first.open(), 0);
    ASSERT_EQ(second.open(), 0);
    const Descriptor client(socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = folder + "/s";
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_TRUE(turn_until(one, [&] {
      two.run_once(milliseconds(0));
      return acceptor.sockets.size() == 1;
    }));
    EXPECT_STREQ(acceptor.peers[0].address, "unix:");
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace sluice::net
