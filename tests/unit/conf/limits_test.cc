// The table of limits: complete, in the struct's order, and read back as it is written.
#include "conf/limits.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>

namespace sluice::conf {
namespace {

// Where a limit's field lies in the struct, in fields from its beginning.
size_t place(const LimitInfo& info) {
  static Limits limits;
  const char* base = reinterpret_cast<const char*>(&limits);
  const char* field = info.number != nullptr
                          ? reinterpret_cast<const char*>(&(limits.*(info.number)))
                          : reinterpret_cast<const char*>(&(limits.*(info.time)));
  return static_cast<size_t>(field - base) / sizeof(uint64_t);
}

const LimitInfo& find(std::string_view name) {
  for (const LimitInfo& info : all_limits()) {
    if (info.name == name) return info;
  }
  ADD_FAILURE() << "no limit " << name;
  return all_limits().front();
}

TEST(Limits, EveryFieldHasItsLineInTheStructsOrder) {
  static_assert(sizeof(milliseconds) == sizeof(uint64_t));
  EXPECT_EQ(all_limits().size(), sizeof(Limits) / sizeof(uint64_t));
  size_t expected = 0;
  for (const LimitInfo& info : all_limits()) EXPECT_EQ(place(info), expected++) << info.name;
}

TEST(Limits, EveryLineSaysWhyAndWhatAnswers) {
  std::set<std::string_view> names;
  for (const LimitInfo& info : all_limits()) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_FALSE(info.reason.empty()) << info.name;
    EXPECT_FALSE(info.answer.empty()) << info.name;
    EXPECT_NE(info.number == nullptr, info.time == nullptr) << info.name;
    EXPECT_EQ(info.time != nullptr, info.unit == Unit::time) << info.name;
  }
}

TEST(Limits, EveryDefaultLiesInItsRangeAndIsReadBackAsItIsWritten) {
  const Limits defaults;
  for (const LimitInfo& info : all_limits()) {
    Limits limits;
    std::memset(static_cast<void*>(&limits), 0, sizeof limits);
    const std::string text = limit_text(defaults, info);
    EXPECT_EQ(set_limit(limits, std::string(info.name) + "=" + text), "") << info.name;
    EXPECT_EQ(limit_text(limits, info), text) << info.name;
    if (info.number != nullptr) {
      EXPECT_EQ(limits.*(info.number), defaults.*(info.number)) << info.name;
    } else {
      EXPECT_EQ(limits.*(info.time), defaults.*(info.time)) << info.name;
    }
  }
}

TEST(Limits, SettingOneTouchesNoOther) {
  for (const LimitInfo& info : all_limits()) {
    Limits limits;
    const Limits defaults;
    const std::string value =
        std::to_string(info.least == 0 ? 1 : info.least) + (info.time != nullptr ? "ms" : "");
    ASSERT_EQ(set_limit(limits, std::string(info.name) + "=" + value), "");
    for (const LimitInfo& other : all_limits()) {
      if (other.name == info.name) continue;
      EXPECT_EQ(limit_text(limits, other), limit_text(defaults, other))
          << info.name << " changed " << other.name;
    }
  }
}

TEST(Limits, TextTakesTheLargestUnitThatDivides) {
  const Limits limits{};
  EXPECT_EQ(limit_text(limits, find("request_line")), "8KiB");
  EXPECT_EQ(limit_text(limits, find("held_bytes")), "64MiB");
  EXPECT_EQ(limit_text(limits, find("chunk_line")), "256");
  EXPECT_EQ(limit_text(limits, find("fields")), "100");
  EXPECT_EQ(limit_text(limits, find("connections")), "0");
  EXPECT_EQ(limit_text(limits, find("idle_timeout")), "75s");
  EXPECT_EQ(limit_text(limits, find("connection_life")), "1h");
  EXPECT_EQ(limit_text(limits, find("accept_pause")), "100ms");
}

TEST(Limits, ReadsEveryUnit) {
  Limits limits;
  EXPECT_EQ(set_limit(limits, "body=512"), "");
  EXPECT_EQ(limits.body, 512u);
  EXPECT_EQ(set_limit(limits, "body=3KiB"), "");
  EXPECT_EQ(limits.body, 3072u);
  EXPECT_EQ(set_limit(limits, "body=2GiB"), "");
  EXPECT_EQ(limits.body, uint64_t{2} << 30);
  EXPECT_EQ(set_limit(limits, "head_timeout=500ms"), "");
  EXPECT_EQ(limits.head_timeout, milliseconds(500));
  EXPECT_EQ(set_limit(limits, "head_timeout=2m"), "");
  EXPECT_EQ(limits.head_timeout, milliseconds(120'000));
  EXPECT_EQ(set_limit(limits, "connection_life=1h"), "");
  EXPECT_EQ(limits.connection_life, milliseconds(3'600'000));
}

TEST(Limits, RefusesWhatIsNoValueAndLeavesTheLimit) {
  const Limits defaults;
  for (const char* text : {"body",
                           "body=",
                           "body=x",
                           "body=-1",
                           "body=+1",
                           "body= 1",
                           "body=1 KiB",
                           "body=1kb",
                           "body=1.5MiB",
                           "body=10s",
                           "body=18446744073709551616",
                           "body=18446744073709551615",
                           "body=99999999999GiB",
                           "head_timeout=10",
                           "head_timeout=10KiB",
                           "head_timeout=0s",
                           "head_timeout=9000h",
                           "fields=1KiB",
                           "fields=0",
                           "turn_read=0",
                           "head=65KiB",
                           "=1"}) {
    Limits limits;
    EXPECT_NE(set_limit(limits, text), "") << text;
    EXPECT_EQ(limits.body, defaults.body) << text;
    EXPECT_EQ(limits.head_timeout, defaults.head_timeout) << text;
    EXPECT_EQ(limits.fields, defaults.fields) << text;
    EXPECT_EQ(limits.head, defaults.head) << text;
  }
}

TEST(Limits, ErrorsSayWhatWasExpected) {
  Limits limits;
  EXPECT_EQ(set_limit(limits, "head_timeout=10"),
            "limit 'head_timeout' is '10': expected a time such as 500ms, 10s, 2m or 1h");
  EXPECT_EQ(set_limit(limits, "head=1MiB"),
            "limit 'head' must be at least 64 and at most 64KiB, and is '1MiB'");
  EXPECT_EQ(set_limit(limits, "turn_read=0"), "limit 'turn_read' must be at least 1, and is '0'");
  EXPECT_EQ(set_limit(limits, "head"),
            "'head' is not a limit: expected NAME=VALUE, for example head_timeout=10s");
}

TEST(Limits, AnUnknownNameGetsTheNearestOne) {
  Limits limits;
  EXPECT_EQ(set_limit(limits, "idle_timout=1s"),
            "there is no limit named 'idle_timout'; did you mean 'idle_timeout'?");
  EXPECT_EQ(set_limit(limits, "request-line=1"),
            "there is no limit named 'request-line'; did you mean 'request_line'?");
  EXPECT_EQ(set_limit(limits, "banana_split=1"), "there is no limit named 'banana_split'");
}

}  // namespace
}  // namespace sluice::conf
