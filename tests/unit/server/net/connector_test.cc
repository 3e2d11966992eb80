// Attempts to connect against real sockets of every temper: open, closed, full, gone.
#include "server/net/connector.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/resource.h>

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "unit/server/net/sockets.h"

namespace sluice::net {
namespace {

using std::chrono::milliseconds;

SocketAddress address_of(uint16_t port) { return *SocketAddress::parse("127.0.0.1", port); }
SocketAddress address_of(const Descriptor& listener) {
  return address_of(local_port(listener.get()));
}

// Bound, so that nobody else gets it, and not listening.
Descriptor closed_port() {
  Descriptor closed = tcp_socket();
  const sockaddr_in any = loopback(0);
  EXPECT_EQ(bind(closed.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any), 0);
  return closed;
}

// A listener whose queue is full, so that the kernel drops what knocks.
struct FullListener {
  FullListener() : listener(tcp_listener(0)), address(address_of(listener)) {
    for (int i = 0; i < 4; ++i) {
      guests.push_back(tcp_socket());
      make_non_blocking(guests.back().get());
      connect_to(guests.back().get(), address.port());
    }
  }
  Descriptor listener;
  SocketAddress address;
  std::vector<Descriptor> guests;
};

class Folder {
 public:
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "sluice-connector-XXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string socket() const { return path_ / "app.sock"; }

 private:
  std::filesystem::path path_;
};

Descriptor unix_listener(const std::string& path, int backlog) {
  Descriptor listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const SocketAddress address = *SocketAddress::of_path(path);
  EXPECT_EQ(bind(listener.get(), address.get(), address.size()), 0);
  EXPECT_EQ(listen(listener.get(), backlog), 0);
  return listener;
}

class ConnectorTest : public ::testing::Test, public ConnectorEvents {
 protected:
  void on_connected(Descriptor descriptor, const SocketAddress& address) override {
    ++events;
    connected = std::move(descriptor);
    winner = address;
    if (then) then();
  }
  void on_connect_failed(const ConnectFailure& told) override {
    ++events;
    failure = told;
    if (then) then();
  }

  void start(const std::vector<SocketAddress>& addresses,
             milliseconds timeout = milliseconds(900)) {
    loop.run_once(milliseconds(0));  // that its clock is right
    began = Clock::now();
    connector->start(addresses, timeout);
    EXPECT_EQ(events, 0) << "from within start()";
    EXPECT_TRUE(connector->running());
  }
  // Until there is an event; how long it took.
  milliseconds wait() {
    EXPECT_TRUE(turn_until(loop, [this] { return events > 0; }));
    return std::chrono::duration_cast<milliseconds>(Clock::now() - began);
  }
  void expect_failure(std::string_view error, std::string_view limit = {}) {
    ASSERT_TRUE(failure);
    EXPECT_EQ(failure->error, error);
    EXPECT_EQ(failure->limit, limit);
    EXPECT_FALSE(failure->cause.empty());
    EXPECT_LT(connected.get(), 0);
  }
  // Nothing comes any more, for longer than any attempt may take.
  void expect_silence(int told, milliseconds length = milliseconds(400)) {
    const Time end = Clock::now() + length;
    while (Clock::now() < end) loop.run_once(milliseconds(20));
    EXPECT_EQ(events, told);
  }

  Loop loop;
  std::unique_ptr<Connector> connector = std::make_unique<Connector>(loop, *this);
  Time began{};
  int events = 0;
  Descriptor connected;
  SocketAddress winner;
  std::optional<ConnectFailure> failure;
  std::function<void()> then;  // within the event
};

TEST_F(ConnectorTest, GivesASocketThatIsReadyForATransport) {
  const Descriptor listener = tcp_listener();
  start({address_of(listener)});
  wait();
  ASSERT_GE(connected.get(), 0);
  EXPECT_FALSE(connector->running());
  EXPECT_EQ(winner, address_of(listener));
  EXPECT_NE(fcntl(connected.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(fcntl(connected.get(), F_GETFD) & FD_CLOEXEC, 0);
  int no_delay = 0;
  socklen_t size = sizeof no_delay;
  EXPECT_EQ(getsockopt(connected.get(), IPPROTO_TCP, TCP_NODELAY, &no_delay, &size), 0);
  EXPECT_EQ(no_delay, 1);
  struct Target final : EventTarget {
    void on_event(uint32_t) override {}
  } target;
  EXPECT_EQ(loop.watch(connected.get(), target), 0) << "EEXIST: the loop watches it still";
  loop.unwatch(connected.get());
  const Descriptor accepted(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  send_all(accepted.get(), "x");
  expect_silence(1, milliseconds(50));
}

TEST_F(ConnectorTest, ReachesIpv6) {
  Descriptor listener(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = IN6ADDR_LOOPBACK_INIT;
  if (bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    // A host without IPv6 has this answer for it.
    start({*SocketAddress::parse("::1", 9)});
    wait();
    return expect_failure("proxy_internal_error");
  }
  ASSERT_EQ(listen(listener.get(), 1), 0);
  socklen_t size = sizeof address;
  getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size);
  start({*SocketAddress::parse("::1", ntohs(address.sin6_port))});
  wait();
  EXPECT_GE(connected.get(), 0);
}

TEST_F(ConnectorTest, TellsOfARefusal) {
  const Descriptor closed = closed_port();
  start({address_of(closed)});
  wait();
  expect_failure("connection_refused");
  EXPECT_FALSE(connector->running());
}

TEST_F(ConnectorTest, TellsOfNoRoute) {
  // TCP to everybody: no kernel tries it.
  start({*SocketAddress::parse("255.255.255.255", 80)});
  wait();
  expect_failure("destination_ip_unroutable");
}

TEST_F(ConnectorTest, GivesAnAttemptItsTime) {
  const FullListener full;
  start({full.address}, milliseconds(200));
  const milliseconds took = wait();
  expect_failure("connection_timeout", "upstream_connect_timeout");
  EXPECT_GE(took, milliseconds(200));
  EXPECT_LT(took, milliseconds(900));
}

TEST_F(ConnectorTest, TriesTheNextAddressAtOnceAfterARefusal) {
  const Descriptor closed = closed_port();
  const Descriptor listener = tcp_listener();
  start({address_of(closed), address_of(listener)});
  const milliseconds took = wait();
  EXPECT_GE(connected.get(), 0);
  EXPECT_EQ(winner, address_of(listener));
  EXPECT_LT(took, Connector::kAttemptDelay);
}

TEST_F(ConnectorTest, TriesTheNextAddressBesideOneThatIsSilent) {
  const FullListener full;
  const Descriptor listener = tcp_listener();
  start({full.address, address_of(listener)});
  const milliseconds took = wait();
  EXPECT_EQ(winner, address_of(listener));
  EXPECT_GE(took, Connector::kAttemptDelay);
  EXPECT_LT(took, milliseconds(900)) << "it waited for the first to be over";
  // The first's socket is closed, and says nothing more.
  expect_silence(1);
}

TEST_F(ConnectorTest, TellsOfTheFailureThatSaysMost) {
  const FullListener full;
  const Descriptor closed = closed_port();
  const SocketAddress nowhere = *SocketAddress::parse("255.255.255.255", 80);
  start({full.address, nowhere}, milliseconds(300));
  wait();
  expect_failure("destination_ip_unroutable");
  events = 0;
  start({nowhere, address_of(closed), full.address}, milliseconds(300));
  wait();
  expect_failure("connection_refused");
}

// The kernel gives the ports of this host to one destination in their order, and leaves some out:
// has it give the one of a destination soon, perhaps. Its own sockets stop before that one.
void come_near_to(uint16_t port) {
  for (int i = 0; i < 30000; ++i) {
    const Descriptor knocking = tcp_socket();
    EXPECT_NE(connect_to(knocking.get(), port), 0);
    const int ahead = port - local_port(knocking.get());
    if (ahead > 0 && ahead < 100) return;
  }
}

TEST_F(ConnectorTest, NeverConnectsToItself) {
  // Those that bind() chooses are odd, those of connect() even.
  const auto port = static_cast<uint16_t>((local_port(closed_port().get()) | 1) + 1);
  for (int round = 0; round < 10; ++round) {
    come_near_to(port);
    for (int i = 0; i < 15; ++i) {
      events = 0;
      start({address_of(port)});
      wait();
      ASSERT_LT(connected.get(), 0);
      expect_failure("connection_refused");
    }
  }
}

TEST_F(ConnectorTest, ReachesAUnixSocket) {
  const Folder folder;
  const Descriptor listener = unix_listener(folder.socket(), 1);
  start({*SocketAddress::of_path(folder.socket())});
  wait();
  ASSERT_GE(connected.get(), 0);
  EXPECT_EQ(winner.text(), "unix:" + folder.socket());
  EXPECT_NE(fcntl(connected.get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST_F(ConnectorTest, TellsOfAUnixSocketThatIsNotThereOrNotListenedTo) {
  const Folder folder;
  start({*SocketAddress::of_path(folder.socket())});
  wait();
  expect_failure("connection_refused");
  EXPECT_EQ(failure->cause, "upstream's socket does not exist");
  { const Descriptor gone = unix_listener(folder.socket(), 1); }
  events = 0;
  start({*SocketAddress::of_path(folder.socket())});
  wait();
  expect_failure("connection_refused");
  EXPECT_EQ(failure->cause, "upstream refused the connection");
}

TEST_F(ConnectorTest, WaitsForAUnixSocketWhoseQueueIsFull) {
  const Folder folder;
  const Descriptor listener = unix_listener(folder.socket(), 0);
  Descriptor guest(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(connect_to_path(guest.get(), folder.socket()), 0);
  const SocketAddress address = *SocketAddress::of_path(folder.socket());
  start({address}, milliseconds(150));
  wait();
  expect_failure("connection_timeout", "upstream_connect_timeout");

  events = 0;
  start({address});
  expect_silence(0, milliseconds(100));
  const Descriptor accepted(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  wait();
  EXPECT_GE(connected.get(), 0);
}

TEST_F(ConnectorTest, StopsInTheMiddle) {
  const FullListener full;
  const Descriptor listener = tcp_listener();
  start({full.address, address_of(listener)});
  loop.run_once(milliseconds(0));
  connector->stop();
  EXPECT_FALSE(connector->running());
  expect_silence(0);
  // Nor does what has come about, and was not told yet.
  start({address_of(listener)});
  connector->stop();
  expect_silence(0, milliseconds(50));
  start({address_of(listener)});
  wait();
  EXPECT_GE(connected.get(), 0);
}

TEST_F(ConnectorTest, MayBeDestroyedAnywhere) {
  const FullListener full;
  start({full.address});
  connector.reset();
  expect_silence(0, milliseconds(50));
}

TEST_F(ConnectorTest, MayBeDestroyedInItsOwnEvent) {
  const FullListener full;
  const Descriptor listener = tcp_listener();
  const Descriptor closed = closed_port();
  then = [this] { connector.reset(); };
  start({full.address, address_of(listener)});
  wait();
  EXPECT_GE(connected.get(), 0);
  expect_silence(1, milliseconds(50));

  connector = std::make_unique<Connector>(loop, *this);
  events = 0;
  start({address_of(closed)});
  wait();
  EXPECT_EQ(connector, nullptr);
  expect_silence(1, milliseconds(50));
}

TEST_F(ConnectorTest, MayBeStartedAgainInItsOwnEvent) {
  const Descriptor listener = tcp_listener();
  const Descriptor closed = closed_port();
  then = [this, &listener] {
    then = nullptr;
    connector->start(std::vector{address_of(listener)}, milliseconds(900));
    EXPECT_EQ(events, 1);
  };
  start({address_of(closed)});
  EXPECT_TRUE(turn_until(loop, [this] { return events == 2; }));
  EXPECT_EQ(failure->error, "connection_refused");
  EXPECT_GE(connected.get(), 0);
}

TEST_F(ConnectorTest, TellsThatDescriptorsAreUsedUp) {
  const Descriptor listener = tcp_listener();
  const std::vector addresses = {address_of(listener)};
  // UBSan takes descriptors when it sees a class for the first time.
  start(addresses);
  wait();
  events = 0;
  connected = Descriptor();
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const int lowest_free = dup(listener.get());
  ASSERT_EQ(close(lowest_free), 0);
  rlimit none_left = before;
  none_left.rlim_cur = static_cast<rlim_t>(lowest_free);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none_left), 0);
  connector->start(addresses, milliseconds(900));
  EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  wait();
  expect_failure("proxy_internal_error");
  EXPECT_EQ(failure->cause, "no descriptor is left for a connection to the upstream");
}

}  // namespace
}  // namespace sluice::net
