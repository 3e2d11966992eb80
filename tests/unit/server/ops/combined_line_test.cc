// The combined format's line, octet for octet: other people's tools read it.
#include "server/ops/combined_line.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "unit/server/ops/records.h"

namespace sluice::ops {
namespace {

std::string line_of(const http::ExchangeRecord& record) {
  CachedDate date(CachedDate::Form::common);
  const size_t bound = combined_bound(record);
  std::vector<char> room(bound + 16, '#');
  const char* end = render_combined(room.data(), record, date);
  EXPECT_LE(static_cast<size_t>(end - room.data()), bound);
  EXPECT_EQ(std::string(room.data() + bound, 16), std::string(16, '#')) << "wrote beyond its bound";
  return {room.data(), static_cast<size_t>(end - room.data())};
}

TEST(CombinedLine, IsWhatNginxWrites) {
  EXPECT_EQ(line_of(typical_record()),
            "127.0.0.1 - - [31/Jan/2026:12:03:04 +0000] \"GET /index.html HTTP/1.1\" 200 1234 "
            "\"http://localhost:8080/\" \"Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 "
            "Firefox/115.0\"\n");
}

TEST(CombinedLine, ShowsADashForWhatIsNotKnown) {
  http::ExchangeRecord record;
  record.peer = "2001:db8::1";
  record.status = 400;
  record.wall_microseconds = 0;
  EXPECT_EQ(line_of(record),
            "2001:db8::1 - - [01/Jan/1970:00:00:00 +0000] \"-\" 400 0 \"-\" \"-\"\n");
  record.status = 0;
  EXPECT_NE(line_of(record).find(" 000 0 "), std::string::npos);
}

// nginx 1.22, ngx_http_log_escape: quotes, backslashes, controls and octets from 0x7F on.
TEST(CombinedLine, EscapesWhatAClientMayNotWrite) {
  http::ExchangeRecord record = typical_record();
  record.target = "/a\"b\\c";
  record.user_agent = "x\n127.0.0.1 - - \x1b[31m\x7f\xc3\xa9";
  const std::string line = line_of(record);
  EXPECT_NE(line.find(R"("GET /a\x22b\x5Cc HTTP/1.1")"), std::string::npos) << line;
  EXPECT_NE(line.find(R"("x\x0A127.0.0.1 - - \x1B[31m\x7F\xC3\xA9")"), std::string::npos) << line;
  EXPECT_EQ(line.find('\n'), line.size() - 1);
}

TEST(CombinedLine, KeepsItsBoundWithHostileText) {
  http::ExchangeRecord record = typical_record();
  const std::string hostile(5000, '\xff');
  record.method = record.target = record.protocol = record.referer = record.user_agent = hostile;
  EXPECT_GT(line_of(record).size(), 5U * 4 * 5000);
}

}  // namespace
}  // namespace sluice::ops
