// Each flood of SECURITY section 2, as frames: the codec names the limit, says ENHANCE_YOUR_CALM,
// and begins no stream any more. What honest peers do is spared.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>

#include "protocol/h2/codec.h"
#include "unit/protocol/h2/pair.h"

namespace sluice::h2 {
namespace {

using std::chrono::seconds;

class H2CodecFloods : public ::testing::Test {
 protected:
  // Says `octets` up to `most` times; returns how often it took them, the answers read each time.
  int repeat(std::string_view octets, int most = 5000) {
    int taken = 0;
    while (taken < most && server().feed(octets)) {
      said_ += server().say();
      if (server().codec.error().status != 0) break;
      ++taken;
    }
    return taken;
  }
  void expect_flood(std::string_view limit) {
    EXPECT_EQ(server().codec.error().status, 400);
    EXPECT_EQ(server().codec.error().limit, limit) << server().codec.error().cause;
    EXPECT_FALSE(server().codec.error().cause.empty());
    const size_t began = server().began.size();
    EXPECT_FALSE(server().feed(get(99'999)));
    said_ += server().say();
    EXPECT_EQ(code_for(frames_of(said_), 0), ErrorCode::enhance_your_calm);
    EXPECT_EQ(server().began.size(), began);
  }
  Server& server() { return hand_.server; }

  ByHand hand_;
  std::string said_;
};

TEST_F(H2CodecFloods, StopsRapidReset) {
  StreamId id = 1;
  int taken = 0;
  for (; taken < 2000; ++taken, id += 2)
    if (!server().feed(get(id) + frame(kRstStream, 0, id, number(8, 4)))) break;
  EXPECT_EQ(taken, 500);
  expect_flood("http2_resets");
}

TEST_F(H2CodecFloods, StopsResetsThatComeAllTheTime) {
  StreamId id = 1;
  int taken = 0;
  for (; taken < 5000; ++taken, id += 2) {
    server().now += std::chrono::milliseconds(25);  // 40 a second
    if (!server().feed(get(id) + frame(kRstStream, 0, id, number(8, 4)))) break;
  }
  EXPECT_GT(taken, 500);
  EXPECT_LT(taken, 1100);
  expect_flood("http2_resets_suspicious");
}

TEST_F(H2CodecFloods, StopsResetsThatItIsMadeToSend) {
  StreamId id = 1;
  int taken = 0;
  for (; taken < 2000; ++taken, id += 2) {
    if (!server().feed(headers(id, {{":method", "GET"}, {"X", "malformed"}}))) break;
    said_ += server().say();
    if (server().codec.error().status != 0) break;
  }
  EXPECT_EQ(taken, 500);
  expect_flood("http2_resets");
}

TEST_F(H2CodecFloods, StopsWindowsThatOverflow) {
  StreamId id = 1;
  int taken = 0;
  for (; taken < 2000; ++taken, id += 2) {
    if (!server().feed(get(id) + frame(kWindowUpdate, 0, id, "\x7F\xFF\xFF\xFF"))) break;
    said_ += server().say();
    if (server().codec.error().status != 0) break;
  }
  EXPECT_EQ(taken, 500);
  expect_flood("http2_resets");
}

TEST_F(H2CodecFloods, StopsPings) {
  EXPECT_EQ(repeat(frame(kPing, 0, 0, "12345678")), 50);
  expect_flood("http2_pings");
}

TEST_F(H2CodecFloods, StopsPingsAnsweredUnasked) {
  EXPECT_EQ(repeat(frame(kPing, kAcknowledges, 0, "12345678")), 100);
  expect_flood("http2_unknown_frames");
}

TEST_F(H2CodecFloods, StopsSettings) {
  // One came with the preface.
  EXPECT_EQ(repeat(frame(kSettings, 0, 0, setting(4, 0)) + frame(kSettings, 0, 0, setting(4, 9))),
            9);
  expect_flood("http2_settings");
}

TEST_F(H2CodecFloods, StopsAcknowledgementsThatNobodyReads) {
  Limits limits = test_limits();
  limits.floods.outstanding = 10;
  ByHand hand(limits);
  std::string octets;
  for (int i = 0; i < 20; ++i) octets += frame(kPing, 0, 0, "12345678");
  EXPECT_FALSE(hand.server.feed(octets));
  EXPECT_EQ(hand.server.codec.error().limit, "http2_outstanding");
  EXPECT_EQ(code_for(hand.server.say_frames(), 0), ErrorCode::enhance_your_calm);
  EXPECT_FALSE(hand.server.feed(get(1)));
}

TEST_F(H2CodecFloods, StopsEmptyFrames) {
  ASSERT_TRUE(server().feed(post(1)));
  EXPECT_EQ(repeat(frame(kData, 0, 1)), 16);
  expect_flood("http2_empty_in_a_row");
}

TEST_F(H2CodecFloods, StopsEmptyFramesInTheMidst) {
  ASSERT_TRUE(server().feed(post(1)));
  EXPECT_EQ(repeat(frame(kData, 0, 1) + frame(kData, 0, 1, std::string(64, 'x'))), 100);
  expect_flood("http2_empty_frames");
}

TEST_F(H2CodecFloods, SeesThroughPadding) {
  ASSERT_TRUE(server().feed(post(1)));
  EXPECT_EQ(repeat(frame(kData, kPadded, 1, std::string(1, '\x40') + std::string(64, '\0'))), 16);
  expect_flood("http2_empty_in_a_row");
}

TEST_F(H2CodecFloods, StopsSmallData) {
  ASSERT_TRUE(server().feed(post(1)));
  EXPECT_EQ(repeat(frame(kData, 0, 1, "x")), 1000);
  expect_flood("http2_small_data");
}

TEST_F(H2CodecFloods, StopsSmallDataInPadding) {
  ASSERT_TRUE(server().feed(post(1)));
  const std::string padded = std::string(1, '\x10') + "x" + std::string(16, '\0');
  EXPECT_EQ(repeat(frame(kData, kPadded, 1, padded)), 1000);
  expect_flood("http2_small_data");
}

TEST_F(H2CodecFloods, SparesAChatOnAnEstablishedStream) {
  ASSERT_TRUE(server().feed(post(1)));
  ResponseHead head;
  Source content({}, Pull::pending);
  server().codec.submit_response(1, head, {.request_method = Method::post}, &content);
  (void)server().say();
  for (int second = 0; second < 5; ++second) {
    EXPECT_EQ(repeat(frame(kData, 0, 1, "twenty octets of it!"), 1900), 1900);
    server().now += seconds(1);
    server().consume_all();
    (void)server().say();
  }
  EXPECT_GT(repeat(frame(kData, 0, 1, "x"), 5000), 1900);
  expect_flood("http2_small_data_stream");
}

TEST_F(H2CodecFloods, StopsPriorities) {
  EXPECT_EQ(repeat(frame(kPriority, 0, 1, std::string("\0\0\0\0\x10", 5))), 100);
  expect_flood("http2_priorities");
}

TEST_F(H2CodecFloods, StopsPriorityUpdates) {
  ASSERT_TRUE(server().feed(get(1)));
  EXPECT_EQ(repeat(frame(kPriorityUpdate, 0, 0, number(1, 4) + "u=1")), 101);
  expect_flood("http2_priorities");
}

TEST_F(H2CodecFloods, StopsWindowUpdates) {
  ASSERT_TRUE(server().feed(get(1)));
  EXPECT_EQ(repeat(frame(kWindowUpdate, 0, 0, number(1, 4))), 7);
  expect_flood("http2_window_updates");
}

TEST_F(H2CodecFloods, StopsUnknownFrames) {
  EXPECT_EQ(repeat(frame(0xBB, 0, 0, "x")), 100);
  expect_flood("http2_unknown_frames");
}

TEST_F(H2CodecFloods, StopsUnknownFramesOfEveryType) {
  for (int type = 0x0A; type <= 0xFF; ++type) {
    if (type == kPriorityUpdate) continue;
    SCOPED_TRACE(type);
    ByHand hand;
    int taken = 0;
    while (taken < 200 && hand.server.feed(frame(static_cast<uint8_t>(type), 0, 0, "x"))) ++taken;
    EXPECT_EQ(taken, 100);
    EXPECT_EQ(hand.server.codec.error().limit, "http2_unknown_frames");
  }
}

TEST_F(H2CodecFloods, StopsContentOfStreamsThatAreOver) {
  ASSERT_TRUE(server().feed(post(1) + frame(kRstStream, 0, 1, number(8, 4))));
  EXPECT_LE(repeat(frame(kData, 0, 1, "x")), 1000);
  expect_flood("http2_small_data");
}

TEST_F(H2CodecFloods, StopsEmptyContentOfStreamsThatAreOver) {
  ASSERT_TRUE(server().feed(post(1) + frame(kRstStream, 0, 1, number(8, 4))));
  EXPECT_LE(repeat(frame(kData, 0, 1)), 16);
  expect_flood("http2_empty_in_a_row");
}

TEST_F(H2CodecFloods, StopsResetsOfStreamsThatAreOver) {
  ASSERT_TRUE(server().feed(post(1)));
  EXPECT_LE(repeat(frame(kRstStream, 0, 1, number(8, 4))), 500);
  expect_flood("http2_resets");
}

TEST_F(H2CodecFloods, StopsWindowUpdatesOfStreamsThatAreOver) {
  ASSERT_TRUE(server().feed(post(1) + frame(kRstStream, 0, 1, number(8, 4))));
  EXPECT_LE(repeat(frame(kWindowUpdate, 0, 1, number(1, 4))), 7);
  expect_flood("http2_window_updates");
}

TEST_F(H2CodecFloods, SparesUnknownFramesNowAndThen) {
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(repeat(frame(0xBB, 0, 0, "x"), 90), 90);
    server().now += seconds(10);
  }
}

TEST_F(H2CodecFloods, StopsContinuations) {
  ASSERT_TRUE(server().feed(get(1, kEndStream)));
  EXPECT_LE(repeat(frame(kContinuation, 0, 1, block_of({{"x", "1"}}))), 8);
  expect_flood("http2_continuations");
  EXPECT_TRUE(server().began.empty());
}

TEST_F(H2CodecFloods, TakesAsManyContinuationsAsAreAllowed) {
  ASSERT_TRUE(server().feed(get(1, kEndStream)));
  EXPECT_EQ(repeat(frame(kContinuation, 0, 1, block_of({{"x", "1"}})), 7), 7);
  ASSERT_TRUE(server().feed(frame(kContinuation, kEndHeaders, 1, block_of({{"y", "2"}}))));
  ASSERT_TRUE(server().has(1));
  EXPECT_TRUE(server()[1].ended);
  EXPECT_EQ(server()[1].fields.size(), 8U);
}

TEST_F(H2CodecFloods, StopsEmptyContinuations) {
  Limits limits = test_limits();
  limits.continuations = 1000;
  ByHand hand(limits);
  ASSERT_TRUE(hand.server.feed(get(1, kEndStream)));
  int taken = 0;
  while (taken < 100 && hand.server.feed(frame(kContinuation, 0, 1))) ++taken;
  EXPECT_EQ(taken, 16) << "each is counted";
  EXPECT_EQ(hand.server.codec.error().limit, "http2_empty_in_a_row");
}

TEST_F(H2CodecFloods, StopsAFieldBlockThatIsTooLarge) {
  const std::string value(16'000, 'x');
  const std::string block = block_of({{"x", value}});
  ASSERT_TRUE(server().feed(frame(kHeaders, 0, 1, block)));
  EXPECT_EQ(repeat(frame(kContinuation, 0, 1, block)), 3);
  expect_flood("http2_head_block");
  EXPECT_TRUE(server().began.empty());
}

TEST_F(H2CodecFloods, StopsABombOfFields) {
  // RFC 7541 section 6.2.1: one field into the table, and then an octet for each time it is meant.
  std::string block =
      block_of({{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a"}});
  block += std::string("\x40\x01x\x7F\xA1\x1E", 6) + std::string(4000, 'y');
  block += std::string(2000, '\xBE');
  (void)server().feed(frame(kHeaders, kEndHeaders | kEndStream, 1, block));
  said_ += server().say();
  expect_flood("http2_fields_fatal");
  EXPECT_TRUE(server().began.empty());
  EXPECT_LT(server().codec.held(), 64 * 1024U);
}

TEST_F(H2CodecFloods, AnswersASmallBombOfFields) {
  std::string block =
      block_of({{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a"}});
  block += std::string("\x40\x01x\x7F\xA1\x1E", 6) + std::string(4000, 'y');
  block += std::string(500, '\xBE');
  EXPECT_TRUE(server().feed(frame(kHeaders, kEndHeaders | kEndStream, 1, block)));
  ASSERT_TRUE(server().has(1));
  EXPECT_EQ(server()[1].refused.status, 431);
}

// --- Honest peers --------------------------------------------------------------------------------

TEST_F(H2CodecFloods, SparesABrowserThatCancelsTiles) {
  StreamId id = 1;
  for (int round = 0; round < 20; ++round) {
    for (int tile = 0; tile < 20; ++tile, id += 2) {
      ASSERT_TRUE(server().feed(get(id)));
      if (tile % 2 == 0) {
        ASSERT_TRUE(server().feed(frame(kRstStream, 0, id, number(8, 4))));
      } else {
        ResponseHead head;
        head.status = 204;
        server().codec.submit_response(id, head, {}, nullptr);
      }
      (void)server().say();
    }
    server().now += std::chrono::milliseconds(500);
  }
  EXPECT_EQ(server().codec.error().status, 0);
}

TEST_F(H2CodecFloods, SparesUploadsWhoseHeadsArePadded) {
  const std::string block =
      block_of({{":method", "POST"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a"}});
  for (StreamId id = 1; id < 600; id += 2) {
    ASSERT_TRUE(server().feed(
        frame(kHeaders, kEndHeaders | kPadded, id, "\x04" + block + std::string(4, '\0'))));
    ASSERT_TRUE(server().feed(frame(kData, kEndStream, id, "x")));
    ResponseHead head;
    server().codec.submit_response(id, head, {}, nullptr);
    (void)server().say();
  }
  EXPECT_EQ(server().codec.error().status, 0) << server().codec.error().cause;
}

TEST_F(H2CodecFloods, CountsResetsThatAreOursNot) {
  StreamId id = 1;
  for (int i = 0; i < 2000; ++i, id += 2) {
    ASSERT_TRUE(server().feed(get(id)));
    server().codec.reset(id, i % 2 == 0 ? ErrorCode::cancel : ErrorCode::internal_error);
    (void)server().say();
  }
  EXPECT_EQ(server().codec.error().status, 0);
}

// Both give a stream up at once: that is one reset of the peer's.
TEST_F(H2CodecFloods, CountsResetsThatCrossOnce) {
  StreamId id = 1;
  for (int i = 0; i < 400; ++i, id += 2) {
    ASSERT_TRUE(server().feed(get(id)));
    server().codec.reset(id, ErrorCode::cancel);
    ASSERT_TRUE(server().feed(frame(kRstStream, 0, id, number(8, 4))));
    (void)server().say();
  }
  EXPECT_EQ(server().codec.error().status, 0) << server().codec.error().cause;
}

// Content that we cannot give (an upstream broke off) is nothing that the client did.
TEST_F(H2CodecFloods, CountsContentThatFailedNot) {
  StreamId id = 1;
  for (int i = 0; i < 2000; ++i, id += 2) {
    Source content({"begun"}, Pull::failed);
    ASSERT_TRUE(server().feed(get(id)));
    ResponseHead head;
    server().codec.submit_response(id, head, {}, &content);
    (void)server().say();
    ASSERT_EQ(server()[id].closed, ErrorCode::internal_error);
  }
  EXPECT_EQ(server().codec.error().status, 0) << server().codec.error().cause;
}

TEST_F(H2CodecFloods, CountsResponsesThatWereReleasedNot) {
  StreamId id = 1;
  for (int i = 0; i < 2000; ++i, id += 2) {
    Source content({"begun"}, Pull::pending);
    ASSERT_TRUE(server().feed(get(id)));
    ResponseHead head;
    server().codec.submit_response(id, head, {}, &content);
    (void)server().say();
    server().release(id);
    server().codec.resume(id);
    (void)server().say();
  }
  EXPECT_EQ(server().codec.error().status, 0) << server().codec.error().cause;
}

}  // namespace
}  // namespace sluice::h2
