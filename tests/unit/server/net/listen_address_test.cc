// Listen addresses: every form people write, and every reason for which one cannot be had.
#include "server/net/listen_address.h"

#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>
#include <vector>

#include "unit/server/net/sockets.h"

namespace sluice::net {
namespace {

using Family = ListenAddress::Family;

ListenAddress parsed(std::string_view text) {
  ListenAddress address;
  EXPECT_EQ(parse_listen_address(text, address), "") << text;
  return address;
}

std::string open_error(const ListenAddress& address, size_t count = 1) {
  ListenSockets sockets;
  return sockets.open(address, count, 128);
}

// A port that is free of both families and stays so: other tests, which run beside this one, take
// any that the kernel gives them, and it gives none below 32768 (ip_local_port_range).
uint16_t port_of_our_own() {
  std::random_device random;
  ListenAddress all = parsed(":1");
  for (int attempt = 0; attempt < 100; ++attempt) {
    all.port = static_cast<uint16_t>(10000 + random() % 20000);
    if (open_error(all).empty()) return all.port;
  }
  ADD_FAILURE() << "100 ports from 10000 to 29999 are taken";
  return 0;
}

TEST(ListenAddress, ReadsEveryForm) {
  struct Case {
    std::string_view text;
    Family family;
    std::string_view host;
    uint16_t port;
  };
  for (const Case& c : {
           Case{"127.0.0.1:8080", Family::ipv4, "127.0.0.1", 8080},
           Case{"0.0.0.0:0", Family::ipv4, "0.0.0.0", 0},
           Case{"localhost:65535", Family::ipv4, "127.0.0.1", 65535},
           Case{"8080", Family::ipv4, "127.0.0.1", 8080},
           Case{":8080", Family::ipv6, "", 8080},
           Case{"[::1]:80", Family::ipv6, "::1", 80},
           Case{"[::]:80", Family::ipv6, "::", 80},
           Case{"[2001:db8::1]:1", Family::ipv6, "2001:db8::1", 1},
           Case{"unix:/run/s", Family::unix_socket, "/run/s", 0},
           Case{"unix:s:1", Family::unix_socket, "s:1", 0},
       }) {
    const ListenAddress address = parsed(c.text);
    EXPECT_EQ(address.family, c.family) << c.text;
    EXPECT_EQ(address.host, c.host) << c.text;
    EXPECT_EQ(address.port, c.port) << c.text;
  }
}

TEST(ListenAddress, SaysWhatIsWrong) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "expected HOST:PORT"},
      {":", "the port is a number"},
      {"127.0.0.1", "has no port, for example 127.0.0.1:8080"},
      {"[::1]", "has no port, for example [::1]:8080"},
      {"localhost", "has no port"},
      {"127.0.0.1:65536", "the port is a number"},
      {"127.0.0.1:-1", "the port is a number"},
      {"127.0.0.1:80a", "the port is a number"},
      {"127.0.0.1:", "the port is a number"},
      {"70000", "the port is a number"},
      {"::1:8080", "in brackets"},
      {"[::g]:80", "not an IPv6 address"},
      {"[127.0.0.1]:80", "not an IPv6 address"},
      {"[]:80", "not an IPv6 address"},
      {"256.0.0.1:80", "not an IP address"},
      {"127.1:80", "not an IP address"},
      {"example.org:80", "not an IP address"},
      {"http://127.0.0.1:80", "leave the scheme away"},
      {"unix:", "expected a path"},
      {"unix:/" + std::string(107, 'a'), "at most 107 octets, and this one has 108"},
      {std::string("unix:/a\0b", 9), "no NUL"},
  };
  for (const auto& [text, expected] : cases) {
    ListenAddress address;
    const std::string error = parse_listen_address(text, address);
    EXPECT_NE(error.find(expected), std::string::npos) << text << " gave: " << error;
  }
  ListenAddress address;
  EXPECT_EQ(parse_listen_address("unix:/" + std::string(106, 'a'), address), "")
      << "107 octets fit";
}

TEST(ListenSockets, TheUrlHasTheRealPort) {
  ListenSockets sockets;
  ASSERT_EQ(sockets.open(parsed("127.0.0.1:0"), 1, 128), "");
  const uint16_t port = local_port(sockets.descriptor(0));
  EXPECT_NE(port, 0);
  EXPECT_EQ(sockets.url(), "http://127.0.0.1:" + std::to_string(port));
  EXPECT_FALSE(sockets.shared());
}

// How many connections each socket of `sockets` was given.
std::vector<size_t> accepted_by_each(const ListenSockets& sockets, size_t count) {
  std::vector<size_t> accepted(count);
  for (size_t i = 0; i < count; ++i) {
    while (Descriptor(accept(sockets.descriptor(i), nullptr, nullptr)).get() >= 0) ++accepted[i];
  }
  return accepted;
}

TEST(ListenSockets, ConnectionsAreSpreadOverAll) {
  ListenSockets sockets;
  ASSERT_EQ(sockets.open(parsed("127.0.0.1:0"), 4, 1024), "");
  const uint16_t port = local_port(sockets.descriptor(0));
  for (size_t i = 1; i < 4; ++i) EXPECT_EQ(local_port(sockets.descriptor(i)), port);
  std::vector<Descriptor> clients;
  for (int i = 0; i < 400; ++i) {
    clients.push_back(tcp_socket());
    ASSERT_EQ(connect_to(clients.back().get(), port), 0);
  }
  size_t total = 0;
  for (const size_t accepted : accepted_by_each(sockets, 4)) {
    EXPECT_GE(accepted, 40u) << "a socket was left out, the first perhaps";
    total += accepted;
  }
  EXPECT_EQ(total, 400u);
}

TEST(ListenSockets, EveryOneHasTheOptions) {
  ListenSockets sockets;
  ASSERT_EQ(sockets.open(parsed("127.0.0.1:0"), 3, 128), "");
  for (size_t i = 0; i < 3; ++i) {
    int value = 0;
    socklen_t size = sizeof value;
    ASSERT_EQ(getsockopt(sockets.descriptor(i), IPPROTO_TCP, TCP_NODELAY, &value, &size), 0);
    EXPECT_EQ(value, 1);
    EXPECT_NE(fcntl(sockets.descriptor(i), F_GETFL) & O_NONBLOCK, 0);
    EXPECT_NE(fcntl(sockets.descriptor(i), F_GETFD) & FD_CLOEXEC, 0);
  }
}

TEST(ListenSockets, ASecondServerIsRefused) {
  for (const char* text : {"127.0.0.1:0", ":0", "[::1]:0"}) {
    for (const size_t count : {1u, 4u}) {
      ListenSockets first;
      const std::string unavailable = first.open(parsed(text), count, 128);
      if (!unavailable.empty()) GTEST_SKIP() << unavailable;
      ListenAddress same = parsed(text);
      same.port = local_port(first.descriptor(0));
      const std::string error = open_error(same, count);
      EXPECT_NE(error.find("in use"), std::string::npos) << text << ": " << error;
      EXPECT_NE(error.find("ss -ltnp sport = :" + std::to_string(same.port)), std::string::npos);
    }
  }
}

TEST(ListenSockets, AllAddressesCollideWithOne) {
  ListenSockets one;
  ASSERT_EQ(one.open(parsed("127.0.0.1:0"), 2, 128), "");
  ListenAddress all = parsed(":0");
  all.port = local_port(one.descriptor(0));
  EXPECT_NE(open_error(all, 2).find("in use"), std::string::npos);
}

TEST(ListenSockets, StartsRacingForOnePortHaveOneWinner) {
  for (int round = 0; round < 20; ++round) {
    ListenAddress address = parsed("127.0.0.1:0");
    address.port = port_of_our_own();
    std::array<ListenSockets, 3> racers;
    std::array<std::string, 3> errors;
    std::vector<std::thread> threads;
    for (size_t i = 0; i < racers.size(); ++i) {
      threads.emplace_back([&, i] { errors[i] = racers[i].open(address, 2, 128); });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(std::ranges::count(errors, ""), 1) << errors[0] << errors[1] << errors[2];
  }
}

TEST(ListenSockets, APortIsFreeAgainAfterwards) {
  ListenAddress address = parsed("127.0.0.1:0");
  address.port = port_of_our_own();
  {
    ListenSockets sockets;
    ASSERT_EQ(sockets.open(address, 2, 128), "");
    // A connection that we close first lingers in TIME-WAIT on the port.
    const Descriptor client = tcp_socket();
    ASSERT_EQ(connect_to(client.get(), address.port), 0);
    accepted_by_each(sockets, 2);
    EXPECT_TRUE(ends_in_good_order(client.get()));
  }
  EXPECT_EQ(open_error(address, 2), "");
}

TEST(ListenSockets, SaysThatAnAddressIsNotThisMachines) {
  const std::string error = open_error(parsed("192.0.2.1:8080"));
  EXPECT_NE(error.find("cannot listen on 192.0.2.1:8080"), std::string::npos) << error;
  EXPECT_NE(error.find("no such address"), std::string::npos) << error;
}

TEST(ListenSockets, BracketedAllAddressesAreIpv6Alone) {
  ListenAddress all = parsed("[::]:0");
  ListenAddress four = parsed("0.0.0.0:0");
  all.port = four.port = port_of_our_own();
  ListenSockets six;
  const std::string error = six.open(all, 2, 128);
  if (error.find("IPv6 is not available") != std::string::npos) GTEST_SKIP() << error;
  ASSERT_EQ(error, "");
  EXPECT_EQ(open_error(four), "");
}

// Runs `check` as a user without rights; returns what it wrote.
std::string as_nobody(const std::function<std::string()>& check) {
  std::array<int, 2> ends{};
  EXPECT_EQ(pipe(ends.data()), 0);
  const pid_t child = fork();
  if (child == 0) {
    const bool dropped = getuid() != 0 || setuid(65534) == 0;
    const std::string text = dropped ? check() : "cannot drop rights";
    const bool written =
        write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size());
    _exit(written ? 0 : 1);
  }
  close(ends[1]);
  const Descriptor reading(ends[0]);
  std::string text(1000, '\0');
  const ssize_t size = read(reading.get(), text.data(), text.size());
  text.resize(size > 0 ? static_cast<size_t>(size) : 0);
  waitpid(child, nullptr, 0);
  return text;
}

TEST(ListenSockets, SaysWhatAPrivilegedPortNeeds) {
  std::ifstream file("/proc/sys/net/ipv4/ip_unprivileged_port_start");
  int first_free = 1024;
  file >> first_free;
  if (first_free < 2) GTEST_SKIP() << "every port is free for all here";
  const std::string error = as_nobody([] { return open_error(parsed("127.0.0.1:1")); });
  EXPECT_NE(error.find("above 1023"), std::string::npos) << error;
  EXPECT_NE(error.find("setcap cap_net_bind_service"), std::string::npos) << error;
}

class UnixListenTest : public ::testing::Test {
 protected:
  UnixListenTest() {
    std::string pattern = ::testing::TempDir() + "sluice-unix-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    path_ = folder_ + "/socket";
  }
  ~UnixListenTest() override { std::filesystem::remove_all(folder_); }

  ListenAddress address() const { return parsed("unix:" + path_); }
  // Leaves a socket's path behind, as a killed process does.
  void leave_dead_socket() const {
    const Descriptor dead(socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    path_.copy(name.sun_path, sizeof name.sun_path - 1);
    ASSERT_EQ(bind(dead.get(), reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
    ASSERT_EQ(listen(dead.get(), 1), 0);
  }

  std::string folder_;
  std::string path_;
};

TEST_F(UnixListenTest, IsSharedAndRemovedAtTheEnd) {
  {
    ListenSockets sockets;
    ASSERT_EQ(sockets.open(address(), 4, 128), "");
    EXPECT_TRUE(sockets.shared());
    EXPECT_EQ(sockets.url(), "unix:" + path_);
    EXPECT_EQ(sockets.descriptor(3), sockets.descriptor(0));
    EXPECT_TRUE(std::filesystem::is_socket(path_));
  }
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(UnixListenTest, ADeadProcessPathIsTakenOver) {
  leave_dead_socket();
  ASSERT_TRUE(std::filesystem::is_socket(path_));
  ListenSockets sockets;
  EXPECT_EQ(sockets.open(address(), 1, 128), "");
}

TEST_F(UnixListenTest, ALiveOneIsInUseAndUnharmed) {
  ListenSockets first;
  ASSERT_EQ(first.open(address(), 1, 128), "");
  const std::string error = open_error(address());
  EXPECT_NE(error.find("another program listens there"), std::string::npos) << error;
  EXPECT_TRUE(std::filesystem::is_socket(path_));
}

TEST_F(UnixListenTest, AFileOfThatNameIsLeftAlone) {
  std::ofstream(path_) << "precious";
  const std::string error = open_error(address());
  EXPECT_NE(error.find("no socket"), std::string::npos) << error;
  EXPECT_EQ(std::filesystem::file_size(path_), 8u);
}

TEST_F(UnixListenTest, ASuccessorsPathIsLeftAlone) {
  {
    ListenSockets sockets;
    ASSERT_EQ(sockets.open(address(), 1, 128), "");
    std::filesystem::remove(path_);
    leave_dead_socket();  // another file of that name
  }
  EXPECT_TRUE(std::filesystem::is_socket(path_));
}

TEST_F(UnixListenTest, SaysThatTheFolderIsMissing) {
  const std::string error = open_error(parsed("unix:" + folder_ + "/none/socket"));
  EXPECT_NE(error.find("the folder does not exist"), std::string::npos) << error;
}

TEST_F(UnixListenTest, MovingKeepsThePathToOneOwner) {
  ListenSockets last;
  {
    ListenSockets sockets;
    ASSERT_EQ(sockets.open(address(), 1, 128), "");
    ListenSockets moved(std::move(sockets));
    last = std::move(moved);
  }
  EXPECT_TRUE(std::filesystem::is_socket(path_));
  EXPECT_GE(last.descriptor(0), 0);
}

TEST_F(UnixListenTest, StartsRacingForADeadPathHaveOneWinner) {
  for (int round = 0; round < 20; ++round) {
    std::filesystem::remove(path_);
    leave_dead_socket();
    std::array<ListenSockets, 3> racers;
    std::array<std::string, 3> errors;
    std::vector<std::thread> threads;
    for (size_t i = 0; i < racers.size(); ++i) {
      threads.emplace_back([&, i] { errors[i] = racers[i].open(address(), 1, 128); });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(std::ranges::count(errors, ""), 1) << errors[0] << errors[1] << errors[2];
    EXPECT_TRUE(std::filesystem::is_socket(path_));
  }
}

}  // namespace
}  // namespace sluice::net
