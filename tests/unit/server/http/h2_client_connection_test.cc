// The problem: requests of many clients share a connection to an upstream, and none may wait for,
// spoil or outlive another.
#include "server/http/h2_client_connection.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "unit/server/http/h2_client_fixture.h"

namespace sluice::http {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

TEST(H2ClientConnection, SendsARequestAndTakesItsResponse) {
  H2ClientFixture f;
  h2::Source content({"hello ", "world"});
  FakeReceiver& one = f.request();
  one.asked.fields.add("accept", "*/*");
  EXPECT_FALSE(f.connection->idle());
  f.talk();
  ASSERT_EQ(f.upstream.began.size(), 1U);
  const h2::Request& asked = f.upstream[1];
  EXPECT_EQ(asked.request.method_text, "GET");
  EXPECT_EQ(asked.request.target, "/");
  EXPECT_EQ(asked.request.authority, "a");
  EXPECT_EQ(asked.field("accept"), "*/*");
  EXPECT_EQ(asked.field("content-length"), "(none)");
  EXPECT_TRUE(asked.ended);
  f.respond(1, 200, &content, 11);
  f.talk();
  EXPECT_EQ(one.status, 200);
  EXPECT_TRUE(one.has_content);
  EXPECT_EQ(one.field("content-length"), "11");
  EXPECT_EQ(one.body, "hello world");
  EXPECT_TRUE(one.ended);
  EXPECT_TRUE(f.connection->idle());
  EXPECT_EQ(f.connection->requests(), 1U);
  EXPECT_EQ(f.owner.available, 1);
  EXPECT_TRUE(f.connection->takes_request());
  EXPECT_EQ(f.connection->held(), 0U);
}

TEST(H2ClientConnection, SendsContentItsLengthExpectAndTrailers) {
  H2ClientFixture f;
  h2::Source upload({"abc"});
  upload.has_trailers = true;
  upload.fields.add("x-sum", "6");
  FakeReceiver& one = f.request("POST", &upload, 3, true);
  f.talk();
  const h2::Request& asked = f.upstream[1];
  EXPECT_TRUE(asked.request.expects_continue);
  EXPECT_EQ(asked.request.content_length, 3U);
  EXPECT_EQ(asked.body, "abc");
  EXPECT_EQ(asked.trailers, (Fields{{"x-sum", "6"}}));
  EXPECT_TRUE(asked.ended);
  f.respond(1, 204);
  f.talk();
  EXPECT_EQ(one.status, 204);
  EXPECT_FALSE(one.has_content);
  EXPECT_TRUE(one.ended);
}

TEST(H2ClientConnection, PassesInterimHeadsAndTrailers) {
  H2ClientFixture f;
  h2::Source content({"x"});
  content.has_trailers = true;
  content.fields.add("x-sum", "1");
  FakeReceiver& one = f.request();
  f.talk();
  ResponseHead interim;
  interim.status = 103;
  interim.fields.add("link", "</a>");
  f.upstream.codec.submit_interim(1, interim);
  f.respond(1, 200, &content);
  f.talk();
  EXPECT_EQ(one.interims, std::vector<int>{103});
  EXPECT_EQ(one.field("link"), "</a>");
  EXPECT_EQ(one.trailers, (Fields{{"x-sum", "1"}}));
  EXPECT_TRUE(one.ended);
}

TEST(H2ClientConnection, TakesTheSameResponseWhereverItIsSplit) {
  const std::string response =
      h2::headers(1, {{":status", "200"}, {"content-length", "5"}}, h2::kEndHeaders) +
      h2::frame(h2::kData, 0, 1, "hel") + h2::frame(h2::kData, h2::kEndStream, 1, "lo");
  for (size_t split = 0; split < response.size(); ++split) {
    SCOPED_TRACE(split);
    H2ClientFixture f;
    f.greet();
    FakeReceiver& one = f.request();
    f.wake();
    if (split == 0) {
      for (const char octet : response) f.hear(std::string(1, octet));
    } else {
      f.hear(response.substr(0, split));
      f.hear(response.substr(split));
    }
    EXPECT_EQ(one.body, "hello");
    EXPECT_TRUE(one.ended);
  }
}

TEST(H2ClientConnection, AsksForNoPushes) {
  H2ClientFixture f;
  f.wake();
  const std::vector<h2::Frame> frames = f.said_frames();
  ASSERT_FALSE(frames.empty());
  EXPECT_EQ(frames[0].type, h2::kSettings);
  EXPECT_NE(frames[0].payload.find(h2::setting(2, 0)), std::string::npos);
  FakeReceiver& one = f.request();
  f.greet();
  f.hear(h2::frame(h2::kPushPromise, h2::kEndHeaders, 1, h2::number(2, 4) + h2::block_of({})));
  ASSERT_TRUE(one.failure);
  EXPECT_EQ(one.failure->error, "http_protocol_error");
  EXPECT_FALSE(f.alive());
}

// --- Many at a time ------------------------------------------------------------------------------

TEST(H2ClientConnection, InterleavesResponses) {
  H2ClientFixture f;
  h2::Source first({"a"}, Pull::pending);
  h2::Source second({"1"}, Pull::pending);
  FakeReceiver& one = f.request();
  FakeReceiver& other = f.request();
  f.talk();
  f.respond(1, 200, &first);
  f.respond(3, 201, &second);
  f.talk();
  first.add({"b"}, Pull::end);
  f.upstream.codec.resume(1);
  f.talk();
  EXPECT_EQ(one.body, "ab");
  EXPECT_TRUE(one.ended);
  EXPECT_EQ(other.body, "1");
  EXPECT_FALSE(other.ended);
  second.add({"2"}, Pull::end);
  f.upstream.codec.resume(3);
  f.talk();
  EXPECT_EQ(other.status, 201);
  EXPECT_EQ(other.body, "12");
  EXPECT_TRUE(other.ended);
}

TEST(H2ClientConnection, TakesAHundredStreamsAndThenOneMoreForEachThatEnds) {
  H2ClientFixture f;
  for (int i = 0; i < 100; ++i) f.request();
  EXPECT_FALSE(f.connection->takes_request());
  EXPECT_TRUE(f.connection->still_open());
  f.talk();
  EXPECT_EQ(f.upstream.began.size(), 100U);
  EXPECT_EQ(f.owner.available, 0);
  f.respond(51);
  f.talk();
  EXPECT_TRUE(f.receivers[25]->ended);
  EXPECT_EQ(f.owner.available, 1);
  f.request();
  EXPECT_FALSE(f.connection->takes_request());
  f.talk();
  for (const h2::StreamId id : f.upstream.began)
    if (id != 51) f.respond(id);
  f.talk();
  EXPECT_TRUE(std::ranges::all_of(f.receivers, [](const auto& one) { return one->ended; }));
  EXPECT_TRUE(f.connection->idle());
}

TEST(H2ClientConnection, OpensNoMoreStreamsThanTheUpstreamTakes) {
  h2::Limits limits = h2::test_limits();
  limits.streams = 2;
  H2ClientFixture f({.upstream = limits});
  f.talk();
  FakeReceiver& one = f.request();
  f.request();
  EXPECT_FALSE(f.connection->takes_request());
  f.talk();
  f.hear(h2::frame(h2::kSettings, 0, 0, h2::setting(3, 3)));
  EXPECT_EQ(f.owner.available, 1) << "another place";
  EXPECT_TRUE(f.connection->takes_request());
  f.hear(h2::frame(h2::kSettings, 0, 0, h2::setting(3, 1)));
  EXPECT_FALSE(f.connection->takes_request());
  (void)f.said();  // acknowledgements of what the upstream's codec has not said
  f.respond(1);
  f.talk();
  EXPECT_TRUE(one.ended);
  EXPECT_FALSE(f.connection->takes_request()) << "there is one";
}

// What was sent before the upstream's SETTINGS came waits for its turn.
TEST(H2ClientConnection, KeepsBackWhatTheUpstreamDoesNotTakeYet) {
  h2::Limits limits = h2::test_limits();
  limits.streams = 1;
  H2ClientFixture f({.upstream = limits});
  f.hear(f.upstream.say());
  FakeReceiver& one = f.request();
  EXPECT_FALSE(f.connection->takes_request());
  f.talk();
  f.respond(1);
  f.talk();
  EXPECT_TRUE(one.ended);
  EXPECT_TRUE(f.connection->takes_request());
}

TEST(H2ClientConnection, MayBeSentTheNextRequestWhenItTellsThatItTakesOne) {
  H2ClientFixture f;
  f.owner.when_available = [&f] {
    if (f.receivers.size() < 3) f.request();
  };
  f.request();
  for (h2::StreamId id = 1; id <= 5; id += 2) {
    f.talk();
    f.respond(id);
  }
  f.talk();
  ASSERT_EQ(f.receivers.size(), 3U);
  EXPECT_TRUE(f.receivers[2]->ended);
}

TEST(H2ClientConnection, TakesNoMemoryFromTheHeapForTheNextRequest) {
  H2ClientFixture f;
  for (int i = 0; i < 8; ++i) f.serve_one();
  const uint64_t before = f.resources.h2_workspace.taken_from_heap();
  for (int i = 0; i < 50; ++i) f.serve_one();
  EXPECT_EQ(f.resources.h2_workspace.taken_from_heap(), before);
}

// --- Back-pressure -------------------------------------------------------------------------------

TEST(H2ClientConnection, LetsNoMoreComeThanAWindowBeforeItIsConsumed) {
  conf::Limits limits;
  limits.upstream_read_ahead = 32 * 1024;
  H2ClientFixture f({.limits = limits});
  const std::string all(1024 * 1024, 'x');
  h2::Source content({all});
  FakeReceiver& one = f.request();
  f.talk();
  f.respond(1, 200, &content, all.size());
  f.talk();
  // Twice what may be read ahead, since windows are opened again by halves.
  const uint64_t window = 2 * limits.upstream_read_ahead;
  EXPECT_EQ(one.body.size(), window);
  EXPECT_GE(f.connection->held(), window);
  for (int i = 0; i < 1000 && !one.ended; ++i) {
    one.consume();
    f.talk();
    EXPECT_LE(one.unconsumed, window) << "though it keeps up";
  }
  EXPECT_TRUE(one.ended);
  EXPECT_EQ(one.body, all);
}

TEST(H2ClientConnection, LetsTheSlowHoldUpNobodyElse) {
  H2ClientFixture f;
  const std::string all(256 * 1024, 'x');
  std::vector<std::unique_ptr<h2::Source>> contents;
  for (int i = 0; i < 40; ++i) f.request();
  f.talk();
  for (const h2::StreamId id : f.upstream.began) {
    contents.push_back(std::make_unique<h2::Source>(std::vector<std::string>{all}));
    f.respond(id, 200, contents.back().get());
  }
  f.talk();
  uint64_t waiting = 0;
  for (const auto& one : f.receivers) waiting += one->unconsumed;
  EXPECT_EQ(waiting, 40U * 128 * 1024) << "more than the connection's window";
  h2::Source quick({all});
  FakeReceiver& other = f.request();
  f.talk();
  f.respond(f.upstream.began.back(), 200, &quick);
  for (int i = 0; i < 100 && !other.ended; ++i) {
    f.talk();
    other.consume();
  }
  EXPECT_EQ(other.body, all);
}

// A small piece that waits behind others must not pin the block that it was read into.
TEST(H2ClientConnection, PinsNoBlockForASmallPieceThatWaits) {
  H2ClientFixture f;
  f.greet();
  FakeReceiver& one = f.request();
  f.wake();
  f.hear(h2::headers(1, {{":status", "200"}}, h2::kEndHeaders));
  for (int i = 0; i < 200; ++i) f.hear(h2::frame(h2::kData, 0, 1, "x"));
  EXPECT_EQ(one.slices.size(), 200U);
  EXPECT_LT(f.resources.pool.blocks_in_use(), 6U);
}

TEST(H2ClientConnection, PullsContentAsTheUpstreamTakesIt) {
  H2ClientFixture f;
  f.upstream_consumes = false;
  h2::Source upload({std::string(512 * 1024, 'x')});
  FakeReceiver& one = f.request("POST", &upload);
  f.talk();
  EXPECT_EQ(upload.pulled, f.upstream.limits.stream_window);
  f.upstream_consumes = true;
  f.talk();
  EXPECT_EQ(upload.pulled, 512U * 1024);
  EXPECT_TRUE(f.upstream[1].ended);
  f.respond(1);
  f.talk();
  EXPECT_TRUE(one.ended);
}

TEST(H2ClientConnection, PullsNoFurtherThanTheSocketTakes) {
  h2::Limits limits = h2::test_limits();
  limits.stream_window = 1024 * 1024;
  H2ClientFixture f({.upstream = limits});
  f.talk();
  f.wire.takes = false;
  h2::Source upload(std::vector<std::string>(32, std::string(16 * 1024, 'x')));
  FakeReceiver& one = f.request("POST", &upload);
  f.talk();
  for (int i = 0; i < 50; ++i) {
    one.stream->wake();
    f.turn();
  }
  EXPECT_LE(upload.pulled, f.limits.http2_frame_ahead + 16 * 1024);
  f.wire.takes = true;
  f.talk();
  EXPECT_TRUE(f.upstream[1].ended);
}

TEST(H2ClientConnection, PullsAgainWhenContentIsThere) {
  H2ClientFixture f;
  h2::Source upload({"a"}, Pull::pending);
  FakeReceiver& one = f.request("POST", &upload);
  f.talk();
  EXPECT_EQ(f.upstream[1].body, "a");
  const int pulls = upload.pulls;
  f.wake();
  EXPECT_EQ(upload.pulls, pulls) << "not before it is woken";
  upload.add({"b"}, Pull::end);
  one.stream->wake();
  f.talk();
  EXPECT_EQ(f.upstream[1].body, "ab");
  EXPECT_TRUE(f.upstream[1].ended);
}

// --- Ends in good order --------------------------------------------------------------------------

// RFC 9113 section 8.1: the response counts, whatever is left of the request.
TEST(H2ClientConnection, TakesAResponseThatComesBeforeTheRequestHasEnded) {
  for (const bool upstream_resets : {false, true}) {
    SCOPED_TRACE(upstream_resets);
    H2ClientFixture f;
    h2::Source upload({"a"}, Pull::pending);
    FakeReceiver& one = f.request("POST", &upload);
    f.talk();
    f.respond(1, 413);
    std::string response = f.upstream.say();
    if (upstream_resets) f.upstream.codec.reset(1, h2::ErrorCode::no_error);
    f.wire.input.push_back({Wire::Step::Kind::octets, response.append(f.upstream.say())});
    f.talk();
    EXPECT_EQ(one.status, 413);
    EXPECT_TRUE(one.ended);
    EXPECT_TRUE(f.connection->idle());
    const int pulls = upload.pulls;
    f.talk();
    EXPECT_EQ(upload.pulls, pulls);
    EXPECT_EQ(f.upstream[1].closed,
              upstream_resets ? h2::ErrorCode::no_error : h2::ErrorCode::cancel);
    EXPECT_TRUE(f.connection->takes_request());
  }
}

TEST(H2ClientConnection, NotesThatTheUpstreamClosesAnIdleOne) {
  H2ClientFixture f;
  f.serve_one();
  f.hear_end();
  EXPECT_EQ(f.owner.ended, 1);
  EXPECT_TRUE(f.owner.closed_while_idle);
  EXPECT_FALSE(f.alive());
}

TEST(H2ClientConnection, NotesThatTheUpstreamGoesAwayFromAnIdleOne) {
  H2ClientFixture f;
  f.serve_one();
  f.hear(h2::frame(h2::kGoaway, 0, 0, h2::number(1, 4) + h2::number(0, 4)));
  EXPECT_EQ(f.owner.ended, 1);
  EXPECT_TRUE(f.owner.closed_while_idle);
  EXPECT_FALSE(f.alive());
}

TEST(H2ClientConnection, SeesInTheSocketThatTheUpstreamHasClosed) {
  for (const bool asks : {false, true}) {
    H2ClientFixture f;
    f.serve_one();
    EXPECT_TRUE(f.connection->still_open());
    f.wire.input.push_back({Wire::Step::Kind::end, ""});
    EXPECT_FALSE(asks ? f.connection->takes_request() : f.connection->still_open());
    EXPECT_EQ(f.owner.ended, 1);
    EXPECT_TRUE(f.owner.closed_while_idle);
    f.turn();
    EXPECT_FALSE(f.alive());
  }
}

TEST(H2ClientConnection, SeesAGoawayInTheSocket) {
  H2ClientFixture f;
  f.serve_one();
  f.wire.input.push_back({Wire::Step::Kind::octets,
                          h2::frame(h2::kGoaway, 0, 0, h2::number(1, 4) + h2::number(0, 4))});
  EXPECT_FALSE(f.connection->takes_request());
  f.turn();
  EXPECT_EQ(f.owner.ended, 1);
  EXPECT_FALSE(f.alive());
}

TEST(H2ClientConnection, TakesARequestThoughAPingLiesInTheSocket) {
  H2ClientFixture f;
  f.serve_one();
  f.wire.input.push_back({Wire::Step::Kind::octets, h2::frame(h2::kPing, 0, 0, "12345678")});
  EXPECT_TRUE(f.connection->takes_request());
  f.wake();
  const h2::Frame* const answer = h2::find(f.said_frames(), h2::kPing);
  ASSERT_NE(answer, nullptr);
}

TEST(H2ClientConnection, AnswersPing) {
  H2ClientFixture f;
  f.greet();
  f.hear(h2::frame(h2::kPing, 0, 0, "12345678"));
  const std::vector<h2::Frame> frames = f.said_frames();
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].type, h2::kPing);
  EXPECT_EQ(frames[0].flags, h2::kAcknowledges);
  EXPECT_EQ(frames[0].payload, "12345678");
}

TEST(H2ClientConnection, ClosesAtOnceWhenItIsIdle) {
  H2ClientFixture f;
  f.serve_one();
  f.connection->close();
  f.turn();
  EXPECT_FALSE(f.alive());
  EXPECT_EQ(f.owner.ended, 0);
  EXPECT_EQ(h2::code_for(f.said_frames(), 0), h2::ErrorCode::no_error);
}

TEST(H2ClientConnection, ClosesAfterWhatIsUnderWay) {
  H2ClientFixture f;
  FakeReceiver& one = f.request();
  f.talk();
  f.connection->close();
  EXPECT_FALSE(f.connection->takes_request());
  f.talk();
  EXPECT_TRUE(f.alive());
  f.respond(1);
  f.talk();
  EXPECT_TRUE(one.ended);
  EXPECT_FALSE(f.alive());
  EXPECT_EQ(f.owner.ended + f.owner.available, 0);
}

}  // namespace
}  // namespace sluice::http
