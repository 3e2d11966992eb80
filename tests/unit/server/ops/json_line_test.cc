// A line of JSON says what the record says, and stays JSON whatever a client wrote into it.
#include "server/ops/json_line.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "unit/server/ops/records.h"

namespace sluice::ops {
namespace {

using nlohmann::json;

// The line, checked to keep its bound.
std::string line_of(const http::ExchangeRecord& record) {
  CachedDate date(CachedDate::Form::rfc3339);
  const size_t bound = json_bound(record);
  std::vector<char> room(bound + 16, '#');
  const char* end = render_json(room.data(), record, date);
  const auto size = static_cast<size_t>(end - room.data());
  EXPECT_LE(size, bound);
  EXPECT_EQ(std::string(room.data() + bound, 16), std::string(16, '#')) << "wrote beyond its bound";
  return {room.data(), size};
}

// The line parsed; discarded() when it is no single line of valid JSON.
json parsed(const std::string& line) {
  if (line.empty() || line.find('\n') != line.size() - 1) return json(json::value_t::discarded);
  return json::parse(line, nullptr, false);
}

std::string escaped(std::string_view text) {
  std::string room(6 * text.size() + 1, '#');
  const char* end = escape_json(room.data(), text);
  EXPECT_EQ(room.back(), '#');
  return room.substr(0, static_cast<size_t>(end - room.data()));
}

TEST(JsonLine, HasItsKeysInOrder) {
  EXPECT_EQ(
      line_of(typical_record()),
      R"({"time":"2026-01-31T12:03:04.123Z","remote":"127.0.0.1","method":"GET",)"
      R"("host":"localhost:8080","target":"/index.html","protocol":"HTTP/1.1","status":200,)"
      R"("octets":1234,"duration_ms":0.321,)"
      R"("user_agent":"Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Firefox/115.0",)"
      R"("referer":"http://localhost:8080/"})"
      "\n");
}

TEST(JsonLine, SaysWhatIsUnusualOnlyThen) {
  http::ExchangeRecord record = typical_record();
  EXPECT_EQ(parsed(line_of(record)).count("complete"), 0U);
  record.complete = false;
  record.cause = "the head took too long";
  record.phase = "head";
  record.limit = "head_timeout";
  record.rule = "sluice.toml:7";
  record.request_id = "0123456789abcdef";
  const json line = parsed(line_of(record));
  EXPECT_EQ(line["rule"], "sluice.toml:7");
  EXPECT_EQ(line["id"], "0123456789abcdef");
  EXPECT_EQ(line["complete"], false);
  EXPECT_EQ(line["cause"], "the head took too long");
  EXPECT_EQ(line["phase"], "head");
  EXPECT_EQ(line["limit"], "head_timeout");
}

TEST(JsonLine, NamesTlsAndTheClientWhereThereAreAny) {
  http::ExchangeRecord record = typical_record();
  EXPECT_EQ(parsed(line_of(record)).count("tls"), 0U);
  EXPECT_EQ(parsed(line_of(record)).count("client"), 0U);
  record.tls = "TLSv1.3";
  EXPECT_EQ(parsed(line_of(record))["tls"], "TLSv1.3");
  EXPECT_EQ(parsed(line_of(record)).count("client"), 0U);
  record.client_subject = R"(CN=Doe\, \"Jane\",O=Example)";
  EXPECT_EQ(parsed(line_of(record))["client"], R"(CN=Doe\, \"Jane\",O=Example)");
}

TEST(JsonLine, TakesEmptyAndExtremeRecords) {
  const json empty = parsed(line_of({}));
  ASSERT_FALSE(empty.is_discarded());
  EXPECT_EQ(empty["time"], "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(empty["target"], "");
  http::ExchangeRecord record;
  record.status = -1;
  record.octets = UINT64_MAX;
  record.duration = std::chrono::microseconds::max();
  record.wall_microseconds = INT64_MAX;
  record.complete = false;
  record.cause = record.phase = record.limit = "x";
  const json line = parsed(line_of(record));
  ASSERT_FALSE(line.is_discarded());
  EXPECT_EQ(line["octets"], UINT64_MAX);
  EXPECT_EQ(line["time"], "9999-12-31T23:59:59.775Z");
  record.wall_microseconds = INT64_MIN;
  record.duration = std::chrono::microseconds::min();
  EXPECT_EQ(parsed(line_of(record))["duration_ms"], 0.0);
}

TEST(JsonLine, EscapesWhatRfc8259WantsEscaped) {
  EXPECT_EQ(escaped("plain text, longer than eight"), "plain text, longer than eight");
  EXPECT_EQ(escaped("a\"b\\c/d"), R"(a\"b\\c/d)");
  EXPECT_EQ(escaped(std::string_view("\0\t\n\r\x1f", 5)), R"(\u0000\u0009\u000a\u000d\u001f)");
}

TEST(JsonLine, LetsNoControlReachATerminal) {
  EXPECT_EQ(escaped("\x1b[31m\x7f"), R"(\u001b[31m\u007f)");
  EXPECT_EQ(escaped("\xc2\x9b"), R"(\u009b)") << "C1: a control sequence introducer";
}

TEST(JsonLine, KeepsUtf8AndTellsOtherOctets) {
  EXPECT_EQ(escaped("gr\xc3\xbc\xc3\x9f, \xe2\x82\xac, \xf0\x9f\x98\x80"),
            "gr\xc3\xbc\xc3\x9f, \xe2\x82\xac, \xf0\x9f\x98\x80");
  EXPECT_EQ(escaped("\xff\xc3"), R"(\u00ff\u00c3)");
  EXPECT_EQ(escaped("\xc0\xaf"), R"(\u00c0\u00af)") << "overlong";
  EXPECT_EQ(escaped("\xed\xa0\x80"), R"(\u00ed\u00a0\u0080)") << "surrogate";
  EXPECT_EQ(escaped("\xf4\x90\x80\x80"), R"(\u00f4\u0090\u0080\u0080)") << "above U+10FFFF";
}

// The step of eight must find a special octet at every place, and none where none is.
TEST(JsonLine, EscapesAtEveryOffset) {
  for (int octet = 0; octet < 256; ++octet) {
    const std::string one(1, static_cast<char>(octet));
    const std::string alone = escaped(one);
    for (size_t before = 0; before < 17; ++before) {
      const std::string around(before, 'a');
      ASSERT_EQ(escaped(around + one + "bcdefghijkl"), around + alone + "bcdefghijkl")
          << octet << " at " << before;
    }
  }
}

TEST(JsonLine, IsValidForAnyOctets) {
  std::mt19937 random(11);
  for (int round = 0; round < 3000; ++round) {
    std::string noise(random() % 200, '\0');
    for (char& c : noise)
      c = static_cast<char>(random() % 3 == 0 ? random() % 256 : 0x20 + random() % 0x60);
    http::ExchangeRecord record = typical_record();
    record.target = noise;
    record.user_agent = noise;
    record.method = std::string_view(noise).substr(0, 10);
    record.authority = std::string_view(noise).substr(noise.size() / 2);
    ASSERT_FALSE(parsed(line_of(record)).is_discarded()) << line_of(record);
  }
}

TEST(JsonLine, RendersTheDateOnceASecond) {
  CachedDate date(CachedDate::Form::rfc3339);
  EXPECT_EQ(date.at(0), "1970-01-01T00:00:00");
  EXPECT_EQ(date.at(951'782'400), "2000-02-29T00:00:00");
  EXPECT_EQ(date.at(951'782'401), "2000-02-29T00:00:01");
  EXPECT_EQ(date.at(0), "1970-01-01T00:00:00") << "a clock may be set back";
}

}  // namespace
}  // namespace sluice::ops
