// Flow control, both ways: nothing is pulled that no window lets out, and windows open as content
// is consumed (RFC 9113 sections 5.2 and 6.9).
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "protocol/h2/codec.h"
#include "unit/protocol/h2/pair.h"

namespace sluice::h2 {
namespace {

constexpr uint32_t kFirstWindow = 65'535;
constexpr uint32_t kFrame = 16'384;

uint64_t content_in(const std::vector<Frame>& frames, StreamId id) {
  uint64_t octets = 0;
  for (const Frame& one : frames)
    if (one.type == kData && one.stream == id) octets += one.payload.size();
  return octets;
}

// By how much WINDOW_UPDATE frames open a window.
uint64_t opened_in(const std::vector<Frame>& frames, StreamId id) {
  uint64_t octets = 0;
  for (const Frame& one : frames)
    if (one.type == kWindowUpdate && one.stream == id) octets += number_at(one.payload, 0);
  return octets;
}

class H2CodecFlow : public ::testing::Test {
 protected:
  void answer(StreamId id, Source& content) {
    ResponseHead head;
    server().codec.submit_response(id, head, {}, &content);
  }
  Server& server() { return hand_.server; }
  ByHand hand_;
};

TEST_F(H2CodecFlow, PullsNoMoreThanTheWindowLetsOut) {
  hand_.ask(get(1));
  Source content({std::string(200'000, 'x')});
  answer(1, content);
  EXPECT_FALSE(server().codec.blocked(1));
  EXPECT_EQ(content_in(server().say_frames(), 1), kFirstWindow);
  EXPECT_TRUE(server().codec.blocked(1));
  EXPECT_LE(content.pulled, kFirstWindow + kFrame);
  EXPECT_TRUE(server().say().empty());
  // The stream's alone, then the connection's.
  EXPECT_EQ(content_in(hand_.ask(frame(kWindowUpdate, 0, 1, number(1000, 4))), 1), 0U);
  EXPECT_TRUE(server().codec.blocked(1));
  EXPECT_EQ(content_in(hand_.ask(frame(kWindowUpdate, 0, 0, number(400, 4))), 1), 400U);
  EXPECT_TRUE(server().codec.blocked(1));
  EXPECT_EQ(content_in(hand_.ask(frame(kWindowUpdate, 0, 0, number(900, 4))), 1), 600U);
}

TEST_F(H2CodecFlow, SaysNothingWhileTheFirstWindowIsZero) {
  hand_.ask(frame(kSettings, 0, 0, setting(4, 0)) + get(1));
  Source content({"hello"});
  content.end_with_last = true;
  answer(1, content);
  const std::vector<Frame> said = server().say_frames();
  EXPECT_NE(find(said, kHeaders, 1), nullptr) << "heads are not subject to it";
  EXPECT_EQ(content_in(said, 1), 0U);
  EXPECT_EQ(content.pulls, 0);
  EXPECT_TRUE(server().codec.blocked(1));
  // Octet by octet.
  EXPECT_EQ(content_in(hand_.ask(frame(kWindowUpdate, 0, 1, number(1, 4))), 1), 1U);
  EXPECT_EQ(content.pulled, 1U);
  // RFC 9113 section 6.9.2: a change of the first window is one of all.
  EXPECT_EQ(content_in(hand_.ask(frame(kSettings, 0, 0, setting(4, 4))), 1), 4U);
  EXPECT_EQ(server()[1].closed, ErrorCode::no_error);
}

TEST_F(H2CodecFlow, EndsEmptyContentWithoutAWindow) {
  hand_.ask(frame(kSettings, 0, 0, setting(4, 0)) + get(1));
  ResponseHead head;
  server().codec.submit_response(1, head, {.length = 0}, nullptr);
  (void)server().say();
  EXPECT_EQ(server()[1].closed, ErrorCode::no_error);
}

TEST_F(H2CodecFlow, TakesAWindowBelowZero) {
  hand_.ask(get(1));
  Source content({std::string(30'000, 'x')}, Pull::pending);
  answer(1, content);
  EXPECT_EQ(content_in(server().say_frames(), 1), 30'000U);
  content.add({"more"}, Pull::end);
  server().codec.resume(1);
  EXPECT_EQ(content_in(hand_.ask(frame(kSettings, 0, 0, setting(4, 10'000))), 1), 0U);
  EXPECT_TRUE(server().codec.blocked(1));
  EXPECT_EQ(content_in(hand_.ask(frame(kWindowUpdate, 0, 1, number(20'000, 4))), 1), 0U);
  EXPECT_EQ(content_in(hand_.ask(frame(kWindowUpdate, 0, 1, number(4, 4))), 1), 4U);
}

TEST_F(H2CodecFlow, OtherStreamsGoOnWhileOneIsBlocked) {
  hand_.ask(frame(kSettings, 0, 0, setting(4, 0)) + get(1) + get(3));
  Source first({"first"}), second({"second"});
  answer(1, first);
  answer(3, second);
  (void)server().say();
  const std::vector<Frame> said = hand_.ask(frame(kWindowUpdate, 0, 3, number(100, 4)));
  EXPECT_EQ(content_in(said, 3), 6U);
  EXPECT_EQ(content_in(said, 1), 0U);
  EXPECT_TRUE(server().codec.blocked(1));
  EXPECT_EQ(first.pulls, 0);
}

TEST_F(H2CodecFlow, KeepsToThePeersFrames) {
  hand_.ask(frame(kSettings, 0, 0, setting(5, 20'000)) + get(1));
  Source content({std::string(60'000, 'x')});
  answer(1, content);
  for (const Frame& one : server().say_frames()) EXPECT_LE(one.payload.size(), 20'000U);
}

// --- What comes ----------------------------------------------------------------------------------

TEST_F(H2CodecFlow, AnnouncesItsWindows) {
  Server fresh({}, test_limits());
  const std::vector<Frame> said = fresh.say_frames();
  ASSERT_FALSE(said.empty());
  ASSERT_EQ(said[0].type, kSettings);
  const std::string& settings = said[0].payload;
  EXPECT_NE(settings.find(setting(4, 64 * 1024)), std::string::npos);
  EXPECT_NE(settings.find(setting(3, 100)), std::string::npos);
  EXPECT_NE(settings.find(setting(6, 32 * 1024)), std::string::npos);
  EXPECT_NE(settings.find(setting(9, 1)), std::string::npos);
  EXPECT_EQ(settings.find(setting(8, 1)), std::string::npos);
  EXPECT_EQ(opened_in(said, 0), 1024 * 1024 - kFirstWindow);
}

TEST_F(H2CodecFlow, OpensNothingForContentThatNobodyConsumes) {
  std::string octets = post(1);
  for (int i = 0; i < 4; ++i) octets += frame(kData, 0, 1, std::string(kFrame, 'x'));
  const std::vector<Frame> said = hand_.ask(octets);
  EXPECT_EQ(opened_in(said, 0), 0U);
  EXPECT_EQ(opened_in(said, 1), 0U);
  EXPECT_EQ(server()[1].body.size(), 4 * kFrame);
}

TEST_F(H2CodecFlow, GrowsTheWindowOfWhoKeepsUp) {
  hand_.ask(post(1));
  uint64_t window = 64 * 1024;  // what is open
  std::vector<uint64_t> windows;
  while (windows.size() < 8) {
    std::string octets;
    for (uint64_t left = window; left > 0; left -= std::min<uint64_t>(left, kFrame))
      octets += frame(kData, 0, 1, std::string(std::min<uint64_t>(left, kFrame), 'x'));
    ASSERT_TRUE(server().feed(octets)) << server().codec.error().cause;
    server().consume_all();
    window = opened_in(server().say_frames(), 1);
    windows.push_back(window);
  }
  EXPECT_EQ(windows[0], 128 * 1024U) << "a whole one was consumed";
  EXPECT_EQ(windows[1], 256 * 1024U);
  EXPECT_EQ(windows.back(), 1024 * 1024U) << "and no further";
}

TEST_F(H2CodecFlow, KeepsTheWindowOfWhoDoesNotKeepUp) {
  hand_.ask(post(1));
  for (int i = 0; i < 20; ++i) {
    hand_.ask(frame(kData, 0, 1, std::string(kFrame, 'x')));
    server().consume_all(false);
  }
  std::string octets;
  EXPECT_LE(opened_in(server().say_frames(), 1), 64 * 1024U);
  for (int i = 0; i < 5; ++i) octets += frame(kData, 0, 1, std::string(kFrame, 'x'));
  EXPECT_NE(code_for(hand_.ask(octets), 1), std::nullopt) << "more than the first window";
}

TEST_F(H2CodecFlow, GrowsNoMoreThanTheConnectionsWindowInAll) {
  Limits limits = test_limits();
  limits.connection_window = 256 * 1024;
  ByHand hand(limits);
  uint64_t grown = 0;
  for (const StreamId id : {1, 3, 5, 7, 9, 11}) {
    hand.ask(post(id));
    for (int i = 0; i < 4; ++i) {
      ASSERT_TRUE(hand.server.feed(frame(kData, 0, id, std::string(kFrame, 'x'))));
      hand.server.consume_all();
      grown += opened_in(hand.server.say_frames(), id);
    }
    grown -= 64 * 1024;  // what was consumed
  }
  EXPECT_EQ(grown, 4 * 64 * 1024U) << "four of the six";
  // A stream's end gives back what it had.
  hand.ask(frame(kRstStream, 0, 1, number(8, 4)) + post(13));
  uint64_t opened = 0;
  for (int i = 0; i < 4; ++i) {
    hand.ask(frame(kData, 0, 13, std::string(kFrame, 'x')));
    hand.server.consume_all();
    opened += opened_in(hand.server.say_frames(), 13);
  }
  EXPECT_EQ(opened, 128 * 1024U);
}

TEST_F(H2CodecFlow, CreditsTheConnectionForContentThatNobodyTakes) {
  // A thousand uploads are given up midway: were their content not credited, the last would starve.
  StreamId id = 1;
  for (int i = 0; i < 1000; ++i, id += 2) {
    server().now += std::chrono::milliseconds(100);
    ASSERT_TRUE(server().feed(post(id) + frame(kData, 0, id, std::string(kFrame, 'x'))));
    server().codec.consume_connection(server()[id].take_unconsumed());
    server().codec.reset(id, ErrorCode::no_error);
    // In flight still, behind what the server has said and what it is about to say.
    ASSERT_TRUE(server().feed(frame(kData, 0, id, std::string(kFrame, 'x'))));
    (void)server().say();
    ASSERT_TRUE(server().feed(frame(kData, kPadded, id, "\x40" + std::string(1000, '\0'))));
    (void)server().say();
    EXPECT_EQ(server()[id].body.size(), kFrame);
  }
  ASSERT_TRUE(server().feed(post(id)));
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(server().feed(frame(kData, 0, id, std::string(kFrame, 'x'))));
    server().consume_all();
    (void)server().say();
  }
  ASSERT_TRUE(server().feed(frame(kData, kEndStream, id)));
  EXPECT_EQ(server().codec.error().status, 0) << server().codec.error().cause;
  EXPECT_EQ(server()[id].body.size(), 100 * kFrame);
  EXPECT_TRUE(server()[id].ended);
}

TEST_F(H2CodecFlow, CreditsTheConnectionForRefusedAndReleasedStreams) {
  Limits limits = test_limits();
  limits.fields = 4;
  ByHand hand(limits);
  hand.ask(headers(1,
                   {{":method", "POST"},
                    {":scheme", "http"},
                    {":path", "/"},
                    {":authority", "a"},
                    {"x", "one too many"}},
                   kEndHeaders) +
           post(3));
  hand.server.release(3);
  uint64_t opened = 0;
  for (int i = 0; i < 3; ++i) {
    opened += opened_in(hand.ask(frame(kData, 0, 1, std::string(kFrame, 'x'))), 0);
    opened += opened_in(hand.ask(frame(kData, 0, 3, std::string(kFrame, 'x'))), 0);
  }
  for (const StreamId id : {1, 3}) EXPECT_EQ(hand.server[id].body, "");
  // nghttp2 says so once half of the window is due; so much came, and more is still to be said.
  for (int i = 0; opened == 0 && i < 40; ++i) {
    const StreamId id = 5 + 2 * i;
    hand.ask(post(id));
    hand.server.release(id);
    opened += opened_in(hand.ask(frame(kData, 0, id, std::string(kFrame, 'x'))), 0);
  }
  EXPECT_GT(opened, 0U);
}

TEST(H2CodecFlowOfBoth, MovesMuchContentThroughSmallWindows) {
  Limits limits = test_limits();
  limits.stream_window = 1000;
  limits.stream_window_most = 4000;
  limits.floods.window_updates = 10'000;
  limits.floods.small_data = {100'000, 1000};
  Pair pair({}, limits);
  const std::string much(100'000, 'm');
  Source upload({much}), content({much});
  const StreamId id = pair.request("POST", &upload, much.size());
  pair.exchange();
  EXPECT_EQ(pair.server[id].body.size(), much.size());
  EXPECT_FALSE(pair.client.codec.blocked(id));
  pair.respond(id, 200, &content, much.size());
  pair.exchange();
  EXPECT_EQ(pair.client[id].body, much);
  EXPECT_EQ(pair.client[id].closed, ErrorCode::no_error);
  EXPECT_TRUE(pair.healthy()) << pair.server.codec.error().cause << pair.client.codec.error().cause;
}

}  // namespace
}  // namespace sluice::h2
