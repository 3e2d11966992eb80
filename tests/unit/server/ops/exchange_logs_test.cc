// Both logs as a configuration names them: which exchange gets into which file.
#include "server/ops/exchange_logs.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "unit/server/ops/handshake_records.h"
#include "unit/server/ops/records.h"

namespace sluice::ops {
namespace {

class ExchangeLogsTest : public testing::Test {
 protected:
  ExchangeLogsTest() {
    std::string pattern = testing::TempDir() + "sluice-logs-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~ExchangeLogsTest() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  size_t lines(const std::string& name) const {
    std::ifstream file(path(name));
    return static_cast<size_t>(
        std::count(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>(), '\n'));
  }
  // Three exchanges of each of two workers: one good, one missing file, one failure of ours.
  static void record(const ExchangeLogs& logs) {
    for (size_t worker = 0; worker < 2; ++worker) {
      http::ExchangeLog* log = logs.of_worker(worker);
      if (log == nullptr) continue;
      http::ExchangeRecord one = typical_record();
      log->record(one);
      one.status = 404;
      one.cause = "no such file";
      log->record(one);
      one.status = 500;
      one.cause = "file system error";
      log->record(one);
    }
  }

  std::string folder_;
};

TEST_F(ExchangeLogsTest, ErrorsGoToBothLogs) {
  ExchangeLogs logs;
  ASSERT_EQ(logs.open({.access = path("access"), .errors = path("errors")}, 2, 65536), "");
  record(logs);
  logs.close();
  EXPECT_EQ(lines("access"), 6u);
  EXPECT_EQ(lines("errors"), 2u);
}

TEST_F(ExchangeLogsTest, RefusalsGoToTheErrorLogWhereTheyAreAskedFor) {
  ExchangeLogs logs;
  ASSERT_EQ(logs.open({.access = "off", .errors = path("errors"), .all_errors = true}, 2, 65536),
            "");
  record(logs);
  logs.close();
  EXPECT_EQ(lines("errors"), 4u);
}

TEST_F(ExchangeLogsTest, WithoutAnErrorLogTheAccessLogIsAlone) {
  ExchangeLogs logs;
  ASSERT_EQ(logs.open({.access = path("access"), .errors = "off"}, 2, 65536), "");
  record(logs);
  logs.close();
  EXPECT_EQ(lines("access"), 6u);
}

TEST_F(ExchangeLogsTest, FailedHandshakesGoToTheErrorLogAlone) {
  tls::ServedHandshake served(traced_options());
  static_cast<void>(served.give("GET / HTTP/1.1\r\n\r\n"));
  const http::HandshakeRecord failed = record_of(served, http::HandshakeEnd::clear_text);
  for (const std::string& access : {path("access"), std::string("off")}) {
    for (const std::string& errors : {path("errors"), std::string("off")}) {
      ExchangeLogs logs;
      ASSERT_EQ(logs.open({.access = access, .errors = errors, .error_format = "json"}, 1, 65536),
                "");
      if (logs.of_worker(0) != nullptr) logs.of_worker(0)->handshake(failed);
      logs.close();
      EXPECT_EQ(lines("access"), 0u);
      EXPECT_EQ(lines("errors"), errors == "off" ? 0u : 2u) << "the failure and its trace";
      std::filesystem::remove(path("errors"));
    }
  }
}

TEST_F(ExchangeLogsTest, TheErrorLogMayHaveAnObjectALine) {
  ExchangeLogs logs;
  ASSERT_EQ(
      logs.open({.access = "off", .errors = path("errors"), .error_format = "json"}, 2, 65536), "");
  record(logs);
  logs.close();
  std::ifstream file(path("errors"));
  for (std::string line; std::getline(file, line);)
    EXPECT_TRUE(line.starts_with("{\"time\":") && line.ends_with('}')) << line;
  EXPECT_EQ(lines("errors"), 2u);
}

TEST_F(ExchangeLogsTest, NobodyRecordsWhatNobodyWants) {
  ExchangeLogs logs;
  ASSERT_EQ(logs.open({.access = "off", .errors = "off"}, 2, 65536), "");
  EXPECT_EQ(logs.of_worker(0), nullptr);
  EXPECT_EQ(logs.of_worker(1), nullptr);
  logs.close();
}

TEST_F(ExchangeLogsTest, EitherMayBeWrong) {
  ExchangeLogs first;
  EXPECT_NE(first.open({.access = path("no/such/folder"), .errors = "off"}, 1, 65536), "");
  ExchangeLogs second;
  const std::string error =
      second.open({.access = "off", .errors = path("no/such/folder")}, 1, 65536);
  EXPECT_NE(error.find(path("no/such/folder")), std::string::npos) << error;
}

}  // namespace
}  // namespace sluice::ops
