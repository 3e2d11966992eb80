// The line for people: its columns, its units, and that no client can steer the terminal.
#include "server/ops/text_line.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "unit/server/ops/records.h"

namespace sluice::ops {
namespace {

std::string line_of(const http::ExchangeRecord& record, bool colour = false) {
  CachedDate date(CachedDate::Form::local_clock);
  const size_t bound = text_bound(record);
  std::vector<char> room(bound + 16, '#');
  const char* end = render_text(room.data(), record, date, colour);
  const auto size = static_cast<size_t>(end - room.data());
  EXPECT_LE(size, bound);
  EXPECT_EQ(std::string(room.data() + bound, 16), std::string(16, '#')) << "wrote beyond its bound";
  return {room.data(), size};
}

// Without the time of day, which depends on the zone.
std::string after_clock(const http::ExchangeRecord& record) { return line_of(record).substr(9); }

std::string with_octets(uint64_t octets) {
  http::ExchangeRecord record = typical_record();
  record.octets = octets;
  return after_clock(record).substr(44, 9);
}

TEST(TextLine, HasAlignedColumns) {
  const std::string line = line_of(typical_record());
  EXPECT_TRUE(line[2] == ':' && line[5] == ':' && line[8] == ' ') << line;
  EXPECT_EQ(after_clock(typical_record()),
            "200 GET     /index.html                        1.2 kB     0.3 ms 127.0.0.1\n");
}

TEST(TextLine, ScalesItsUnits) {
  EXPECT_EQ(with_octets(0), "      0 B");
  EXPECT_EQ(with_octets(999), "    999 B");
  EXPECT_EQ(with_octets(1000), "   1.0 kB");
  EXPECT_EQ(with_octets(999'999), " 999.9 kB");
  EXPECT_EQ(with_octets(1'000'000), "   1.0 MB");
  EXPECT_EQ(with_octets(5'300'000'000), "   5.3 GB");
  http::ExchangeRecord record = typical_record();
  record.duration = std::chrono::seconds(75);
  EXPECT_NE(line_of(record).find("  75.0 s 127"), std::string::npos);
}

TEST(TextLine, SaysWhatIsUnusual) {
  http::ExchangeRecord record = typical_record();
  record.complete = false;
  record.cause = "the client went away";
  record.phase = "response";
  record.limit = "send_timeout";
  EXPECT_TRUE(line_of(record).ends_with(
      " 127.0.0.1 cut cause: the client went away phase: response limit: send_timeout\n"));
  record.status = 0;
  EXPECT_EQ(after_clock(record).substr(0, 4), "--- ");
}

TEST(TextLine, NamesTheClientThatShowedACertificate) {
  http::ExchangeRecord record = typical_record();
  record.tls = "TLSv1.3";
  record.client_subject = "CN=Jane Doe,O=Example";
  EXPECT_TRUE(line_of(record).ends_with(" 127.0.0.1 client: CN=Jane Doe,O=Example\n"));
  record.client_subject = "CN=\x1b[31m";
  EXPECT_TRUE(line_of(record).ends_with(" client: CN=\\x1b[31m\n"));
}

TEST(TextLine, ColoursOnlyWhenAsked) {
  EXPECT_EQ(line_of(typical_record()).find('\x1b'), std::string::npos);
  EXPECT_NE(line_of(typical_record(), true).find("\x1b[32m200\x1b[0m"), std::string::npos);
  http::ExchangeRecord record = typical_record();
  record.status = 404;
  EXPECT_NE(line_of(record, true).find("\x1b[33m404"), std::string::npos);
  record.status = 502;
  EXPECT_NE(line_of(record, true).find("\x1b[31m502"), std::string::npos);
}

TEST(TextLine, LetsNoControlReachATerminal) {
  std::mt19937 random(5);
  for (int round = 0; round < 2000; ++round) {
    std::string noise(1 + random() % 100, '\0');
    for (char& c : noise) c = static_cast<char>(random() % 256);
    http::ExchangeRecord record = typical_record();
    record.target = record.method = record.cause = record.peer = noise;
    const std::string line = line_of(record);
    for (char c : line.substr(0, line.size() - 1)) ASSERT_TRUE(c >= ' ' && c <= '~') << line;
  }
  http::ExchangeRecord record = typical_record();
  record.target = "/\x1b]0;title\x07 x\\";
  EXPECT_NE(line_of(record).find("/\\x1b]0;title\\x07\\x20x\\x5c"), std::string::npos);
}

}  // namespace
}  // namespace sluice::ops
