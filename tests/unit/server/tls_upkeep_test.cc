// Ticket keys and certificates as hours go by; the hours are made up.
#include "server/tls_upkeep.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "unit/server/handler/files/files_fixture.h"
#include "unit/server/net/sockets.h"

namespace sluice {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;

class TlsUpkeepTest : public ::testing::Test {
 protected:
  TlsUpkeepTest() {
    write("one");
    follow({file_});
  }
  // Another file each time.
  void write(std::string_view text) const {
    std::ofstream(file_ + "~") << text;
    std::filesystem::rename(file_ + "~", file_);
  }
  void follow(std::vector<std::string> paths) {
    ops::ChangedFiles files;
    files.follow(std::move(paths));
    upkeep_.follow(std::move(files));
  }
  void look_after(net::Clock::duration time) { upkeep_.look(start_ + time); }

  const handler::TemporaryFolder folder_;
  const std::string file_ = (folder_.path() / "chain.pem").string();
  net::Loop loop_;
  const net::Time start_ = loop_.now();
  int readings_ = 0;
  bool succeeds_ = true;
  TlsUpkeep upkeep_{loop_, milliseconds(10), [this] {
                      ++readings_;
                      return succeeds_;
                    }};
};

TEST_F(TlsUpkeepTest, KeysChangeEveryTwelveHours) {
  const std::shared_ptr<tls::TicketKeys> keys = upkeep_.keys();
  std::string name = keys->name();
  for (int half_day = 1; half_day <= 4; ++half_day) {
    look_after(hours(12 * half_day) - minutes(1));
    EXPECT_EQ(keys->name(), name) << half_day;
    look_after(hours(12 * half_day));
    EXPECT_NE(std::exchange(name, keys->name()), keys->name()) << half_day;
    look_after(hours(12 * half_day) + minutes(1));
    EXPECT_EQ(keys->name(), name) << half_day;
  }
  EXPECT_EQ(upkeep_.keys(), keys) << "whoever has them sees them change";
  EXPECT_EQ(keys->ring()->size(), 1 + tls::TicketKeys::kPreviousKept);
}

TEST_F(TlsUpkeepTest, FilesThatChangedAreReadAgainOnce) {
  look_after(minutes(1));
  EXPECT_EQ(readings_, 0);
  write("two");
  look_after(minutes(2));
  EXPECT_EQ(readings_, 0) << "whoever writes may not be done";
  look_after(minutes(3));
  EXPECT_EQ(readings_, 1);
  look_after(minutes(4));
  EXPECT_EQ(readings_, 1);
}

// Between looking and following lies the reading.
TEST_F(TlsUpkeepTest, WhatChangesWhileItIsReadIsNoticed) {
  ops::ChangedFiles files;
  files.follow({file_});
  write("two");
  upkeep_.follow(std::move(files));
  look_after(minutes(1));
  look_after(minutes(2));
  EXPECT_EQ(readings_, 1);
}

TEST_F(TlsUpkeepTest, OnceADayTheyAreReadInAnyCase) {
  look_after(hours(23));
  EXPECT_EQ(readings_, 0);
  look_after(hours(24));
  EXPECT_EQ(readings_, 1);
  look_after(hours(47));
  EXPECT_EQ(readings_, 1);
  look_after(hours(48));
  EXPECT_EQ(readings_, 2);
}

TEST_F(TlsUpkeepTest, AReadingPutsTheNextOneOffByADay) {
  write("two");
  look_after(hours(20));
  look_after(hours(20));
  EXPECT_EQ(readings_, 1);
  look_after(hours(43));
  EXPECT_EQ(readings_, 1);
  look_after(hours(44));
  EXPECT_EQ(readings_, 2);
}

TEST_F(TlsUpkeepTest, ItsTimerLooks) {
  write("two");
  EXPECT_TRUE(net::turn_until(loop_, [this] { return readings_ > 0; }));
  EXPECT_EQ(readings_, 1);
}

// Descriptors may have been short just then.
TEST_F(TlsUpkeepTest, WhatFailedIsTriedAgainSoon) {
  succeeds_ = false;
  look_after(hours(24));
  EXPECT_EQ(readings_, 1);
  look_after(hours(24) + minutes(1));
  EXPECT_EQ(readings_, 2);
  succeeds_ = true;
  look_after(hours(24) + minutes(2));
  EXPECT_EQ(readings_, 3);
  look_after(hours(25));
  EXPECT_EQ(readings_, 3);
}

TEST_F(TlsUpkeepTest, WithoutFilesThereIsNothingToDo) {
  EXPECT_NE(loop_.timers().until_next(loop_.now()), std::nullopt);
  follow({});
  EXPECT_EQ(loop_.timers().until_next(loop_.now()), std::nullopt);
}

}  // namespace
}  // namespace sluice
