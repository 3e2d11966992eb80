// Whose turn it is (RFC 9218): by the priority field, by PRIORITY_UPDATE, and where nothing is
// said.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "protocol/h2/codec.h"
#include "unit/protocol/h2/pair.h"

namespace sluice::h2 {
namespace {

constexpr size_t kContent = 40'000;  // of each stream: more than one frame

// The order in which content of streams was framed.
class H2CodecTurns : public ::testing::Test {
 protected:
  void ask(StreamId id, const char* priority = nullptr) {
    std::string block =
        block_of({{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a"}});
    if (priority != nullptr) block += block_of({{"priority", priority}});
    hand_.ask(frame(kHeaders, kEndHeaders | kEndStream, id, block));
  }
  void answer(StreamId id) {
    ResponseHead head;
    sources_.push_back(
        std::make_unique<Source>(std::vector<std::string>{std::string(kContent, 'x')}));
    hand_.server.codec.submit_response(id, head, {}, sources_.back().get());
  }
  // Streams of the DATA frames.
  static std::vector<StreamId> order(const std::vector<Frame>& frames) {
    std::vector<StreamId> order;
    for (const Frame& one : frames)
      if (one.type == kData) order.push_back(one.stream);
    return order;
  }
  ByHand hand_;
  std::vector<std::unique_ptr<Source>> sources_;
};

TEST_F(H2CodecTurns, GoByTheirNumberWhenTheyAreAlike) {
  ask(1, "u=3");
  ask(3, "u=3");
  answer(3);
  answer(1);
  const std::vector<StreamId> turns = order(hand_.server.say_frames());
  ASSERT_GE(turns.size(), 4U);
  // Not incremental: one after the other.
  EXPECT_EQ(std::adjacent_find(turns.begin(), turns.end(), std::less<>()) != turns.end() &&
                std::adjacent_find(turns.begin(), turns.end(), std::greater<>()) != turns.end(),
            false);
}

// A client that says nothing is served as by servers that know no priorities.
TEST_F(H2CodecTurns, AreTakenByAllWhoSayNothing) {
  ask(1);
  ask(3);
  answer(1);
  answer(3);
  const std::vector<StreamId> turns = order(hand_.server.say_frames());
  ASSERT_GE(turns.size(), 4U);
  EXPECT_EQ((std::vector<StreamId>(turns.begin(), turns.begin() + 4)),
            (std::vector<StreamId>{1, 3, 1, 3}));
}

TEST_F(H2CodecTurns, GoByUrgency) {
  ask(1, "u=5");
  ask(3, "u=0");
  ask(5);  // 3
  for (const StreamId id : {1, 3, 5}) answer(id);
  std::vector<StreamId> turns = order(hand_.server.say_frames());
  // 65,535 octets of the connection's window: one and a half.
  ASSERT_FALSE(turns.empty());
  EXPECT_EQ(turns.front(), 3);
  EXPECT_EQ(turns.back(), 5);
  EXPECT_EQ(std::count(turns.begin(), turns.end(), 1), 0);
}

TEST_F(H2CodecTurns, OvertakeWhatIsHeldBack) {
  ask(1, "u=5");
  answer(1);
  std::string said = hand_.server.say(10'000);
  EXPECT_TRUE(hand_.server.codec.wants_to_produce());
  ask(3, "u=0");
  answer(3);
  said += hand_.server.say();
  const std::vector<StreamId> turns = order(frames_of(said));
  ASSERT_GE(turns.size(), 3U);
  EXPECT_EQ(turns[0], 1);
  const auto urgent = std::find(turns.begin(), turns.end(), 3);
  EXPECT_LE(urgent - turns.begin(), 2) << "one frame ahead at most";
}

TEST_F(H2CodecTurns, ChangeByPriorityUpdate) {
  ask(1, "u=2");
  ask(3, "u=4");
  hand_.ask(frame(kPriorityUpdate, 0, 0, number(3, 4) + "u=0"));
  answer(1);
  answer(3);
  const std::vector<StreamId> turns = order(hand_.server.say_frames());
  ASSERT_FALSE(turns.empty());
  EXPECT_EQ(turns.front(), 3);
}

// RFC 9218 section 7.1: it may come before its stream.
TEST_F(H2CodecTurns, ChangeBeforeTheStreamBegins) {
  hand_.ask(frame(kPriorityUpdate, 0, 0, number(5, 4) + "u=0"));
  ask(1, "u=2");
  ask(5);
  answer(1);
  answer(5);
  const std::vector<StreamId> turns = order(hand_.server.say_frames());
  ASSERT_FALSE(turns.empty());
  EXPECT_EQ(turns.front(), 5);
}

// What was said of a stream is kept until it begins, or a later one does.
TEST_F(H2CodecTurns, ForgetWhatWasSaidBeforeTheyBegan) {
  StreamId id = 1;
  for (int i = 0; i < 1000; ++i, id += 2) {
    hand_.ask(frame(kPriorityUpdate, 0, 0, number(static_cast<uint64_t>(id), 4) + "u=0"));
    ASSERT_GT(hand_.server.codec.held(), 0U) << hand_.server.codec.error().cause;
    ask(id, i % 2 == 0 ? "u=0" : nullptr);
    ASSERT_EQ(hand_.server.codec.held(), 0U);
    ResponseHead head;
    hand_.server.codec.submit_response(id, head, {}, nullptr);
    (void)hand_.server.say();
  }
  for (const StreamId skipped : {id, id + 2})
    hand_.ask(frame(kPriorityUpdate, 0, 0, number(static_cast<uint64_t>(skipped), 4) + "u=0"));
  ask(id + 4);
  EXPECT_EQ(hand_.server.codec.held(), 0U);
  EXPECT_TRUE(hand_.alive) << hand_.server.codec.error().cause;
}

TEST_F(H2CodecTurns, RememberEachStreamOnce) {
  for (uint64_t i = 0; i < 50; ++i)
    hand_.ask(frame(kPriorityUpdate, 0, 0, number(1 + i % 4 * 2, 4) + "u=1"));
  EXPECT_LT(hand_.server.codec.held(), 100U);
  EXPECT_TRUE(hand_.alive);
}

// RFC 9218 section 7.1: of no more streams than may be open.
TEST_F(H2CodecTurns, AreSaidOfSoManyStreamsOnly) {
  Limits limits = test_limits();
  limits.streams = 10;
  ByHand hand(limits);
  for (StreamId id = 1; id < 23; id += 2) {
    const auto answer =
        hand.ask(frame(kPriorityUpdate, 0, 0, number(static_cast<uint64_t>(id), 4) + "u=0"));
    EXPECT_EQ(code_for(answer, 0).has_value(), id == 21) << id;
  }
  EXPECT_LT(hand.server.codec.held(), 200U);
}

TEST_F(H2CodecTurns, AreTakenInTurnsWhenIncremental) {
  ask(1, "u=3, i");
  ask(3, "u=3, i");
  answer(1);
  answer(3);
  const std::vector<StreamId> turns = order(hand_.server.say_frames());
  ASSERT_GE(turns.size(), 4U);
  EXPECT_NE(turns[0], turns[1]);
  EXPECT_NE(turns[1], turns[2]);
}

// RFC 9218 section 7: it outdoes the field, though it came before.
TEST_F(H2CodecTurns, GoByTheUpdateRatherThanTheField) {
  hand_.ask(frame(kPriorityUpdate, 0, 0, number(3, 4) + "u=0"));
  ask(1, "u=2");
  ask(3, "u=6");
  answer(1);
  answer(3);
  const std::vector<StreamId> turns = order(hand_.server.say_frames());
  ASSERT_FALSE(turns.empty());
  EXPECT_EQ(turns.front(), 3);
}

TEST_F(H2CodecTurns, ChangeHoweverTheUpdateIsCut) {
  for (const char octet : frame(kPriorityUpdate, 0, 0, number(3, 4) + "i, u=0"))
    ASSERT_TRUE(hand_.server.feed({&octet, 1}));
  ask(1, "u=2");
  ask(3, "u=6");
  for (const char octet : frame(kPriorityUpdate, 0, 0, number(1, 4) + "u=0, i"))
    ASSERT_TRUE(hand_.server.feed({&octet, 1}));
  answer(1);
  answer(3);
  const std::vector<StreamId> turns = order(hand_.server.say_frames());
  ASSERT_GE(turns.size(), 4U);
  EXPECT_NE(turns[0], turns[1]);
  EXPECT_NE(turns[1], turns[2]);
}

TEST_F(H2CodecTurns, PassOverUpdatesThatSayNothing) {
  ask(1, "u=2");
  ask(3, "u=4");
  hand_.ask(frame(kPriorityUpdate, 0, 0, number(3, 4) + "u=0,") +
            frame(kPriorityUpdate, 0, 0, number(3, 4) + "u=0, x=" + std::string(100, '1')) +
            frame(kPriorityUpdate, 0, 0, number(3, 4) + "u=0, x=" + std::string(5000, '1')));
  answer(1);
  answer(3);
  const std::vector<StreamId> turns = order(hand_.server.say_frames());
  ASSERT_FALSE(turns.empty());
  EXPECT_EQ(turns.front(), 1);
  EXPECT_TRUE(hand_.alive);
}

TEST_F(H2CodecTurns, ArePassedOverOfStreamsThatAreOver) {
  ask(1);
  ResponseHead head;
  hand_.server.codec.submit_response(1, head, {}, nullptr);
  (void)hand_.server.say();
  ask(5);
  hand_.ask(frame(kPriorityUpdate, 0, 0, number(1, 4) + "u=0") +
            frame(kPriorityUpdate, 0, 0, number(3, 4) + "u=0"));
  EXPECT_EQ(hand_.server.codec.held(), 0U);
  EXPECT_TRUE(hand_.alive);
}

// RFC 9218 section 7.1, RFC 9113 section 4.2.
TEST_F(H2CodecTurns, EndConnectionsThatCannotBeMeant) {
  const struct {
    const char* why;
    std::string octets;
    ErrorCode code;
  } kCases[] = {
      {"on a stream", frame(kPriorityUpdate, 0, 1, number(1, 4) + "u=0"),
       ErrorCode::protocol_error},
      {"of the connection", frame(kPriorityUpdate, 0, 0, number(0, 4) + "u=0"),
       ErrorCode::protocol_error},
      {"of a push that is not", frame(kPriorityUpdate, 0, 0, number(2, 4) + "u=0"),
       ErrorCode::protocol_error},
      {"of three octets", frame(kPriorityUpdate, 0, 0, "123"), ErrorCode::frame_size_error},
      {"of none", frame(kPriorityUpdate, 0, 0), ErrorCode::frame_size_error},
  };
  for (const auto& one : kCases) {
    SCOPED_TRACE(one.why);
    ByHand hand;
    EXPECT_EQ(code_for(hand.ask(one.octets + get(1)), 0), one.code);
    EXPECT_FALSE(hand.alive);
    EXPECT_FALSE(hand.server.has(1));
  }
}

TEST(H2CodecTurnsOfServers, AreNotForThemToSay) {
  Client client({.role = Role::client}, test_limits());
  ASSERT_TRUE(client.feed(frame(kSettings, 0, 0)));
  EXPECT_FALSE(client.feed(frame(kPriorityUpdate, 0, 0, number(1, 4) + "u=0")));
  EXPECT_EQ(code_for(frames_of(client.say().substr(kPreface.size())), 0),
            ErrorCode::protocol_error);
}

TEST_F(H2CodecTurns, ChangeOfPushes) {
  ask(1, "u=2");
  ASSERT_EQ(hand_.server.codec.submit_push(1, Pair::head_of("GET", "/x"), hand_.server.make(2)), 2);
  (void)hand_.server.say();
  hand_.ask(frame(kPriorityUpdate, 0, 0, number(2, 4) + "u=0"));
  EXPECT_TRUE(hand_.alive);
  answer(1);
  answer(2);
  const std::vector<StreamId> turns = order(hand_.server.say_frames());
  ASSERT_FALSE(turns.empty());
  EXPECT_EQ(turns.front(), 2);
}

}  // namespace
}  // namespace sluice::h2
