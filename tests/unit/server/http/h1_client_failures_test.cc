// The problem: whatever an upstream, a request's source or a network does wrong, the receiver is
// told once and truly: what cannot have been read may be sent again, what was cut looks cut.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "server/http/h1_client_connection.h"
#include "unit/server/http/fakes.h"
#include "unit/server/http/h1_client_fixture.h"

namespace sluice::http {
namespace {

using Kind = Wire::Step::Kind;
using At = FakeReceiver::At;

constexpr std::string_view kChunked =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nSum: 1\r\n\r\n";
constexpr std::string_view kInterim =
    "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
constexpr std::string_view kUntilClose = "HTTP/1.1 200 OK\r\n\r\n";

void expect_failure(const FakeReceiver& one, int status, std::string_view error,
                    std::string_view cause = {}) {
  ASSERT_TRUE(one.failure);
  EXPECT_FALSE(one.ended);
  EXPECT_EQ(one.failure->status, status);
  EXPECT_EQ(one.failure->error, error);
  EXPECT_FALSE(one.failure->cause.empty());
  if (!cause.empty()) {
    EXPECT_EQ(one.failure->cause, cause);
  }
}

// A response that is cut behind its first `at` octets.
void expect_cut(std::string_view octets, size_t at, Kind how, bool reused) {
  SCOPED_TRACE(std::string(octets.substr(0, at)) + " and then " +
               std::to_string(static_cast<int>(how)) + (reused ? ", reused" : ""));
  H1ClientFixture f;
  if (reused) f.serve_one();
  const FakeReceiver& one = f.request();
  if (at > 0) f.hear(std::string(octets.substr(0, at)));
  EXPECT_FALSE(one.failure);
  f.give(how);
  expect_failure(one, 502, at > 0 ? "http_response_incomplete" : "connection_terminated");
  EXPECT_FALSE(one.failure->unread);
  EXPECT_EQ(one.failure->idle_race, reused && at == 0);
  EXPECT_EQ(f.owner.available, reused ? 1 : 0);
  EXPECT_EQ(f.owner.ended, 1);
  EXPECT_FALSE(f.owner.closed_while_idle);
  EXPECT_FALSE(f.alive());
}

TEST(H1ClientFailures, AreToldWhereverAResponseIsCut) {
  for (const std::string_view octets : {kOk, kChunked, kInterim}) {
    for (size_t at = 0; at < octets.size(); ++at) {
      for (const Kind how : {Kind::end, Kind::truncated, Kind::reset}) {
        expect_cut(octets, at, how, false);
        expect_cut(octets, at, how, true);
      }
    }
  }
}

TEST(H1ClientFailures, AreToldWhereverContentThatTheCloseDelimitsIsCut) {
  for (size_t at = 0; at < kUntilClose.size(); ++at) expect_cut(kUntilClose, at, Kind::end, false);
  const std::string with_content = std::string(kUntilClose) + "abc";
  for (size_t at = 0; at <= with_content.size(); ++at) {
    expect_cut(with_content, at, Kind::reset, false);
    expect_cut(with_content, at, Kind::truncated, false);
  }
}

TEST(H1ClientFailures, SayWhatIsWrongWithAResponse) {
  struct Case {
    std::string_view octets;
    std::string_view error;
    std::string_view limit = {};
  };
  const std::string long_field = "HTTP/1.1 200 OK\r\nA: " + std::string(2000, 'x') + "\r\n\r\n";
  std::string many_fields = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 20; ++i) many_fields += "A: b\r\n";
  many_fields += "\r\n";
  conf::Limits limits;
  limits.upstream_head = 1000;
  limits.upstream_fields = 10;
  for (const Case& bad : std::vector<Case>{
           {"SSH-2.0-OpenSSH_9.2\r\n\r\n", "http_protocol_error"},
           {"HTTP/2.0 200 OK\r\n\r\n", "http_protocol_error"},
           {"HTTP/1.1 2000 OK\r\n\r\n", "http_protocol_error"},
           {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
            "http_protocol_error"},
           {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "http_protocol_error"},
           {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "http_protocol_error"},
           {"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "http_protocol_error"},
           {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            "http_response_transfer_coding"},
           {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n", "http_protocol_error"},
           {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokay\r\n",
            "http_protocol_error"},
           {long_field, "http_response_header_section_size", "upstream_head"},
           {many_fields, "http_response_header_section_size", "upstream_fields"},
           {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\nabc",
            "http_upgrade_failed"}}) {
    SCOPED_TRACE(bad.octets.substr(0, 80));
    for (const bool slowly : {false, true}) {
      H1ClientFixture f(limits);
      f.serve_one();
      const FakeReceiver& one = f.request();
      slowly ? f.hear_slowly(bad.octets) : f.hear(std::string(bad.octets));
      expect_failure(one, 502, bad.error);
      EXPECT_EQ(one.failure->limit, bad.limit);
      EXPECT_FALSE(one.failure->unread || one.failure->idle_race);
      EXPECT_FALSE(f.alive());
      EXPECT_EQ(f.owner.ended, 1);
    }
  }
}

// --- While the request is sent -------------------------------------------------------------------

// A 413 comes while the client is still uploading: it is the answer, and the connection is not used
// again, since nobody knows where the next request would begin.
TEST(H1ClientFailures, AreNoneWhenAResponseComesEarly) {
  H1ClientFixture f;
  Tap tap{.ready = "abc"};
  TapSource content(tap);
  const FakeReceiver& one = f.request("PUT", &content, 100);
  f.hear("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno");
  EXPECT_TRUE(one.ended);
  EXPECT_EQ(one.status, 413);
  EXPECT_EQ(one.body, "no");
  EXPECT_EQ(f.owner.available, 0);
  EXPECT_EQ(f.owner.ended, 1);
  EXPECT_FALSE(f.alive());
}

TEST(H1ClientFailures, SendOnBehindAHeadThatCameEarly) {
  H1ClientFixture f;
  Tap tap{.ready = "abc"};
  TapSource content(tap);
  FakeReceiver& one = f.request("PUT", &content, 6);
  f.hear("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no");
  tap.ready = "def";
  tap.ended = true;
  one.stream->wake();
  f.turn();
  EXPECT_TRUE(f.said().ends_with("\r\n\r\nabcdef"));
  f.hear("k");
  EXPECT_TRUE(one.ended);
  EXPECT_TRUE(f.connection->takes_request());
}

// Such a reset is known by the write before the loop has told of what came with it.
TEST(H1ClientFailures, AreNoneWhenAFailedWriteHasAnAnswer) {
  constexpr std::string_view kAnswer =
      "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno";
  for (size_t before = 0; before < kAnswer.size(); ++before) {
    for (const bool told : {true, false}) {
      SCOPED_TRACE(std::to_string(before) + (told ? ", told" : ", untold"));
      H1ClientFixture f;
      Tap tap{.ready = "abc"};
      TapSource content(tap);
      FakeReceiver& one = f.request("PUT", &content);
      if (before > 0) f.hear(std::string(kAnswer.substr(0, before)));
      tap.ready = "def";
      f.wire.fails = true;
      f.wire.told = told;
      f.wire.input.push_back({Kind::octets, std::string(kAnswer.substr(before))});
      f.hear_reset();
      EXPECT_TRUE(one.ended);
      EXPECT_EQ(one.status, 413);
      EXPECT_EQ(one.body, "no");
      EXPECT_EQ(f.owner.available, 0);
      EXPECT_FALSE(f.alive());
    }
  }
}

TEST(H1ClientFailures, AreToldWhenAWriteFailsAndNothingIsToBeRead) {
  for (const bool reused : {false, true}) {
    H1ClientFixture f;
    if (reused) f.serve_one();
    f.wire.fails = true;
    const FakeReceiver& one = f.request();
    expect_failure(one, 502, "connection_terminated", "upstream reset the connection");
    EXPECT_FALSE(one.failure->unread);
    EXPECT_EQ(one.failure->idle_race, reused);
    EXPECT_FALSE(f.alive());
  }
}

TEST(H1ClientFailures, AreToldWhenAWriteFailsAndTheRestIsAnEnd) {
  H1ClientFixture f;
  Tap tap{.ready = "abc"};
  TapSource content(tap);
  const FakeReceiver& one = f.request("PUT", &content);
  f.wire.fails = true;
  tap.ready = "def";
  f.wire.input.push_back({Kind::octets, "HTTP/1.1 4"});
  f.hear_end();
  expect_failure(one, 502, "http_response_incomplete");
  EXPECT_FALSE(f.alive());
}

TEST(H1ClientFailures, OfContentCutTheRequest) {
  H1ClientFixture f;
  Tap tap{.failed = true};
  TapSource content(tap);
  const FakeReceiver& one = f.request("PUT", &content, 100);
  expect_failure(one, 400, "http_request_error", "request content could not be read");
  EXPECT_FALSE(f.alive());
}

TEST(H1ClientFailures, KeepContentWithinItsLength) {
  H1ClientFixture f;
  TextSource content("too long");
  const FakeReceiver& one = f.request("PUT", &content, 3);
  expect_failure(one, 500, "http_request_error", kContentOfOtherLength.cause);
  EXPECT_EQ(f.said().find("too long"), std::string::npos);
  EXPECT_FALSE(f.alive());
}

// What the upstream waits for would be the beginning of the next request.
TEST(H1ClientFailures, EndARequestWhoseContentIsTooShort) {
  H1ClientFixture f;
  TextSource content("abc");
  const FakeReceiver& one = f.request("PUT", &content, 5);
  expect_failure(one, 500, "http_request_error", kContentOfOtherLength.cause);
  EXPECT_FALSE(f.alive());
}

TEST(H1ClientFailures, LetTheReceiverAskForMoreAtOnce) {
  H1ClientFixture f;
  FakeReceiver& one = f.request();
  bool told_before = false;
  one.on_failure = [&] { told_before = f.owner.ended == 1; };
  f.hear_end();
  EXPECT_TRUE(told_before);  // the owner has forgotten it by then
}

// --- cancel() ------------------------------------------------------------------------------------

TEST(H1ClientFailures, NeverFollowACancel) {
  const std::string octets =
      std::string(kInterim.substr(0, kInterim.find("HTTP/1.1 204"))) + std::string(kChunked);
  for (size_t at = 0; at < octets.size(); ++at) {
    SCOPED_TRACE(at);
    H1ClientFixture f;
    Tap tap{.ready = "abc"};
    TapSource content(tap);
    FakeReceiver& one = f.request("PUT", &content);
    f.hear(octets.substr(0, at));
    f.cancel(one);
    const int pulls = tap.pulls;
    f.turn();
    EXPECT_EQ(tap.pulls, pulls);
    EXPECT_EQ(f.owner.ended, 1);
    EXPECT_FALSE(f.alive());
  }
}

TEST(H1ClientFailures, NeverFollowACancelBeforeTheRequestLeft) {
  H1ClientFixture f;
  FakeReceiver& one = f.begin();
  f.cancel(one);
  f.turn();
  EXPECT_EQ(f.said(), "");
  EXPECT_EQ(f.owner.ended, 1);
  EXPECT_FALSE(f.alive());
}

TEST(H1ClientFailures, NeverFollowACancelFromWithinTheTurn) {
  for (const At when : {At::head, At::body, At::trailers}) {
    for (const bool at_once : {true, false}) {
      H1ClientFixture f;
      FakeReceiver& one = f.request();
      one.cancel_at = when;
      at_once ? f.hear(std::string(kChunked)) : f.hear_slowly(kChunked);
      EXPECT_TRUE(one.cancelled);
      EXPECT_EQ(f.owner.available, 0);
      EXPECT_EQ(f.owner.ended, 1);
      EXPECT_FALSE(f.alive());
    }
  }
}

TEST(H1ClientFailures, NeverFollowACancelAtAnInterimHead) {
  H1ClientFixture f;
  FakeReceiver& one = f.request();
  one.cancel_at = At::head;
  f.hear(std::string(kInterim));
  EXPECT_EQ(one.interims, std::vector<int>{103});
  EXPECT_EQ(one.status, 0);
  EXPECT_FALSE(f.alive());
}

}  // namespace
}  // namespace sluice::http
