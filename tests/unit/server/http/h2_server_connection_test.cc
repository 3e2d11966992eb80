// The problem: many exchanges share a connection, and none may wait for, spoil or outlive another.
#include "server/http/h2_server_connection.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "unit/server/http/h2_fixture.h"

namespace sluice::http {
namespace {

TEST(H2ServerConnection, AnswersByPriorKnowledge) {
  H2Fixture f;
  const SeenStream& stream = f.get("/");
  EXPECT_EQ(stream.status, 200);
  EXPECT_EQ(stream.body, "hello GET /");
  EXPECT_EQ(stream.fields.at("content-length"), "11");
  EXPECT_TRUE(stream.ended);
  ASSERT_EQ(f.log.entries.size(), 1U);
  EXPECT_TRUE(f.log.entries[0].complete);
  EXPECT_EQ(f.log.entries[0].octets, 11U);
}

TEST(H2ServerConnection, GivesTheSameAnswerWhereverThePrefaceIsSplit) {
  for (size_t split = 1; split < 80; ++split) {
    SCOPED_TRACE(split);
    H2Fixture f;
    const h2::StreamId id = f.client.request("GET", "/");
    const std::string said = f.client.say();
    f.wire.input.push_back({Wire::Step::Kind::octets, said.substr(0, split)});
    f.wake_all();
    f.wire.input.push_back({Wire::Step::Kind::octets, said.substr(split)});
    f.wake_all();
    f.exchange();
    EXPECT_EQ(f.client.stream(id).body, "hello GET /");
  }
}

TEST(H2ServerConnection, IsNotTakenForHttp2WhereTheListenerDoesNotSpeakIt) {
  ConnectionFixture f;
  f.listener = Ref<ListenerSettings>(new ListenerSettings(0, {.values = f.limits}, {}, {}, false));
  f.connect();
  f.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  EXPECT_EQ(f.statuses(), std::vector<int>{505});
}

TEST(H2ServerConnection, AnswersManyAtOnceWhicheverIsReadyFirst) {
  H2Fixture f;
  const h2::StreamId slow = f.client.request("GET", "/later");
  std::vector<h2::StreamId> quick;
  for (int i = 0; i < 50; ++i) quick.push_back(f.client.request("GET", "/" + std::to_string(i)));
  f.exchange();
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(f.client.stream(quick[static_cast<size_t>(i)]).body,
              "hello GET /" + std::to_string(i));
  }
  EXPECT_EQ(f.client.stream(slow).status, 0);
  respond_with_status(*f.handler.waiting, 404, "");
  f.exchange();
  EXPECT_EQ(f.client.stream(slow).status, 404);
}

TEST(H2ServerConnection, ContentOfUnknownLengthEndsItsStream) {
  H2Fixture f;
  const SeenStream& stream = f.get("/chunked");
  EXPECT_EQ(stream.body, "hello");
  EXPECT_TRUE(stream.ended);
  EXPECT_EQ(stream.fields.count("content-length"), 0U);
}

TEST(H2ServerConnection, ASourceThatWasDryGoesOn) {
  H2Fixture f;
  const SeenStream& stream = f.get("/tap");
  EXPECT_EQ(stream.status, 200);
  EXPECT_EQ(stream.body, "");
  f.handler.tap.ready = "first";
  f.wake_stream();
  f.exchange();
  EXPECT_EQ(stream.body, "first");
  f.handler.tap.ready = "last";
  f.handler.tap.ended = true;
  f.wake_stream();
  f.exchange();
  EXPECT_EQ(stream.body, "firstlast");
  EXPECT_TRUE(stream.ended);
}

TEST(H2ServerConnection, ASourceThatFailsCutsItsStreamAlone) {
  H2Fixture f;
  const SeenStream& stream = f.get("/tap");
  f.handler.tap.failed = true;
  f.wake_stream();
  f.exchange();
  EXPECT_FALSE(stream.ended);
  EXPECT_EQ(f.get("/").status, 200);
  EXPECT_EQ(f.log.entries[0].cause, "content failed");
  EXPECT_FALSE(f.log.entries[0].complete);
}

TEST(H2ServerConnection, EchoesContentAsItArrives) {
  H2Fixture f;
  std::string text;
  for (int i = 0; i < 30'000; ++i) text += std::to_string(i);
  TextSource content(text, false, 5'000);
  const h2::StreamId id = f.client.request("POST", "/echo", &content);
  f.exchange();
  EXPECT_EQ(f.client.stream(id).body.size(), text.size());
  EXPECT_TRUE(f.client.stream(id).body == text);
  EXPECT_TRUE(f.client.stream(id).ended);
}

// Content with a trailer behind it.
class TrailedSource final : public BodySource {
 public:
  TrailedSource() { trailers_.add("checksum", "1234"); }
  Pull pull(Chain& out, size_t) override {
    out.append_static("content");
    return Pull::end;
  }
  const FieldList* trailers() const override { return &trailers_; }

 private:
  FieldList trailers_;
};

TEST(H2ServerConnection, PassesTrailersBothWays) {
  H2Fixture f;
  TrailedSource content;
  const h2::StreamId id = f.client.request("POST", "/echo", &content);
  f.exchange();
  EXPECT_EQ(f.client.stream(id).body, "content");
  EXPECT_EQ(f.client.stream(id).trailers.at("checksum"), "1234");
  EXPECT_TRUE(f.client.stream(id).ended);
}

TEST(H2ServerConnection, InvitesContentThatIsWaitedFor) {
  H2Fixture f;
  TextSource content("12345");
  const h2::StreamId id = f.client.request("POST", "/count", &content, 5, "expect", "100-continue");
  f.exchange();
  EXPECT_EQ(f.client.stream(id).body, "5");
}

TEST(H2ServerConnection, AStreamThatTheClientResetsIsCancelled) {
  H2Fixture f;
  const h2::StreamId id = f.client.request("GET", "/later");
  f.exchange();
  ASSERT_NE(f.handler.waiting, nullptr);
  f.client.codec.reset(id, h2::ErrorCode::cancel);
  f.exchange();
  EXPECT_EQ(f.handler.cancelled, 1);
  ASSERT_EQ(f.log.entries.size(), 1U);
  EXPECT_EQ(f.log.entries[0].cause, "client reset the stream");
  EXPECT_EQ(f.get("/").status, 200);
}

// What is opened and reset in one read costs no handler anything (SECURITY, rapid reset).
TEST(H2ServerConnection, AStreamResetInTheSameReadReachesNoHandler) {
  H2Fixture f;
  f.exchange();
  const h2::StreamId id = f.client.request("GET", "/later");
  std::string said = f.client.say();
  f.client.codec.reset(id, h2::ErrorCode::cancel);
  said += f.client.say();
  f.wire.input.push_back({Wire::Step::Kind::octets, said});
  f.wake_all();
  EXPECT_EQ(f.handler.started, 0);
  EXPECT_TRUE(f.log.entries.empty());
}

TEST(H2ServerConnection, DrainingAnswersWhatIsUnderWayAndSaysSoTwice) {
  H2Fixture f;
  const h2::StreamId id = f.client.request("GET", "/later");
  f.exchange();
  f.context.start_draining();
  f.exchange();
  f.exchange();
  ASSERT_EQ(f.client.goaways.size(), 2U);
  EXPECT_EQ(f.client.goaways[0].first, INT32_MAX);
  EXPECT_EQ(f.client.goaways[1].first, id);
  EXPECT_FALSE(f.wire.shut_down);
  respond_with_status(*f.handler.waiting, 404, "");
  f.exchange();
  EXPECT_EQ(f.client.stream(id).status, 404);
  EXPECT_TRUE(f.wire.shut_down);
}

TEST(H2ServerConnection, AClientThatClosesGetsWhatItAskedForWhole) {
  H2Fixture f;
  const h2::StreamId id = f.client.request("GET", "/later");
  f.exchange();
  f.send_end_to_current();
  ASSERT_NE(f.handler.waiting, nullptr);
  respond_with_status(*f.handler.waiting, 404, "");
  f.turn();
  f.hear_rest();
  EXPECT_EQ(f.client.stream(id).status, 404);
  EXPECT_TRUE(f.wire.closed);
}

}  // namespace
}  // namespace sluice::http
