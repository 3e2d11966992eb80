// How streams and connections end: resets at every moment in both roles, release(), promises,
// GOAWAY in two steps, PING (RFC 9113 sections 5.4, 6.4, 6.7, 6.8 and 8.4).
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "protocol/h2/codec.h"
#include "unit/protocol/h2/pair.h"

namespace sluice::h2 {
namespace {

// A stream's moments; each goes on from the one before.
constexpr int kMoments = 6;

struct Exchange {
  explicit Exchange(Pair& its_pair) : pair(its_pair) {}
  // Brings a stream to a moment: 0 submitted, 1 heard of, 2 content on its way, 3 request ended,
  // 4 response begun, 5 response's content on its way.
  void go_to(int moment) {
    id = pair.request("POST", &upload);
    if (moment == 0) return;
    pair.exchange();
    if (moment == 1) return;
    upload.add({"more"}, Pull::pending);
    pair.client.codec.resume(id);
    pair.exchange();
    if (moment == 2) return;
    upload.add({}, Pull::end);
    pair.client.codec.resume(id);
    pair.exchange();
    if (moment == 3) return;
    pair.respond(id, 200, &content);
    pair.exchange();
    if (moment == 4) return;
    content.add({"response"}, Pull::pending);
    pair.server.codec.resume(id);
    pair.exchange();
  }
  Pair& pair;
  Source upload{{"some"}, Pull::pending};
  Source content{{}, Pull::pending};
  StreamId id = 0;
};

// That the connection still works, and nothing stirs on the stream that is over.
void expect_another_goes_well(Pair& pair) {
  const StreamId id = pair.request();
  pair.exchange();
  ASSERT_TRUE(pair.server.has(id));
  pair.respond(id);
  pair.exchange();
  EXPECT_EQ(pair.client[id].closed, ErrorCode::no_error);
  EXPECT_TRUE(pair.healthy());
}

TEST(H2CodecEnds, ClientResetsAtEveryMoment) {
  for (int moment = 0; moment < kMoments; ++moment) {
    SCOPED_TRACE(moment);
    at_every_cut([moment](Pair& pair) {
      Exchange exchange(pair);
      exchange.go_to(moment);
      pair.client.codec.reset(exchange.id, ErrorCode::cancel);
      pair.exchange();
      Response& response = pair.client[exchange.id];
      EXPECT_EQ(response.closed, ErrorCode::cancel);
      EXPECT_FALSE(response.closed_by_peer);
      EXPECT_FALSE(response.ended);
      if (pair.server.has(exchange.id)) {
        EXPECT_EQ(pair.server[exchange.id].closed, ErrorCode::cancel);
        EXPECT_TRUE(pair.server[exchange.id].closed_by_peer);
      }
      EXPECT_EQ(pair.server.has(exchange.id), moment > 0);
      expect_another_goes_well(pair);
    });
  }
}

TEST(H2CodecEnds, ServerResetsAtEveryMoment) {
  for (int moment = 1; moment < kMoments; ++moment) {
    SCOPED_TRACE(moment);
    at_every_cut([moment](Pair& pair) {
      Exchange exchange(pair);
      exchange.go_to(moment);
      pair.server.codec.reset(exchange.id, ErrorCode::internal_error);
      pair.exchange();
      EXPECT_EQ(pair.client[exchange.id].closed, ErrorCode::internal_error);
      EXPECT_TRUE(pair.client[exchange.id].closed_by_peer);
      EXPECT_EQ(pair.server[exchange.id].closed, ErrorCode::internal_error);
      EXPECT_FALSE(pair.server[exchange.id].closed_by_peer);
      expect_another_goes_well(pair);
    });
  }
}

TEST(H2CodecEnds, BothResetAtOnce) {
  for (int moment = 1; moment < kMoments; ++moment) {
    SCOPED_TRACE(moment);
    Pair pair;
    Exchange exchange(pair);
    exchange.go_to(moment);
    pair.server.codec.reset(exchange.id, ErrorCode::internal_error);
    pair.client.codec.reset(exchange.id, ErrorCode::cancel);
    const std::string to_client = pair.server.say();
    const std::string to_server = pair.client.say();
    EXPECT_TRUE(pair.client.feed(to_client));
    EXPECT_TRUE(pair.server.feed(to_server));
    EXPECT_EQ(pair.client[exchange.id].closed, ErrorCode::cancel);
    EXPECT_EQ(pair.server[exchange.id].closed, ErrorCode::internal_error);
    expect_another_goes_well(pair);
  }
}

// Recorders and sources fail the test when they are touched after this.
TEST(H2CodecEnds, TouchesNothingThatWasReleased) {
  for (int moment = 0; moment < kMoments; ++moment) {
    SCOPED_TRACE(moment);
    for (const bool client_does : {true, false}) {
      if (moment == 0 && !client_does) continue;
      SCOPED_TRACE(client_does ? "client" : "server");
      Pair pair;
      auto exchange = std::make_unique<Exchange>(pair);
      exchange->go_to(moment);
      const StreamId id = exchange->id;
      const int pulls = exchange->upload.pulls + exchange->content.pulls;
      if (client_does) {
        pair.client.release(id);
        pair.client.codec.reset(id, ErrorCode::cancel);
      } else {
        pair.server.release(id);
        pair.server.codec.reset(id, ErrorCode::internal_error);
      }
      pair.client.codec.resume(id);
      pair.server.codec.resume(id);
      EXPECT_EQ(exchange->upload.pulls + exchange->content.pulls, pulls);
      if (client_does && pair.server.has(id)) pair.server.release(id);
      if (!client_does) pair.client.release(id);
      exchange.reset();
      pair.exchange();
      expect_another_goes_well(pair);
    }
  }
}

// Two streams that answer; the second one's frame is made, and there is no room for its content.
struct HeldBack {
  HeldBack() {
    first = pair.request();
    second = pair.request();
    pair.exchange();
    pair.respond(first, 200, &content);
    pair.respond(second, 200, held.get());
    said = pair.server.say(30);
    EXPECT_TRUE(pair.server.codec.wants_to_produce());
    EXPECT_GT(held->pulled, 0U);
    EXPECT_FALSE(pair.server[second].framed);
  }
  Source content{{std::string(100, 'x')}};
  std::unique_ptr<Source> held =
      std::make_unique<Source>(std::vector<std::string>{std::string(10'000, 'y')}, Pull::pending);
  Pair pair;
  StreamId first, second;
  std::string said;
};

TEST(H2CodecEnds, ReleasesAStreamWhoseFrameIsHeldBack) {
  HeldBack both;
  both.pair.server.release(both.second);
  both.pair.server.codec.reset(both.second, ErrorCode::cancel);
  both.held.reset();
  both.said += both.pair.server.say();
  EXPECT_TRUE(both.pair.client.feed(both.said));
  EXPECT_TRUE(both.pair.client[both.second].closed.has_value());
  EXPECT_TRUE(both.pair.client[both.first].ended);
  expect_another_goes_well(both.pair);
}

TEST(H2CodecEnds, LosesAStreamWhoseFrameIsHeldBack) {
  HeldBack both;
  EXPECT_TRUE(both.pair.server.feed(frame(kRstStream, 0, both.second, number(8, 4))));
  EXPECT_EQ(both.pair.server[both.second].closed, ErrorCode::cancel);
  both.held.reset();
  both.said += both.pair.server.say();
  EXPECT_TRUE(both.pair.client.feed(both.said));
  EXPECT_TRUE(both.pair.client[both.first].ended);
  EXPECT_EQ(both.pair.client[both.second].body, "");
  expect_another_goes_well(both.pair);
}

TEST(H2CodecEnds, GoesOnWithAFrameThatWasHeldBack) {
  HeldBack both;
  both.said += both.pair.server.say();
  EXPECT_TRUE(both.pair.client.feed(both.said));
  EXPECT_EQ(both.pair.client[both.second].body, std::string(10'000, 'y'));
  both.held->add({"z"}, Pull::end);
  both.pair.server.codec.resume(both.second);
  both.pair.exchange();
  EXPECT_EQ(both.pair.client[both.second].body, std::string(10'000, 'y') + "z");
  EXPECT_EQ(both.pair.client[both.second].closed, ErrorCode::no_error);
}

TEST(H2CodecEnds, EndsWithStreamsOpen) {
  Source upload({"x"}, Pull::pending);
  Source content({"y"}, Pull::pending);
  Pair pair;
  const StreamId id = pair.request("POST", &upload);
  pair.exchange();
  pair.respond(id, 200, &content);
  pair.exchange();
  const StreamId never_framed = pair.request();
  EXPECT_GT(never_framed, id);
}

TEST(H2CodecEnds, IgnoresStreamsThatAreNot) {
  Pair pair;
  pair.exchange();
  for (const StreamId id : {1, 2, 3, 77}) {
    pair.server.codec.release(id);
    pair.server.codec.resume(id);
    pair.server.codec.consume(id, 10, true);
    pair.respond(id);
    EXPECT_FALSE(pair.server.codec.blocked(id));
  }
  EXPECT_TRUE(pair.server.say().empty());
  expect_another_goes_well(pair);
}

// SECURITY section 2 counts the resets that a peer makes us send by its own errors: content that
// fails is ours.
TEST(H2CodecEnds, SourcesThatFailAreNoFloodOfThePeers) {
  ByHand hand;
  const auto resets = static_cast<StreamId>(2 * test_limits().floods.resets.burst);
  for (StreamId id = 1; id < 2 * resets && hand.alive; id += 2) {
    hand.ask(get(id));
    Source content({}, Pull::failed);
    ResponseHead head;
    hand.server.codec.submit_response(id, head, {}, &content);
    ASSERT_EQ(code_for(hand.server.say_frames(), id), ErrorCode::internal_error) << id;
  }
  EXPECT_TRUE(hand.alive);
  EXPECT_EQ(hand.server.codec.error().status, 0);
}

// --- Promises ------------------------------------------------------------------------------------

TEST(H2CodecEnds, PushesNothingToWhoDoesNotTakeIt) {
  Pair pair;
  const StreamId id = pair.request();
  pair.exchange();
  EXPECT_FALSE(pair.server.codec.peer_takes_pushes());
  Request promised;
  EXPECT_EQ(pair.server.codec.submit_push(id, Pair::head_of("GET", "/x"), promised), 0);
}

class H2CodecPushes : public ::testing::Test {
 protected:
  H2CodecPushes() {
    hand_.ask(get(1));
    auto sink = std::make_unique<Request>();
    id_ = server().codec.submit_push(1, Pair::head_of("GET", "/x"), *sink);
    server().streams[id_] = std::move(sink);
  }
  Server& server() { return hand_.server; }
  void respond(StreamId id, BodySource* content) {
    ResponseHead head;
    server().codec.submit_response(id, head, {}, content);
  }
  ByHand hand_;
  StreamId id_ = 0;
};

TEST_F(H2CodecPushes, PromisesAndResponds) {
  ASSERT_EQ(id_, 2);
  const std::vector<Frame> promise = server().say_frames();
  ASSERT_NE(find(promise, kPushPromise, 1), nullptr);
  EXPECT_EQ(number_at(find(promise, kPushPromise, 1)->payload, 0), 2U);
  Source content({"pushed"});
  respond(2, &content);
  const std::vector<Frame> response = server().say_frames();
  ASSERT_NE(find(response, kHeaders, 2), nullptr);
  ASSERT_NE(find(response, kData, 2), nullptr);
  EXPECT_EQ(find(response, kData, 2)->payload, "pushed");
  EXPECT_TRUE(server()[2].framed);
  EXPECT_EQ(server()[2].closed, ErrorCode::no_error);
  EXPECT_FALSE(server()[1].closed);
}

TEST_F(H2CodecPushes, RespondsBeforeThePromiseIsFramed) {
  Source content({"pushed"});
  respond(2, &content);
  const std::vector<Frame> said = server().say_frames();
  ASSERT_NE(find(said, kPushPromise, 1), nullptr);
  ASSERT_NE(find(said, kData, 2), nullptr);
  EXPECT_EQ(server()[2].closed, ErrorCode::no_error);
}

// RFC 9113 section 5.1.2.
TEST(H2CodecEnds, PushesNoMoreThanTheClientTakesAtOnce) {
  ByHand hand;
  hand.ask(frame(kSettings, 0, 0, setting(3, 2)) + get(1));
  const auto push = [&] {
    auto sink = std::make_unique<Request>();
    const StreamId id = hand.server.codec.submit_push(1, Pair::head_of("GET", "/x"), *sink);
    if (id != 0) hand.server.streams[id] = std::move(sink);
    return id;
  };
  EXPECT_EQ(push(), 2);
  EXPECT_EQ(push(), 4);
  EXPECT_EQ(push(), 0);
  ResponseHead head;
  hand.server.codec.submit_response(2, head, {}, nullptr);
  (void)hand.server.say();
  EXPECT_EQ(hand.server[2].closed, ErrorCode::no_error);
  EXPECT_EQ(push(), 6);
}

TEST_F(H2CodecPushes, TakesTheClientsNo) {
  (void)server().say();
  Source content({"pushed"}, Pull::pending);
  respond(2, &content);
  (void)server().say();
  hand_.ask(frame(kRstStream, 0, 2, number(8, 4)));
  EXPECT_EQ(server()[2].closed, ErrorCode::cancel);
  EXPECT_TRUE(server()[2].closed_by_peer);
  EXPECT_TRUE(hand_.alive);
}

TEST_F(H2CodecPushes, EndsAPromiseThatCannotBeFramed) {
  EXPECT_TRUE(server().feed(frame(kRstStream, 0, 1, number(8, 4))));
  (void)server().say();
  EXPECT_EQ(server()[2].closed, ErrorCode::cancel);
  EXPECT_EQ(server()[1].closed, ErrorCode::cancel);
  hand_.ask(get(3));
  EXPECT_TRUE(server()[3].ended);
}

TEST_F(H2CodecPushes, GivesAPromiseUpBeforeItIsFramed) {
  server().release(2);
  server().codec.reset(2, ErrorCode::cancel);
  (void)server().say();
  EXPECT_EQ(server().codec.error().status, 0);
}

// RFC 9113 section 8.4.2: nghttp2 would keep the response until the client takes one more.
TEST_F(H2CodecPushes, PromisesNoMoreThanThePeerLetsUsBegin) {
  const RequestHead head = Pair::head_of("GET", "/y");
  Request second;
  hand_.ask(frame(kSettings, 0, 0, setting(3, 1)));
  EXPECT_EQ(server().codec.submit_push(1, head, second), 0);
  hand_.ask(frame(kRstStream, 0, 2, number(8, 4)));
  server().streams[4] = std::make_unique<Request>();
  ASSERT_EQ(server().codec.submit_push(1, head, server()[4]), 4);
  hand_.ask(frame(kSettings, 0, 0, setting(3, 0)));
  respond(4, nullptr);
  EXPECT_EQ(find(server().say_frames(), kHeaders, 4), nullptr);
  EXPECT_TRUE(server().codec.shut(4)) << "it waits for its place";
  server().codec.reset(4, ErrorCode::cancel);
  (void)server().say();
  EXPECT_EQ(server()[4].closed, ErrorCode::cancel);
}

// --- The connection ------------------------------------------------------------------------------

TEST(H2CodecEnds, SaysGoawayInTwoSteps) {
  at_every_cut([](Pair& pair) {
    const StreamId first = pair.request();
    pair.exchange();
    pair.server.codec.submit_shutdown_notice();
    pair.exchange();
    using Goaways = std::vector<std::pair<StreamId, ErrorCode>>;
    EXPECT_EQ(pair.client.goaways, (Goaways{{0x7FFFFFFF, ErrorCode::no_error}}));
    pair.server.codec.submit_goaway(ErrorCode::no_error);
    pair.exchange();
    ASSERT_EQ(pair.client.goaways.size(), 2U);
    EXPECT_EQ(pair.client.goaways[1], (Goaways::value_type{first, ErrorCode::no_error}));
    pair.respond(first);
    pair.exchange();
    EXPECT_EQ(pair.client[first].closed, ErrorCode::no_error) << "it was processed to its end";
    EXPECT_TRUE(pair.healthy());
  });
}

TEST(H2CodecEnds, TakesRequestsThatWereOnTheirWayWhenNoticed) {
  ByHand hand;
  hand.server.codec.submit_shutdown_notice();
  (void)hand.server.say();
  hand.ask(get(1));
  EXPECT_TRUE(hand.server.has(1));
  hand.server.codec.submit_goaway(ErrorCode::no_error);
  EXPECT_TRUE(hand.server.feed(get(3)));  // before it is framed
  const std::vector<Frame> said = hand.server.say_frames();
  ASSERT_NE(find(said, kGoaway), nullptr);
  hand.ask(get(5));
  EXPECT_EQ(hand.server.began, (std::vector<StreamId>{1})) << "no stream begins any more";
}

TEST(H2CodecEnds, ClosesStreamsThatTheServerWillNotProcess) {
  Client client({.role = Role::client}, test_limits());
  for (const StreamId id : {1, 3})
    (void)client.codec.submit_request(Pair::head_of("GET", "/"), {}, nullptr, client.make(id));
  (void)client.say();
  EXPECT_TRUE(
      client.feed(frame(kSettings, 0, 0) + frame(kGoaway, 0, 0, number(1, 4) + number(0, 4))));
  EXPECT_EQ(client[3].closed, ErrorCode::refused_stream);
  EXPECT_FALSE(client[1].closed);
  EXPECT_TRUE(client.feed(headers(1, {{":status", "200"}})));
  EXPECT_EQ(client[1].closed, ErrorCode::no_error);
  Response late;
  EXPECT_EQ(client.codec.submit_request(Pair::head_of("GET", "/"), {}, nullptr, late), 0);
}

TEST(H2CodecEnds, RefusesWhatWasNotFramedBeforeAGoaway) {
  Client client({.role = Role::client}, test_limits());
  (void)client.say();
  (void)client.codec.submit_request(Pair::head_of("GET", "/"), {}, nullptr, client.make(1));
  EXPECT_TRUE(
      client.feed(frame(kSettings, 0, 0) + frame(kGoaway, 0, 0, number(0, 4) + number(0, 4))));
  EXPECT_EQ(find(client.say_frames(), kHeaders), nullptr);
  EXPECT_EQ(client[1].closed, ErrorCode::refused_stream) << "it can be asked elsewhere";
}

TEST(H2CodecEnds, SaysGoawayWithAnError) {
  ByHand hand;
  hand.ask(post(1));
  hand.server.codec.submit_goaway(ErrorCode::internal_error);
  (void)hand.server.feed(get(3));
  EXPECT_EQ(code_for(hand.server.say_frames(), 0), ErrorCode::internal_error);
  EXPECT_FALSE(hand.server.has(3));
  EXPECT_TRUE(hand.server.say().empty());
}

TEST(H2CodecEnds, AnswersPings) {
  ByHand hand;
  const std::vector<Frame> answer = hand.ask(frame(kPing, 0, 0, "12345678"));
  ASSERT_NE(find(answer, kPing), nullptr);
  EXPECT_EQ(find(answer, kPing)->flags, kAcknowledges);
  EXPECT_EQ(find(answer, kPing)->payload, "12345678");
  EXPECT_EQ(hand.server.pongs, 0);
}

TEST(H2CodecEnds, HearsItsPingsComeBack) {
  at_every_cut([](Pair& pair) {
    pair.exchange();
    pair.server.codec.ping();
    pair.client.codec.ping();
    pair.exchange();
    EXPECT_EQ(pair.server.pongs, 1);
    EXPECT_EQ(pair.client.pongs, 1);
    EXPECT_EQ(pair.server.settings, 1);
    EXPECT_EQ(pair.client.settings, 1);
  });
}

TEST(H2CodecEnds, CountsFramesThatWait) {
  Pair pair;
  pair.exchange();
  EXPECT_EQ(pair.server.codec.waiting_frames(), 0U);
  pair.server.codec.ping();
  pair.server.codec.ping();
  EXPECT_EQ(pair.server.codec.waiting_frames(), 2U);
  pair.exchange();
  EXPECT_EQ(pair.server.codec.waiting_frames(), 0U);
}

}  // namespace
}  // namespace sluice::h2
