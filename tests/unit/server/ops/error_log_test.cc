// What reaches the error log: what an operator should hear of, at a bounded rate.
#include "server/ops/error_log.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "unit/server/ops/records.h"

namespace sluice::ops {
namespace {

class Counter final : public http::ExchangeLog {
 public:
  void record(const http::ExchangeRecord&) override { ++count; }
  int count = 0;
};

class ErrorFilterTest : public ::testing::Test {
 protected:
  std::vector<std::string> lines() {
    std::vector<std::string> found;
    const LogRing::Readable now = log.ring().readable();
    std::string text(now.first);
    text.append(now.second);
    log.ring().release(text.size());
    for (size_t at = 0; at < text.size();) {
      const size_t end = text.find('\n', at);
      found.push_back(text.substr(at, end - at));
      at = end + 1;
    }
    return found;
  }
  static http::ExchangeRecord answered(int status, std::string_view cause) {
    http::ExchangeRecord record = typical_record();
    record.status = status;
    record.cause = cause;
    return record;
  }

  Bell bell;
  WorkerLog log{LineForm::error, 1 << 20, bell};
  Counter all;
};

TEST_F(ErrorFilterTest, PassesEverythingOnAndKeepsErrors) {
  ErrorFilter filter(ErrorLevel::error, log, &all);
  filter.record(typical_record());
  filter.record(answered(404, "no such file"));
  filter.record(answered(500, "file system error"));
  EXPECT_EQ(all.count, 3);
  const std::vector<std::string> found = lines();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_NE(found[0].find("error 500 GET localhost:8080/index.html: file system error"),
            std::string::npos)
      << found[0];
}

TEST_F(ErrorFilterTest, KeepsRefusalsWhenAskedFor) {
  ErrorFilter filter(ErrorLevel::info, log, nullptr);
  filter.record(answered(404, "no such file"));
  const std::vector<std::string> found = lines();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_NE(found[0].find("Z info 404 "), std::string::npos) << found[0];
}

TEST_F(ErrorFilterTest, LeavesOutWhatNobodyCouldReadAndSaysSo) {
  ErrorFilter filter(ErrorLevel::error, log, nullptr);
  http::ExchangeRecord record = answered(503, "helpers have too much to do");
  for (uint64_t i = 0; i < ErrorFilter::kLinesASecond + 7; ++i) filter.record(record);
  EXPECT_EQ(lines().size(), ErrorFilter::kLinesASecond);
  record.wall_microseconds += 1'000'000;
  filter.record(record);
  const std::vector<std::string> found = lines();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_NE(found[0].find("7 more lines of one second were left out"), std::string::npos)
      << found[0];
}

}  // namespace
}  // namespace sluice::ops
