// What is learned of idle times: what was announced, what was seen to close, what was seen to live.
#include "server/handler/proxy/kept_time.h"

#include <gtest/gtest.h>

namespace sluice::handler::proxy {
namespace {

using namespace std::chrono_literals;

constexpr net::Time kNow{1000s};
constexpr net::Time kLater = kNow + KeptTime::kBarred;

TEST(KeptTime, BeginsWithWhatTheLimitSays) { EXPECT_EQ(KeptTime(4s).usable(), 4s); }

TEST(KeptTime, AnAnnouncedTimeIsTakenLessAMargin) {
  KeptTime kept(4s);
  kept.on_announced(5s);
  EXPECT_EQ(kept.usable(), 4s);
  kept.on_announced(1s);
  EXPECT_EQ(kept.usable(), 800ms);
  kept.on_announced(0s);
  EXPECT_EQ(kept.usable(), 0ms);
  kept.on_announced(3600s);
  EXPECT_EQ(kept.usable(), KeptTime::kMost);
}

TEST(KeptTime, AnAgeAtWhichItClosedIsTooOld) {
  KeptTime kept(4s);
  kept.on_closed(2s, kNow);
  EXPECT_EQ(kept.usable(), 1500ms);
  kept.on_closed(10s, kNow);
  EXPECT_EQ(kept.usable(), 1500ms) << "an earlier close says more";
}

TEST(KeptTime, HalfTheAgeThatOneLivedThroughIsNot) {
  KeptTime kept(4s);
  kept.on_survived(6s);
  EXPECT_EQ(kept.usable(), 4s);
  kept.on_survived(20s);
  EXPECT_EQ(kept.usable(), 10s);
  kept.on_survived(600s);
  EXPECT_EQ(kept.usable(), KeptTime::kMost);
}

TEST(KeptTime, ARestartIsForgottenAgain) {
  KeptTime kept(4s);
  kept.on_closed(10ms, kNow);
  EXPECT_LT(kept.usable(), 10ms);
  kept.on_survived(2s);
  EXPECT_EQ(kept.usable(), 1s);
}

TEST(KeptTime, WhatIsAnnouncedIsNotTriedOut) {
  KeptTime kept(4s);
  kept.on_announced(5s);
  kept.on_survived(60s);
  EXPECT_EQ(kept.usable(), 4s);
}

TEST(KeptTime, WhoClosesEarlyHasShownNothingForAWhile) {
  KeptTime kept(4s);
  kept.on_survived(800ms);
  kept.on_closed(900ms, kNow);
  EXPECT_EQ(kept.shown(kNow), 0s);
  EXPECT_EQ(kept.shown(kLater - 1ms), 0s);
  EXPECT_EQ(kept.shown(kLater), 225ms);
}

TEST(KeptTime, NothingIsShownAtFirst) { EXPECT_EQ(KeptTime(4s).shown(kNow), 0s); }

TEST(KeptTime, AnAgeIsShownByWhoLivesThroughIt) {
  KeptTime kept(4s);
  kept.on_survived(250ms);
  EXPECT_EQ(kept.shown(kLater), 250ms);
  kept.on_survived(100ms);
  EXPECT_EQ(kept.shown(kLater), 250ms);
  kept.on_closed(400ms, kNow);
  EXPECT_EQ(kept.shown(kLater), 100ms) << "a quarter of the age at which one was closed";
}

}  // namespace
}  // namespace sluice::handler::proxy
