// The control socket from both ends: rights, leftovers, and clients of every kind.
#include "server/ops/control_server.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "server/ops/control_client.h"
#include "server/ops/control_protocol.h"
#include "unit/server/net/sockets.h"
#include "unit/server/ops/control_fakes.h"

namespace sluice::ops {
namespace {

using net::Descriptor;
using std::chrono::milliseconds;
using std::chrono::seconds;

class StopLoop final : public net::Mail {
 public:
  explicit StopLoop(net::Loop& loop) : loop_(loop) {}
  void deliver() override { loop_.stop(); }

 private:
  net::Loop& loop_;
};

class ControlSocket : public ::testing::Test {
 protected:
  ControlSocket() {
    net::ignore_broken_pipes();
    std::string pattern = ::testing::TempDir() + "sluice-control-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    control_.path = folder_ + "/control.sock";
    limits_.control_line = 4096;
    limits_.control_connections = 3;
  }
  ~ControlSocket() override {
    end();
    std::filesystem::remove_all(folder_);
  }

  // What open() says is wrong.
  std::string open_error(const ControlPath& control) {
    net::Loop loop;
    ControlServer server(loop, limits_, commands_);
    std::string warning;
    const std::string error = server.open(control, warning);
    EXPECT_EQ(warning, "");
    return error;
  }
  // Serves on a thread of its own until end().
  void begin() {
    loop_ = std::make_unique<net::Loop>();
    server_ = std::make_unique<ControlServer>(*loop_, limits_, commands_);
    std::string warning;
    ASSERT_EQ(server_->open(control_, warning), "");
    ASSERT_EQ(warning, "");
    thread_ = std::thread([this] {
      loop_->bind_to_this_thread();
      ASSERT_EQ(server_->start(), 0);
      loop_->run();
      server_.reset();
    });
  }
  void end() {
    if (!thread_.joinable()) return;
    loop_->post(std::make_unique<StopLoop>(*loop_));
    thread_.join();
    loop_.reset();
  }

  // A connection that waits at most ten seconds for anything.
  Descriptor connect() const {
    Descriptor client(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    setsockopt(client.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    EXPECT_EQ(net::connect_to_path(client.get(), control_.path), 0);
    return client;
  }
  static std::string line_from(const Descriptor& client) {
    std::string line;
    while (!line.ends_with('\n')) {
      const std::string octet = net::receive(client.get(), 1);
      if (octet.empty()) return line + "<end>";
      line += octet;
    }
    return line;
  }
  static bool is_healthy(const Descriptor& client) {
    net::send_all(client.get(), control_request("health"));
    return line_from(client).find("serving") != std::string::npos;
  }

  std::string folder_;
  ControlPath control_;
  conf::Limits limits_;
  FakeCommands commands_;
  std::unique_ptr<net::Loop> loop_;
  std::unique_ptr<ControlServer> server_;
  std::thread thread_;
};

TEST_F(ControlSocket, BelongsToItsUserAlone) {
  const mode_t before = umask(0);
  begin();
  umask(before);
  struct stat status {};
  ASSERT_EQ(stat(control_.path.c_str(), &status), 0);
  EXPECT_TRUE(S_ISSOCK(status.st_mode));
  EXPECT_EQ(status.st_mode & 07777, 0600u);
}

TEST_F(ControlSocket, IsRemovedAtTheEnd) {
  begin();
  end();
  EXPECT_FALSE(std::filesystem::exists(control_.path));
}

TEST_F(ControlSocket, OfASuccessorIsLeftAlone) {
  begin();
  unlink(control_.path.c_str());
  net::UnixSocket successor;
  ASSERT_EQ(successor.open(control_.path, 0600, 1).obstacle, net::UnixSocket::Obstacle::none);
  end();
  EXPECT_TRUE(std::filesystem::exists(control_.path));
}

TEST_F(ControlSocket, OfADeadProcessIsTakenOver) {
  {
    Descriptor dead(socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    control_.path.copy(name.sun_path, sizeof name.sun_path - 1);
    ASSERT_EQ(bind(dead.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
  }
  begin();
  EXPECT_TRUE(is_healthy(connect()));
}

TEST_F(ControlSocket, OfALiveProcessIsRefusedWithItsNumber) {
  begin();
  const std::string error = open_error(control_);
  EXPECT_NE(error.find("another Sluice (pid " + std::to_string(getpid()) + ") answers at " +
                       control_.path),
            std::string::npos)
      << error;
  EXPECT_TRUE(is_healthy(connect())) << "it is unharmed";
  control_.by_default = true;
  ASSERT_EQ(chmod(folder_.c_str(), 0700), 0);
  EXPECT_NE(open_error(control_), "") << "also at the default place";
}

TEST_F(ControlSocket, ThatIsAnotherFileIsRefusedAndNeverRemoved) {
  std::filesystem::create_directory(control_.path);
  EXPECT_NE(open_error(control_).find("no socket"), std::string::npos);
  EXPECT_TRUE(std::filesystem::exists(control_.path));
}

TEST_F(ControlSocket, ThatCannotBeHadIsAnErrorOnlyWhenItWasAskedFor) {
  control_.path = folder_ + "/none/control.sock";
  EXPECT_NE(open_error(control_).find(control_.path), std::string::npos);
  EXPECT_NE(open_error({.path = folder_ + std::string(200, 'x')}).find("too long"),
            std::string::npos);
  control_.path = folder_ + "/none/sluice/control.sock";
  control_.by_default = true;
  net::Loop loop;
  ControlServer server(loop, limits_, commands_);
  std::string warning;
  EXPECT_EQ(server.open(control_, warning), "");
  EXPECT_NE(warning, "");
  EXPECT_EQ(server.path(), "");
  loop.bind_to_this_thread();
  EXPECT_EQ(server.start(), 0) << "serves nobody, and that is fine";
}

TEST_F(ControlSocket, AnswersLineAfterLine) {
  begin();
  const Descriptor client = connect();
  net::send_all(client.get(), "{\"command\":\"version\"}\nwhat?\n{\"command\":\"stop\"}\n{\"comm");
  EXPECT_NE(line_from(client).find("1.2.3"), std::string::npos);
  EXPECT_NE(line_from(client).find("no JSON"), std::string::npos);
  EXPECT_NE(line_from(client).find("1500"), std::string::npos);
  net::send_all(client.get(), "and\":\"version\"}\n");
  EXPECT_NE(line_from(client).find("1.2.3"), std::string::npos);
  end();
  EXPECT_EQ(commands_.stops, 1);
}

TEST_F(ControlSocket, ALineThatIsTooLongEndsTheConnection) {
  begin();
  const Descriptor client = connect();
  net::send_all(client.get(), std::string(limits_.control_line + 1, 'x'));
  EXPECT_NE(line_from(client).find("control_line"), std::string::npos);
  EXPECT_EQ(net::receive(client.get(), 1), "");
  EXPECT_TRUE(is_healthy(connect()));
}

TEST_F(ControlSocket, OneConnectionTooManyIsToldSo) {
  begin();
  std::vector<Descriptor> clients;
  for (uint64_t i = 0; i < limits_.control_connections; ++i) {
    clients.push_back(connect());
    EXPECT_TRUE(is_healthy(clients.back()));
  }
  EXPECT_NE(line_from(connect()).find("control_connections"), std::string::npos);
  EXPECT_TRUE(is_healthy(clients.front()));
  clients.pop_back();
  bool served = false;
  for (int i = 0; i < 1000 && !served; ++i) {
    const Descriptor client = connect();
    net::send_all(client.get(), control_request("version"));
    served = line_from(client).find("1.2.3") != std::string::npos;
  }
  EXPECT_TRUE(served) << "there is room again";
}

TEST_F(ControlSocket, SilenceEndsAConnection) {
  limits_.control_timeout = milliseconds(100);
  begin();
  const Descriptor silent = connect();
  EXPECT_EQ(net::receive(silent.get(), 1), "");
}

TEST_F(ControlSocket, OctetsThatTrickleDoNotKeepIt) {
  limits_.control_timeout = milliseconds(200);
  begin();
  const Descriptor slow = connect();
  bool closed = false;
  for (int i = 0; i < 500 && !closed; ++i) {
    closed = send(slow.get(), "x", 1, MSG_NOSIGNAL) < 0;
    std::this_thread::sleep_for(milliseconds(20));
  }
  EXPECT_TRUE(closed);
}

TEST_F(ControlSocket, WhoDoesNotReadItsAnswersHoldsNobodyUp) {
  begin();
  const Descriptor deaf = connect();
  net::make_non_blocking(deaf.get());
  std::string many;
  for (int i = 0; i < 100; ++i) many += control_request("health");
  for (int i = 0; i < 100; ++i) {
    if (send(deaf.get(), many.data(), many.size(), MSG_NOSIGNAL) < 0) break;
  }
  EXPECT_TRUE(is_healthy(connect()));
}

TEST_F(ControlSocket, ItsOwnClientUnderstandsIt) {
  begin();
  ControlClient client;
  ASSERT_EQ(client.connect(control_), "");
  EXPECT_EQ(client.server(), getpid());
  std::string answer;
  ASSERT_EQ(client.ask("version", seconds(10), answer), "");
  EXPECT_EQ(read_control_answer(answer)->version, "1.2.3");
  ASSERT_EQ(client.ask("reload", seconds(10), answer), "");
  EXPECT_EQ(read_control_answer(answer)->message, "all new");
  EXPECT_FALSE(client.wait_for_end(milliseconds(50))) << "this process runs on";
}

TEST_F(ControlSocket, TheClientSaysThatNobodyIsThere) {
  ControlClient client;
  EXPECT_NE(client.connect(control_).find("no Sluice answers at " + control_.path),
            std::string::npos);
  EXPECT_NE(client.connect({}).find("off"), std::string::npos);
  begin();
  std::filesystem::rename(control_.path, folder_ + "/kept");
  end();
  std::filesystem::rename(folder_ + "/kept", control_.path);
  EXPECT_NE(client.connect(control_).find("has ended"), std::string::npos);
}

TEST_F(ControlSocket, TheClientDoesNotWaitForEver) {
  net::UnixSocket mute;
  ASSERT_EQ(mute.open(control_.path, 0600, 4).obstacle, net::UnixSocket::Obstacle::none);
  ControlClient client;
  ASSERT_EQ(client.connect(control_), "");
  std::string answer;
  EXPECT_NE(client.ask("health", milliseconds(50), answer).find("does not answer"),
            std::string::npos);
}

}  // namespace
}  // namespace sluice::ops
