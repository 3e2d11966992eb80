// The error log's line, and which exchanges deserve one.
#include "server/ops/error_line.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "unit/server/ops/records.h"

namespace sluice::ops {
namespace {

std::string line_of(const http::ExchangeRecord& record) {
  CachedDate date(CachedDate::Form::rfc3339);
  const size_t bound = error_bound(record);
  std::vector<char> room(bound + 16, '#');
  const char* end = render_error(room.data(), record, date);
  EXPECT_LE(static_cast<size_t>(end - room.data()), bound);
  EXPECT_EQ(std::string(room.data() + bound, 16), std::string(16, '#')) << "wrote beyond its bound";
  return {room.data(), static_cast<size_t>(end - room.data())};
}

http::ExchangeRecord too_large() {
  http::ExchangeRecord record = typical_record();
  record.method = "POST";
  record.target = "/upload";
  record.status = 413;
  record.cause = "content over the route's limit";
  record.limit = "body";
  record.rule = "sluice.toml:12";
  record.request_id = "4bf92f3577b34da6a3ce929d0e0e4736";
  return record;
}

TEST(ErrorLine, SaysWhenWhatWhyAndWhere) {
  EXPECT_EQ(line_of(too_large()),
            "2026-01-31T12:03:04.123Z error 413 POST localhost:8080/upload: content over the "
            "route's limit (limit body, by sluice.toml:12) peer=127.0.0.1 "
            "id=4bf92f3577b34da6a3ce929d0e0e4736\n");
}

TEST(ErrorLine, LeavesOutWhatIsNotKnown) {
  http::ExchangeRecord record;
  record.wall_microseconds = 1'769'860'984'123'456;
  record.complete = false;
  record.cause = "file ended early";
  EXPECT_EQ(line_of(record), "2026-01-31T12:03:04.123Z error (cut): file ended early\n");
}

TEST(ErrorLine, CannotBeForgedByAClient) {
  http::ExchangeRecord record = too_large();
  const std::string hostile = "/\n2026-01-31T12:03:04.123Z error 500 \x1b]0;owned\x07";
  record.target = hostile;
  record.authority = record.request_id = hostile;
  const std::string line = line_of(record);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_EQ(line.find('\x1b'), std::string::npos);
}

TEST(ErrorLine, IsForFailuresLimitsAndCuts) {
  http::ExchangeRecord record = typical_record();
  EXPECT_FALSE(is_error(record));
  record.status = 404;
  record.cause = "no such file";
  EXPECT_FALSE(is_error(record));
  EXPECT_TRUE(is_refusal(record));
  record.limit = "fields";
  EXPECT_TRUE(is_error(record));
  record.limit = {};
  record.status = 503;
  EXPECT_TRUE(is_error(record));
  record.status = 200;
  record.complete = false;
  EXPECT_TRUE(is_error(record));
  record.peer_left = true;  // nothing an operator could do
  EXPECT_FALSE(is_error(record));
}

}  // namespace
}  // namespace sluice::ops
