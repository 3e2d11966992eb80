// What reaches the error log: what an operator should hear of, at a bounded rate.
#include "server/ops/error_log.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "unit/server/ops/handshake_records.h"
#include "unit/server/ops/records.h"

namespace sluice::ops {
namespace {

class Counter final : public http::ExchangeLog {
 public:
  void record(const http::ExchangeRecord&) override { ++count; }
  void handshake(const http::HandshakeRecord&) override { ++handshakes; }
  int count = 0;
  int handshakes = 0;
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

TEST_F(ErrorFilterTest, WantsWhatWentWellOnlyForAnAccessLog) {
  EXPECT_FALSE(ErrorFilter(ErrorLevel::info, log, nullptr).wants_all());
  EXPECT_TRUE(ErrorFilter(ErrorLevel::info, log, &all).wants_all());
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

// --- Handshakes ----------------------------------------------------------------------------------

using http::HandshakeEnd;

TEST_F(ErrorFilterTest, HasALineForAFailedHandshakeAndNoneForOthers) {
  ErrorFilter filter(ErrorLevel::error, log, &all);
  tls::ServedHandshake served;
  filter.handshake(record_of(served, HandshakeEnd::left));
  static_cast<void>(served.give("GET / HTTP/1.1\r\n\r\n"));
  filter.handshake(record_of(served, HandshakeEnd::clear_text));
  filter.handshake(record_of(served, HandshakeEnd::established));
  EXPECT_EQ(all.handshakes, 3) << "they are passed on";
  const std::vector<std::string> found = lines();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_NE(found[0].find(" error handshake failed: plain HTTP on a TLS port"), std::string::npos)
      << found[0];
}

TEST_F(ErrorFilterTest, CountsFailedHandshakesThatAreTooMany) {
  ErrorFilter filter(ErrorLevel::error, log, nullptr);
  const tls::ServedHandshake served;
  http::HandshakeRecord record = record_of(served, HandshakeEnd::timed_out);
  for (int i = 0; i < 1000; ++i) filter.handshake(record);
  record.peer = "192.0.2.2";
  filter.handshake(record);
  filter.record(answered(500, "file system error"));
  const std::vector<std::string> found = lines();
  ASSERT_EQ(found.size(), HandshakeBudget::kOfOneAddress + 2);
  EXPECT_NE(found[found.size() - 2].find("peer=192.0.2.2"), std::string::npos);
  EXPECT_NE(found.back().find("error 500"), std::string::npos) << "other errors show as before";

  record.wall_microseconds += 1'000'000;
  filter.handshake(record);
  const std::vector<std::string> next = lines();
  ASSERT_EQ(next.size(), 2U);
  EXPECT_NE(next[0].find("997 more failed handshakes of one second were left out"),
            std::string::npos)
      << next[0];
}

TEST_F(ErrorFilterTest, TracesEveryHandshakeOfAListenerThatAsksForIt) {
  ErrorFilter filter(ErrorLevel::error, log, nullptr);
  tls::ServedHandshake good(traced_options());
  ASSERT_EQ(good.run(), tls::Session::Status::done);
  filter.handshake(record_of(good, HandshakeEnd::established));
  const std::vector<std::string> established = lines();
  ASSERT_GT(established.size(), 10U);
  EXPECT_NE(established[0].find("info handshake trace: established"), std::string::npos);

  tls::ServedHandshake bad(traced_options());
  static_cast<void>(bad.give("\x16\x03\x01"));
  filter.handshake(record_of(bad, HandshakeEnd::timed_out));
  const std::vector<std::string> failed = lines();
  ASSERT_GE(failed.size(), 2U);
  EXPECT_NE(failed[0].find("error handshake failed: timed out"), std::string::npos);
  EXPECT_NE(failed[1].find("info handshake trace: timed out"), std::string::npos);
}

}  // namespace
}  // namespace sluice::ops
