// The problem: a request's content may fail, and a request may be given up at any moment: the
// upstream learns of it, nobody who left is touched, and the connection goes on for the others.
#include "server/http/h2_client_stream.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server/http/h2_client_connection.h"
#include "unit/server/http/h2_client_fixture.h"

namespace sluice::http {
namespace {

std::string head_of(h2::StreamId id, int flags = h2::kEndHeaders) {
  return h2::headers(id, {{":status", "200"}}, flags);
}

// --- The request's content -----------------------------------------------------------------------

TEST(H2ClientUploads, ResetTheStreamWhenTheirSourceFails) {
  struct Case {
    std::vector<std::string> pieces;
    Pull then;
    std::optional<uint64_t> length;
    int status;
  };
  const std::vector<Case> cases = {
      {{"abc"}, Pull::failed, {}, 400}, {{}, Pull::failed, 3, 400},
      {{"abc"}, Pull::failed, 3, 400},  {{"ab"}, Pull::end, 3, 500},
      {{"abcd"}, Pull::end, 3, 500},    {{"abc", "d"}, Pull::end, 3, 500},
  };
  for (const Case& one : cases) {
    H2ClientFixture f;
    h2::Source upload(one.pieces, one.then);
    FakeReceiver& victim = f.request("POST", &upload, one.length);
    FakeReceiver& other = f.request();
    f.talk();
    ASSERT_TRUE(victim.failure);
    EXPECT_EQ(victim.failure->status, one.status);
    EXPECT_EQ(victim.failure->error, "http_request_error");
    ASSERT_TRUE(f.upstream.has(1));
    EXPECT_FALSE(f.upstream[1].ended) << "never whole";
    EXPECT_EQ(f.upstream[1].closed, h2::ErrorCode::cancel);
    f.respond(3);
    f.talk();
    EXPECT_TRUE(other.ended);
  }
}

// --- Cancelling ----------------------------------------------------------------------------------

TEST(H2ClientCancel, LeavesNothingOfARequestThatHasNotLeft) {
  H2ClientFixture f;
  f.talk();
  h2::Source upload({"x"});
  f.cancel(f.request("POST", &upload));
  EXPECT_TRUE(f.connection->idle());
  f.talk();
  EXPECT_TRUE(f.upstream.began.empty());
  EXPECT_EQ(upload.pulls, 0);
  EXPECT_EQ(f.owner.available, 1);
}

// Framed, and the socket takes nothing; or not even framed, since the upstream takes one only.
TEST(H2ClientCancel, ReachesWhatWaits) {
  for (const uint32_t streams : {100U, 1U}) {
    h2::Limits limits = h2::test_limits();
    limits.streams = streams;
    H2ClientFixture f({.upstream = limits});
    h2::Source upload({"x"}, Pull::pending);
    f.wire.takes = streams == 1;
    f.request();
    FakeReceiver& one = f.request("POST", &upload);
    f.talk();
    f.cancel(one);
    const int pulls = upload.pulls;
    f.wire.takes = true;
    f.talk();
    EXPECT_EQ(upload.pulls, pulls);
    EXPECT_EQ(f.upstream.has(3), streams == 100);
    if (f.upstream.has(3)) {
      EXPECT_EQ(f.upstream[3].closed, h2::ErrorCode::cancel);
    }
    f.respond(1);
    f.talk();
    EXPECT_TRUE(f.receivers[0]->ended);
    EXPECT_TRUE(f.connection->idle());
  }
}

TEST(H2ClientCancel, ResetsTheStreamAndTouchesNobody) {
  H2ClientFixture f;
  h2::Source upload({"x"}, Pull::pending);
  h2::Source content({"abc"}, Pull::pending);
  FakeReceiver& one = f.request("POST", &upload);
  f.talk();
  f.respond(1, 200, &content);
  f.talk();
  EXPECT_EQ(one.body, "abc");
  f.cancel(one);
  const int pulls = upload.pulls;
  content.add({"def"}, Pull::end);
  f.upstream.codec.resume(1);
  const std::string more = f.upstream.say();
  f.wire.input.push_back({Wire::Step::Kind::octets, more});
  f.talk();
  EXPECT_EQ(f.upstream[1].closed, h2::ErrorCode::cancel);
  EXPECT_EQ(one.body, "abc");
  EXPECT_EQ(upload.pulls, pulls);
  EXPECT_TRUE(f.connection->takes_request());
  f.serve_one();
}

TEST(H2ClientCancel, WorksFromWithinTheRunningTurn) {
  using At = FakeReceiver::At;
  for (const At at : {At::head, At::body, At::trailers}) {
    for (const bool whole : {true, false}) {
      SCOPED_TRACE(static_cast<int>(at) * 2 + (whole ? 1 : 0));
      H2ClientFixture f;
      f.greet();
      h2::Source upload({"x"}, Pull::pending);
      FakeReceiver& one = whole ? f.request() : f.request("POST", &upload);
      FakeReceiver& other = f.request();
      one.cancel_at = at;
      f.wake();
      const int pulls = upload.pulls;
      f.hear(head_of(1) + h2::frame(h2::kData, 0, 1, "abc") + h2::frame(h2::kData, 0, 1, "def") +
             h2::headers(1, {{"x", "y"}}) + head_of(3, h2::kEndHeaders | h2::kEndStream));
      EXPECT_TRUE(one.cancelled);
      EXPECT_TRUE(other.ended);
      EXPECT_TRUE(f.connection->idle());
      EXPECT_EQ(upload.pulls, pulls);
      EXPECT_TRUE(f.connection->takes_request());
    }
  }
}

// What crosses our reset on its way is no error of the upstream's (RFC 9113 section 5.4.2).
TEST(H2ClientCancel, PassesOverWhatComesBehindTheReset) {
  const std::string response =
      head_of(1) + h2::frame(h2::kData, 0, 1, "abc") + h2::headers(1, {{"x", "y"}});
  const std::vector<std::string> lates = {
      response, h2::headers(1, {{":status", "103"}}, h2::kEndHeaders) + response,
      h2::frame(h2::kRstStream, 0, 1, h2::number(8, 4)),
      h2::frame(h2::kWindowUpdate, 0, 1, h2::number(8, 4))};
  for (const std::string& late : lates) {
    H2ClientFixture f;
    f.greet();
    FakeReceiver& one = f.request();
    FakeReceiver& other = f.request();
    f.wake();
    f.cancel(one);
    f.wake();
    EXPECT_EQ(h2::code_for(f.said_frames(), 1), h2::ErrorCode::cancel);
    f.hear(late + head_of(3, h2::kEndHeaders | h2::kEndStream));
    EXPECT_TRUE(other.ended);
    EXPECT_TRUE(f.connection->takes_request());
  }
}

// The connection's window is given back for what nobody takes.
TEST(H2ClientCancel, LosesNothingOfTheConnectionsWindow) {
  H2ClientFixture f;
  const std::string all(60 * 1024, 'x');
  for (int i = 0; i < 40; ++i) {
    h2::Source content({all});
    FakeReceiver& one = f.request();
    one.cancel_at = FakeReceiver::At::head;
    f.talk();
    f.respond(f.upstream.began.back(), 200, &content);
    f.talk();
    EXPECT_TRUE(one.cancelled);
    f.upstream.codec.release(f.upstream.began.back());
  }
  h2::Source content({all});
  FakeReceiver& last = f.request();
  f.talk();
  f.respond(f.upstream.began.back(), 200, &content);
  f.talk();
  EXPECT_EQ(last.body.size(), all.size());
  EXPECT_TRUE(last.ended);
}

TEST(H2ClientCancel, LeavesAConnectionThatCloses) {
  H2ClientFixture f;
  FakeReceiver& one = f.request();
  f.talk();
  f.connection->close();
  f.cancel(one);
  f.turn();
  EXPECT_FALSE(f.alive());
}

}  // namespace
}  // namespace sluice::http
