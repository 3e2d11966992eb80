// The problem: whatever an upstream, a request's source or a network does wrong, each receiver is
// told once and truly: what cannot have been read may be sent again, what was cut looks cut.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "server/http/h2_client_connection.h"
#include "unit/server/http/h2_client_fixture.h"

namespace sluice::http {
namespace {

using std::chrono::milliseconds;

std::string reset(h2::StreamId id, h2::ErrorCode code) {
  return h2::frame(h2::kRstStream, 0, id, h2::number(static_cast<uint32_t>(code), 4));
}
std::string goaway(h2::StreamId last, h2::ErrorCode code = h2::ErrorCode::no_error) {
  return h2::frame(
      h2::kGoaway, 0, 0,
      h2::number(static_cast<uint32_t>(last), 4) + h2::number(static_cast<uint32_t>(code), 4));
}
std::string head_of(h2::StreamId id, int flags = h2::kEndHeaders) {
  return h2::headers(id, {{":status", "200"}}, flags);
}

void expect_failure(const FakeReceiver& one, int status, std::string_view error,
                    std::string_view cause) {
  ASSERT_TRUE(one.failure);
  EXPECT_FALSE(one.ended);
  EXPECT_EQ(one.failure->status, status);
  EXPECT_EQ(one.failure->error, error);
  EXPECT_EQ(one.failure->cause, cause);
}

// A request of which the upstream has heard, and answers by hand.
class H2ClientFailures : public ::testing::Test {
 protected:
  H2ClientFailures() {
    f.greet();
    one = &f.request();
    f.wake();
    (void)f.said();
  }
  H2ClientFixture f;
  FakeReceiver* one = nullptr;
};

// --- Streams -------------------------------------------------------------------------------------

TEST_F(H2ClientFailures, MayBeSentAgainWhenItWasRefused) {
  f.hear(reset(1, h2::ErrorCode::refused_stream));
  expect_failure(*one, 502, "connection_terminated", "upstream refused the stream");
  EXPECT_TRUE(one->failure->unread);
  EXPECT_FALSE(one->failure->idle_race);
  EXPECT_TRUE(f.connection->takes_request());
  EXPECT_EQ(f.owner.available, 1);
}

TEST_F(H2ClientFailures, IsNotUnreadWhenItIsRefusedBehindItsHead) {
  f.hear(head_of(1) + reset(1, h2::ErrorCode::refused_stream));
  expect_failure(*one, 502, "http_response_incomplete", "upstream refused the stream");
  EXPECT_FALSE(one->failure->unread);
}

TEST_F(H2ClientFailures, IsToldOfAResetBeforeItsHead) {
  f.hear(reset(1, h2::ErrorCode::internal_error));
  expect_failure(*one, 502, "connection_terminated", "upstream reset the stream");
  EXPECT_FALSE(one->failure->unread || one->failure->idle_race);
}

TEST_F(H2ClientFailures, IsToldOfAResetWithinItsContent) {
  f.hear(head_of(1) + h2::frame(h2::kData, 0, 1, "abc") + reset(1, h2::ErrorCode::cancel));
  EXPECT_EQ(one->body, "abc");
  expect_failure(*one, 502, "http_response_incomplete", "upstream reset the stream");
}

TEST_F(H2ClientFailures, IsNotWholeWhenItIsResetWithNoErrorBeforeItsEnd) {
  f.hear(head_of(1) + h2::frame(h2::kData, 0, 1, "abc") + reset(1, h2::ErrorCode::no_error));
  expect_failure(*one, 502, "http_response_incomplete", "upstream reset the stream");
}

TEST_F(H2ClientFailures, SaysThatHttp11IsRequired) {
  f.hear(reset(1, h2::ErrorCode::http_1_1_required));
  expect_failure(*one, 502, "http_protocol_error", "upstream requires HTTP/1.1");
}

TEST_F(H2ClientFailures, LeavesTheOthersAlone) {
  FakeReceiver& other = f.request();
  f.wake();
  f.hear(head_of(3) + reset(1, h2::ErrorCode::cancel) +
         h2::frame(h2::kData, h2::kEndStream, 3, "whole"));
  EXPECT_TRUE(one->failure);
  EXPECT_EQ(other.body, "whole");
  EXPECT_TRUE(other.ended);
}

TEST_F(H2ClientFailures, MaySendTheRequestAgainAtOnce) {
  one->on_failure = [this] { f.request(); };
  f.hear(reset(1, h2::ErrorCode::refused_stream));
  ASSERT_EQ(f.receivers.size(), 2U);
  f.hear(head_of(3, h2::kEndHeaders | h2::kEndStream));
  EXPECT_TRUE(f.receivers[1]->ended);
}

// --- Malformed messages --------------------------------------------------------------------------

// Whatever follows in the same read, it does not become a good one (RFC 9113 section 8.1.1).
TEST_F(H2ClientFailures, PassesNothingOnOfAMalformedResponse) {
  const std::string good = head_of(1) + h2::frame(h2::kData, h2::kEndStream, 1, "good");
  const std::vector<std::string> bad = {
      h2::headers(1, {{":status", "099"}}, h2::kEndHeaders) + good,
      h2::headers(1, {{":status", "2x0"}}, h2::kEndHeaders) + good,
      h2::headers(1, {{":status", "101"}}, h2::kEndHeaders) + good,
      h2::headers(1, {{"server", "x"}}, h2::kEndHeaders) + good,
      h2::headers(1, {{":status", "200"}, {":path", "/"}}, h2::kEndHeaders) + good,
      h2::headers(1, {{":status", "200"}, {"Upper", "x"}}, h2::kEndHeaders) + good,
      h2::headers(1, {{":status", "200"}, {"connection", "close"}}, h2::kEndHeaders) + good,
      h2::headers(1, {{":status", "200"}, {"transfer-encoding", "chunked"}}, h2::kEndHeaders) +
          good,
      h2::headers(1, {{":status", "200"}, {"x", "a\r\nb"}}, h2::kEndHeaders) + good,
      h2::headers(1, {{":status", "103"}}, h2::kEndHeaders | h2::kEndStream),
  };
  for (size_t i = 0; i < bad.size(); ++i) {
    SCOPED_TRACE(i);
    H2ClientFixture fresh;
    fresh.greet();
    FakeReceiver& victim = fresh.request();
    FakeReceiver& other = fresh.request();
    fresh.wake();
    fresh.hear(bad[i]);
    expect_failure(victim, 502, "http_protocol_error", "malformed response");
    EXPECT_EQ(victim.status, 0);
    EXPECT_EQ(victim.body, "");
    EXPECT_EQ(h2::code_for(fresh.said_frames(), 1), h2::ErrorCode::protocol_error);
    fresh.hear(head_of(3, h2::kEndHeaders | h2::kEndStream));
    EXPECT_TRUE(other.ended) << "the connection goes on";
  }
}

TEST_F(H2ClientFailures, CutsAResponseThatIsNotOfItsLength) {
  const std::vector<std::string> contents = {
      h2::frame(h2::kData, h2::kEndStream, 1, "abcd"),
      h2::frame(h2::kData, h2::kEndStream, 1, "abcdef"),
      h2::frame(h2::kData, 0, 1, "abcdef") + h2::frame(h2::kData, h2::kEndStream, 1),
  };
  for (const std::string& content : contents) {
    H2ClientFixture fresh;
    fresh.greet();
    FakeReceiver& victim = fresh.request();
    fresh.wake();
    fresh.hear(h2::headers(1, {{":status", "200"}, {"content-length", "5"}}, h2::kEndHeaders) +
               content);
    expect_failure(victim, 502, "http_protocol_error", "malformed response");
  }
}

TEST_F(H2ClientFailures, TakesNoContentForAnAnswerToHead) {
  FakeReceiver& other = f.request("HEAD");
  f.wake();
  f.hear(h2::headers(3, {{":status", "200"}, {"content-length", "5"}}, h2::kEndHeaders) +
         h2::frame(h2::kData, h2::kEndStream, 3, "abcde"));
  expect_failure(other, 502, "http_protocol_error", "malformed response");
}

TEST_F(H2ClientFailures, TakesALengthForAnAnswerToHead) {
  FakeReceiver& other = f.request("HEAD");
  f.wake();
  f.hear(h2::headers(3, {{":status", "200"}, {"content-length", "5"}}));
  EXPECT_TRUE(other.ended);
  EXPECT_FALSE(other.has_content);
}

TEST(H2ClientLimits, RefusesHeadsAndTrailersThatAreTooLarge) {
  struct Case {
    std::string name;
    std::string_view error;
    std::string_view limit;
    std::string octets;
  };
  std::string many;
  for (int i = 0; i < 9; ++i) many += h2::block_of({{"a", "b"}});
  const std::string large(300, 'x');
  const std::string status = h2::block_of({{":status", "200"}});
  const auto head = [&](const std::string& rest) {
    return h2::frame(h2::kHeaders, h2::kEndHeaders, 1, status + rest);
  };
  const auto trailers = [&](const std::string& rest) {
    return head("") + h2::frame(h2::kHeaders, h2::kEndHeaders | h2::kEndStream, 1, rest);
  };
  const std::vector<Case> cases = {
      {"field", "http_response_header_size", "upstream_head", head(h2::block_of({{"a", large}}))},
      {"head", "http_response_header_section_size", "upstream_head",
       head(h2::block_of({{"a", large.substr(0, 90)}, {"b", large.substr(0, 90)}}))},
      {"fields", "http_response_header_section_size", "upstream_fields", head(many)},
      {"trailers", "http_response_trailer_section_size", "upstream_head",
       trailers(h2::block_of({{"a", large}}))},
      {"trailer fields", "http_response_trailer_section_size", "upstream_fields", trailers(many)},
  };
  conf::Limits limits;
  limits.upstream_head = 256;
  limits.upstream_fields = 5;
  for (const Case& one : cases) {
    SCOPED_TRACE(one.name);
    H2ClientFixture f({.limits = limits});
    f.greet();
    FakeReceiver& victim = f.request();
    f.wake();
    (void)f.said();
    f.hear(one.octets);
    ASSERT_TRUE(victim.failure);
    EXPECT_EQ(victim.failure->status, 502);
    EXPECT_EQ(victim.failure->error, one.error);
    EXPECT_EQ(victim.failure->limit, one.limit);
    EXPECT_FALSE(victim.ended);
    EXPECT_TRUE(f.connection->idle());
    EXPECT_TRUE(f.connection->takes_request());
    int resets = 0;
    for (const h2::Frame& frame : f.said_frames()) resets += frame.type == h2::kRstStream ? 1 : 0;
    EXPECT_LE(resets, 1);
  }
}

TEST_F(H2ClientFailures, SaysWhatCannotBeFramed) {
  FakeReceiver& other = f.request();
  const std::string large(70'000, 'x');
  other.asked.fields.add("x", large);
  f.wake();
  expect_failure(other, 500, "http_request_error", "request head too large for HTTP/2");
  f.hear(head_of(1, h2::kEndHeaders | h2::kEndStream));
  EXPECT_TRUE(one->ended);
}

// --- GOAWAY --------------------------------------------------------------------------------------

TEST_F(H2ClientFailures, MayBeSentAgainWhenGoawayDoesNotNameIt) {
  FakeReceiver& other = f.request();
  f.wake();
  f.hear(goaway(1));
  expect_failure(other, 502, "connection_terminated", "upstream takes no more requests");
  EXPECT_TRUE(other.failure->unread);
  EXPECT_FALSE(one->failure);
  EXPECT_FALSE(f.connection->takes_request());
  EXPECT_EQ(f.owner.ended, 1);
  EXPECT_FALSE(f.owner.closed_while_idle);
  EXPECT_TRUE(f.alive());
  f.hear(head_of(1, h2::kEndHeaders | h2::kEndStream));
  EXPECT_TRUE(one->ended);
  EXPECT_FALSE(f.alive());
  EXPECT_EQ(f.owner.ended, 1);
  EXPECT_EQ(f.owner.available, 0);
}

TEST_F(H2ClientFailures, GoesOnUntilTheLastGoaway) {
  FakeReceiver& other = f.request();
  f.wake();
  f.hear(goaway(INT32_MAX));
  EXPECT_EQ(f.owner.ended, 1);
  EXPECT_FALSE(other.failure);
  f.hear(goaway(1) + head_of(1, h2::kEndHeaders | h2::kEndStream));
  EXPECT_TRUE(other.failure && other.failure->unread);
  EXPECT_TRUE(one->ended);
  EXPECT_FALSE(f.alive());
}

TEST_F(H2ClientFailures, MayBeSentAgainWhenGoawayCameBeforeItLeft) {
  f.wire.takes = false;
  FakeReceiver& other = f.request();
  f.wake();
  f.hear(goaway(1));
  ASSERT_TRUE(other.failure);
  EXPECT_TRUE(other.failure->unread);
}

// --- The connection ------------------------------------------------------------------------------

TEST_F(H2ClientFailures, IsNoIdleRaceOnAFreshConnection) {
  f.hear_end();
  expect_failure(*one, 502, "connection_terminated", "upstream closed the connection");
  EXPECT_FALSE(one->failure->unread || one->failure->idle_race);
  EXPECT_EQ(f.owner.ended, 1);
  EXPECT_FALSE(f.owner.closed_while_idle);
  EXPECT_FALSE(f.alive());
}

TEST_F(H2ClientFailures, IsAnIdleRaceOnAUsedConnectionBeforeItsFirstOctet) {
  f.hear(head_of(1, h2::kEndHeaders | h2::kEndStream));
  FakeReceiver& quiet = f.request();
  FakeReceiver& heard = f.request();
  FakeReceiver& cut = f.request();
  f.wake();
  f.hear(h2::headers(5, {{":status", "103"}}, h2::kEndHeaders) + head_of(7));
  f.hear_reset();
  expect_failure(quiet, 502, "connection_terminated", "upstream reset the connection");
  EXPECT_TRUE(quiet.failure->idle_race);
  EXPECT_FALSE(quiet.failure->unread);
  expect_failure(heard, 502, "http_response_incomplete", "upstream reset the connection");
  EXPECT_FALSE(heard.failure->idle_race);
  expect_failure(cut, 502, "http_response_incomplete", "upstream reset the connection");
  EXPECT_FALSE(cut.failure->idle_race);
}

TEST_F(H2ClientFailures, IsNoIdleRaceWithinAHead) {
  f.hear(head_of(1, h2::kEndHeaders | h2::kEndStream));
  FakeReceiver& other = f.request();
  f.wake();
  f.hear(h2::headers(3, {{":status", "200"}}, 0));
  f.hear_end();
  ASSERT_TRUE(other.failure);
  EXPECT_FALSE(other.failure->idle_race);
}

TEST_F(H2ClientFailures, IsUnreadWhenNoOctetOfItLeft) {
  f.hear(head_of(1, h2::kEndHeaders | h2::kEndStream));
  f.wire.takes = false;
  FakeReceiver& other = f.request("POST");
  f.wake();
  f.hear_reset();
  ASSERT_TRUE(other.failure);
  EXPECT_TRUE(other.failure->unread);
}

TEST_F(H2ClientFailures, IsNotUnreadWhenAnOctetOfItLeft) {
  f.hear(head_of(1, h2::kEndHeaders | h2::kEndStream));
  (void)f.said();
  f.wire.take_per_flush = 1;
  FakeReceiver& other = f.request("POST");
  f.loop.run_once(milliseconds(0));
  ASSERT_GE(f.wire.output.size(), 1U);
  f.wire.fails = true;
  f.wake();
  ASSERT_TRUE(other.failure);
  EXPECT_FALSE(other.failure->unread);
}

TEST_F(H2ClientFailures, ReadsWhatTheUpstreamSaidBeforeTheWriteFailed) {
  f.wire.fails = true;
  h2::Source upload({"x"});
  FakeReceiver& other = f.request("POST", &upload);
  f.wire.input.push_back({Wire::Step::Kind::octets, head_of(1, h2::kEndHeaders | h2::kEndStream)});
  f.wake();
  EXPECT_TRUE(one->ended);
  ASSERT_TRUE(other.failure);
  EXPECT_TRUE(other.failure->unread);
  EXPECT_FALSE(f.alive());
}

TEST_F(H2ClientFailures, EndsWithAnUpstreamThatSpeaksSomethingElse) {
  H2ClientFixture fresh;
  FakeReceiver& victim = fresh.request();
  fresh.wake();
  fresh.hear("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
  ASSERT_TRUE(victim.failure);
  EXPECT_EQ(victim.failure->status, 502);
  EXPECT_EQ(victim.failure->error, "http_protocol_error");
  EXPECT_FALSE(fresh.alive());
  EXPECT_EQ(fresh.owner.ended, 1);
}

TEST_F(H2ClientFailures, TellsTheOwnerBeforeTheReceivers) {
  one->on_failure = [this] {
    EXPECT_EQ(f.owner.ended, 1);
    EXPECT_FALSE(f.connection->takes_request());
  };
  FakeReceiver& other = f.request();
  f.wake();
  f.hear_reset();
  EXPECT_TRUE(one->failure && other.failure);
}

// --- The sign of life ----------------------------------------------------------------------------

TEST(H2ClientPatience, EndsWithAnUpstreamThatDoesNotAnswerPing) {
  H2ClientFixture f({.patience = {.silence = milliseconds(60), .answer = milliseconds(60)}});
  f.greet();
  f.wait(milliseconds(250));
  EXPECT_EQ(f.said(), "") << "who is idle is not asked";
  FakeReceiver& one = f.request();
  f.wake();
  (void)f.said();
  f.wait(milliseconds(400));
  EXPECT_NE(h2::find(f.said_frames(), h2::kPing), nullptr);
  expect_failure(one, 502, "connection_terminated", "upstream does not answer PING");
  EXPECT_FALSE(f.alive());
}

// It is asked again only when it has answered.
TEST(H2ClientPatience, StaysWithAnUpstreamThatAnswersPing) {
  H2ClientFixture f({.patience = {.silence = milliseconds(40), .answer = milliseconds(30'000)}});
  FakeReceiver& one = f.request();
  for (int i = 0; i < 8; ++i) {
    f.talk();
    f.wait(milliseconds(110));
  }
  int asked = 0;
  for (const h2::Frame& frame : h2::frames_of(f.wire.output.substr(h2::kPreface.size())))
    asked += frame.type == h2::kPing ? 1 : 0;
  EXPECT_GE(asked, 2);
  EXPECT_FALSE(one.failure);
  f.respond(1);
  f.talk();
  EXPECT_TRUE(one.ended);
}

// --- Floods --------------------------------------------------------------------------------------

TEST_F(H2ClientFailures, EndsWithAnUpstreamThatFloods) {
  struct Case {
    std::string_view limit;
    std::string octets;
  };
  const std::vector<Case> cases = {
      {"http2_pings", h2::frame(h2::kPing, 0, 0, "12345678")},
      {"http2_settings", h2::frame(h2::kSettings, 0, 0)},
      {"http2_empty_in_a_row", h2::frame(h2::kData, 0, 1)},
      {"http2_window_updates", h2::frame(h2::kWindowUpdate, 0, 0, h2::number(1, 4))},
      {"http2_unknown_frames", h2::frame(0x77, 0, 0)},
  };
  for (const Case& flood : cases) {
    SCOPED_TRACE(flood.limit);
    H2ClientFixture fresh;
    fresh.greet();
    FakeReceiver& victim = fresh.request();
    fresh.wake();
    fresh.hear(head_of(1));
    (void)fresh.said();
    std::string octets;
    for (int i = 0; i < 300; ++i) octets += flood.octets;
    fresh.hear(octets);
    ASSERT_TRUE(victim.failure);
    EXPECT_EQ(victim.failure->error, "http_protocol_error");
    EXPECT_EQ(victim.failure->limit, flood.limit);
    EXPECT_EQ(h2::code_for(fresh.said_frames(), 0), h2::ErrorCode::enhance_your_calm);
    EXPECT_FALSE(fresh.alive());
    EXPECT_EQ(fresh.owner.ended, 1);
  }
}

// A stream of events in small frames is what many an upstream is for.
TEST_F(H2ClientFailures, SparesAResponseOfSmallFrames) {
  f.hear(head_of(1));
  for (int i = 0; i < 1500; ++i) {
    f.hear(h2::frame(h2::kData, 0, 1, "data: 1\n\n"));
    one->consume();
  }
  EXPECT_EQ(one->body.size(), 1500U * 9);
  EXPECT_FALSE(one->failure);
}

TEST(H2ClientFloods, EndsWithAnUpstreamThatResetsEverything) {
  H2ClientFixture f;
  f.greet();
  int sent = 0;
  for (h2::StreamId id = 1; f.alive() && sent < 2000; id += 2, ++sent) {
    f.request();
    f.wake();
    f.hear(reset(id, h2::ErrorCode::refused_stream));
  }
  EXPECT_LT(sent, 700);
  EXPECT_GT(sent, 100);
  EXPECT_EQ(f.owner.ended, 1);
}

}  // namespace
}  // namespace sluice::http
