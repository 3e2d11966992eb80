// The access log with real destinations: a file, a pipe that nobody reads, one that is closed,
// /dev/full.
#include "server/ops/access_log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "unit/server/ops/records.h"

namespace sluice::ops {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr LogWriter::Pace kFast{.gather = 2ms, .retry = 5ms, .flush = 200ms, .report = 1ms};

class AccessLogTest : public testing::Test {
 protected:
  AccessLogTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sluice-log-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~AccessLogTest() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::string read(const std::string& name) const {
    std::ifstream file(path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  // Opens the log, expecting no error.
  std::unique_ptr<AccessLog> open(const std::string& destination, size_t ring = 64 * 1024) const {
    std::unique_ptr<AccessLog> log;
    EXPECT_EQ(
        AccessLog::open({.destination = destination, .ring_octets = ring, .pace = kFast}, log), "");
    return log;
  }

 private:
  std::filesystem::path folder_;
};

TEST_F(AccessLogTest, AppendsLinesOfJsonToAFile) {
  for (int run = 0; run < 2; ++run) {
    std::unique_ptr<AccessLog> log = open(path("log"));
    log->make_worker_log()->record(typical_record());
    log->close();
    log->close();
  }
  std::istringstream lines(read("log"));
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    EXPECT_EQ(nlohmann::json::parse(line, nullptr, false)["target"], "/index.html");
  }
  EXPECT_EQ(count, 2);
  EXPECT_EQ(std::filesystem::status(path("log")).permissions() & std::filesystem::perms::others_all,
            std::filesystem::perms::none);
}

TEST_F(AccessLogTest, OffRecordsNothing) {
  std::unique_ptr<AccessLog> log = open("off");
  EXPECT_EQ(log->make_worker_log(), nullptr);
  EXPECT_EQ(log->dropped(), 0U);
  log->close();
}

TEST_F(AccessLogTest, TextWhenAsked) {
  std::unique_ptr<AccessLog> log;
  ASSERT_EQ(AccessLog::open({.destination = path("log"), .format = LogFormat::text}, log), "");
  log->make_worker_log()->record(typical_record());
  log->close();
  EXPECT_NE(read("log").find(" 200 GET     /index.html "), std::string::npos);
  EXPECT_EQ(read("log").find('\x1b'), std::string::npos) << "no colour in a file";
}

TEST_F(AccessLogTest, SaysWhatToDoWhenItCannotOpen) {
  std::unique_ptr<AccessLog> log;
  const std::string missing = AccessLog::open({.destination = path("no/such/folder")}, log);
  EXPECT_NE(missing.find("No such file"), std::string::npos);
  EXPECT_NE(missing.find("`off`"), std::string::npos);
  EXPECT_EQ(missing.find('\n'), std::string::npos);
  EXPECT_NE(AccessLog::open({.destination = path("")}, log), "") << "a folder";
  ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
  EXPECT_NE(AccessLog::open({.destination = path("fifo")}, log).find("reader"), std::string::npos);
  EXPECT_EQ(log, nullptr);
}

TEST_F(AccessLogTest, AFullDiskDropsAndCounts) {
  std::unique_ptr<AccessLog> log = open("/dev/full", 4096);
  WorkerLog* mine = log->make_worker_log();
  for (int i = 0; i < 100; ++i) mine->record(typical_record());
  const auto begin = Clock::now();
  log->close();
  EXPECT_LT(Clock::now() - begin, 5s);
  EXPECT_EQ(log->dropped(), 100U);
}

TEST_F(AccessLogTest, AStuckFifoNeitherBlocksWorkersNorTheEnd) {
  ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
  const int reader = ::open(path("fifo").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(::fcntl(reader, F_SETPIPE_SZ, 4096), 4096);
  std::unique_ptr<AccessLog> log = open(path("fifo"));
  WorkerLog* mine = log->make_worker_log();
  constexpr size_t kLines = 5000;  // over a megabyte
  for (size_t i = 0; i < kLines; ++i) mine->record(typical_record());
  const auto begin = Clock::now();
  log->close();
  EXPECT_LT(Clock::now() - begin, 5s);
  std::string text(100'000, '\0');
  size_t size = 0;
  for (ssize_t n; (n = ::read(reader, text.data() + size, text.size() - size)) > 0;)
    size += static_cast<size_t>(n);
  ::close(reader);
  text.resize(size);
  const auto lines = static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
  EXPECT_EQ(lines + log->dropped(), kLines);
  EXPECT_GT(log->dropped(), kLines / 2);
}

// What stdout may be. The description that we share with others must not become non-blocking.
class Inherited : public AccessLogTest {
 protected:
  // Writes one line to `descriptor` through a destination of ours.
  static ssize_t write_through(int descriptor) {
    std::unique_ptr<LogDestination> destination;
    EXPECT_EQ(open_inherited(descriptor, destination), "");
    char line[] = "line\n";
    const iovec part{line, 5};
    const ssize_t written = destination->write({&part, 1});
    EXPECT_EQ(::fcntl(descriptor, F_GETFL) & O_NONBLOCK, 0);
    return written;
  }
};

TEST_F(Inherited, PipeIsWrittenWithoutWaiting) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  EXPECT_EQ(write_through(ends[1]), 5);
  ASSERT_EQ(::fcntl(ends[1], F_SETPIPE_SZ, 4096) < 0, false);
  std::unique_ptr<LogDestination> destination;
  ASSERT_EQ(open_inherited(ends[1], destination), "");
  std::string much(2'000'000, 'x');
  const iovec part{much.data(), much.size()};
  EXPECT_GT(destination->write({&part, 1}), 0);
  EXPECT_EQ(destination->write({&part, 1}), -EAGAIN);
  ::close(ends[0]);
  ::signal(SIGPIPE, SIG_IGN);
  EXPECT_EQ(destination->write({&part, 1}), -EPIPE);
  ::close(ends[1]);
}

TEST_F(Inherited, SocketIsWrittenWithoutWaiting) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  EXPECT_EQ(write_through(ends[1]), 5);
  std::unique_ptr<LogDestination> destination;
  ASSERT_EQ(open_inherited(ends[1], destination), "");
  std::string much(100'000, 'x');
  const iovec part{much.data(), much.size()};
  ssize_t written = 1;
  for (int i = 0; i < 1000 && written > 0; ++i) written = destination->write({&part, 1});
  EXPECT_EQ(written, -EAGAIN);
  ::close(ends[0]);
  EXPECT_EQ(destination->write({&part, 1}), -EPIPE);
  ::close(ends[1]);
}

TEST_F(Inherited, FileKeepsItsPlace) {
  const int file = ::open(path("out").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_EQ(::write(file, "head\n", 5), 5);
  EXPECT_EQ(write_through(file), 5);
  ASSERT_EQ(::write(file, "tail\n", 5), 5);
  ::close(file);
  EXPECT_EQ(read("out"), "head\nline\ntail\n");
}

TEST_F(Inherited, ClosedStdoutIsAnError) {
  std::unique_ptr<LogDestination> destination;
  EXPECT_NE(open_inherited(-1, destination), "");
}

}  // namespace
}  // namespace sluice::ops
