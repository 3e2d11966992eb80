// The problem: content that may have to be sent twice, comes in any pieces while it is, and must
// not be asked for before the upstream wants it.
#include "server/handler/proxy/request_content.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "protocol/block.h"

namespace sluice::handler::proxy {
namespace {

class CountingStream final : public http::Stream {
 public:
  void submit_interim(const ResponseHead&) override { ADD_FAILURE() << "an interim head"; }
  void submit_final() override { ADD_FAILURE() << "a final head"; }
  void wake() override { ++wakes; }
  void reset(http::ResetCode) override { ADD_FAILURE() << "a reset"; }
  int wakes = 0;
};

class RequestContentTest : public ::testing::Test {
 protected:
  RequestContentTest() { loop.bind_to_this_thread(); }

  void open(uint64_t keep, bool hold_back = false, std::optional<uint64_t> length = {}) {
    body.open(stream, true, length);
    content.open(body, loop, keep, hold_back);
  }
  void come(std::string_view octets) { body.append(copy_of(octets)); }
  void come_whole(std::string_view octets) {
    come(octets);
    body.finish();
  }
  Pull pull(size_t most = 1000) {
    Chain out;
    const Pull result = content.pull(out, most);
    EXPECT_LE(out.size(), most);
    taken += out.to_string();
    return result;
  }
  // All of it, as a string; `last` is what ended it.
  std::string pull_all(Pull& last, size_t most = 1000) {
    taken.clear();
    do {
      last = pull(most);
    } while (last == Pull::ready);
    return taken;
  }

  net::Loop loop;
  CountingStream stream;
  http::RequestBody body;
  RequestContent content;
  std::string taken;
};

TEST_F(RequestContentTest, PassesOnWhatComes) {
  open(100);
  EXPECT_EQ(pull(), Pull::pending);
  come("abc");
  EXPECT_TRUE(content.has_waiting());
  EXPECT_EQ(pull(2), Pull::ready);
  EXPECT_EQ(pull(), Pull::ready);
  EXPECT_FALSE(content.has_waiting());
  EXPECT_EQ(pull(), Pull::pending);
  EXPECT_FALSE(content.ended());
  come_whole("def");
  EXPECT_EQ(pull(), Pull::end);
  EXPECT_TRUE(content.ended());
  EXPECT_EQ(taken, "abcdef");
}

TEST_F(RequestContentTest, BeginsAgainAtEveryOctet) {
  constexpr std::string_view kText = "some content";
  for (size_t at = 0; at <= kText.size(); ++at) {
    for (size_t come_first = at; come_first <= kText.size(); ++come_first) {
      open(kText.size());
      come(kText.substr(0, come_first));
      if (at > 0) (void)pull(at);
      EXPECT_TRUE(content.rewind());
      come_whole(kText.substr(come_first));
      Pull last{};
      EXPECT_EQ(pull_all(last, 5), kText);
      EXPECT_EQ(last, Pull::end);
      EXPECT_TRUE(content.rewind());  // and a third time
      EXPECT_FALSE(content.ended());
      EXPECT_EQ(content.length(), kText.size());  // all of it is here now
      EXPECT_EQ(pull_all(last, 3), kText);
      EXPECT_EQ(last, Pull::end);
      content.close();
      body.close();
    }
  }
}

TEST_F(RequestContentTest, KeepsNoMoreThanItMay) {
  for (const uint64_t keep : {uint64_t{0}, uint64_t{4}, uint64_t{5}}) {
    open(keep);
    come("ab");
    EXPECT_EQ(pull(), Pull::ready);
    come_whole("cde");
    EXPECT_EQ(pull(), Pull::end);
    EXPECT_EQ(content.rewind(), keep >= 5);
    content.close();
    body.close();
  }
}

TEST_F(RequestContentTest, ForgetsThatItLostSomethingWhenItIsUsedAgain) {
  open(1);
  come_whole("abc");
  EXPECT_EQ(pull(), Pull::end);
  EXPECT_FALSE(content.rewind());
  content.close();
  body.close();
  open(3);
  come_whole("def");
  EXPECT_FALSE(content.ended() || content.failed());
  taken.clear();
  EXPECT_EQ(pull(), Pull::end);
  EXPECT_EQ(taken, "def");
}

TEST_F(RequestContentTest, FailsAsItsBodyDoesAndSoAgain) {
  open(100);
  come("abc");
  body.fail();
  Pull last{};
  EXPECT_EQ(pull_all(last), "abc");
  EXPECT_EQ(last, Pull::failed);
  EXPECT_TRUE(content.failed());
  EXPECT_TRUE(content.rewind());
  EXPECT_EQ(pull_all(last), "abc");
  EXPECT_EQ(last, Pull::failed);
}

TEST_F(RequestContentTest, PullsNothingWhileItIsHeldBack) {
  open(100, true);
  come_whole("abc");
  const int wakes = stream.wakes;
  EXPECT_EQ(pull(), Pull::pending);
  EXPECT_FALSE(body.wanted());  // so that the client is not told to go on
  EXPECT_EQ(stream.wakes, wakes);
  EXPECT_TRUE(content.held_back());
  content.let_go();
  EXPECT_FALSE(content.held_back());
  EXPECT_EQ(pull(), Pull::end);
  EXPECT_EQ(taken, "abc");
}

TEST_F(RequestContentTest, GathersAllOfItBeforeAnyIsPassedOn) {
  open(100);
  EXPECT_FALSE(content.gather(10));
  come("abc");
  EXPECT_FALSE(content.gather(10));
  EXPECT_FALSE(content.length());
  come_whole("def");
  EXPECT_TRUE(content.gather(10));
  EXPECT_EQ(content.length(), 6U);  // known now, whatever the client said
  EXPECT_TRUE(content.has_waiting());
  Pull last{};
  EXPECT_EQ(pull_all(last, 4), "abcdef");
  EXPECT_EQ(last, Pull::end);
  EXPECT_EQ(content.length(), std::nullopt);  // of the whole, which the body does not know
  EXPECT_TRUE(content.rewind());
  EXPECT_EQ(content.length(), 6U);
}

TEST_F(RequestContentTest, GathersNoMoreThanItMay) {
  open(100);
  come("abcdef");
  EXPECT_TRUE(content.gather(4));
  EXPECT_FALSE(content.length());
  EXPECT_EQ(body.waiting(), 2U);
  come_whole("gh");
  Pull last{};
  EXPECT_EQ(pull_all(last), "abcdefgh");
  EXPECT_EQ(last, Pull::end);
  EXPECT_TRUE(content.rewind());
  EXPECT_EQ(pull_all(last), "abcdefgh");
}

TEST_F(RequestContentTest, GathersNothingBehindAFailure) {
  open(100);
  come("abc");
  body.fail();
  EXPECT_TRUE(content.gather(10));
  EXPECT_TRUE(content.failed());
}

TEST_F(RequestContentTest, SaysTheLengthThatTheClientSaid) {
  open(100, false, 3);
  EXPECT_EQ(content.length(), 3U);
  come("ab");
  EXPECT_EQ(pull(), Pull::ready);
  EXPECT_EQ(content.length(), 3U);
  EXPECT_TRUE(content.rewind());
  EXPECT_EQ(content.length(), 3U);
}

// One octet of content must not cost the block that it came in.
TEST_F(RequestContentTest, GathersSmallPiecesWithoutTheirBlocks) {
  BlockPool pool(0);
  open(0);
  std::vector<Ref<Block>> blocks;
  for (int i = 0; i < 100; ++i) {
    blocks.push_back(pool.acquire());
    *blocks.back()->data() = 'x';
    body.append(Slice(Ref<Owner>(blocks.back().get()), blocks.back()->data(), 1));
    EXPECT_FALSE(content.gather(1000));
  }
  for (const Ref<Block>& block : blocks) EXPECT_EQ(block->use_count(), 1u);
  body.finish();
  EXPECT_TRUE(content.gather(1000));
  Pull last = Pull::ready;
  EXPECT_EQ(pull_all(last), std::string(100, 'x'));
}

// HTTP/2 says behind its last octet that this was the last, and what follows it.
TEST_F(RequestContentTest, WaitsForTrailersBehindAllThatWasAnnounced) {
  open(100, false, 3);
  come("abc");
  EXPECT_EQ(pull(), Pull::ready);
  EXPECT_TRUE(content.ended()) << "the upstream may answer meanwhile";
  EXPECT_EQ(pull(), Pull::pending);
  FieldList trailers;
  trailers.add("Sum", "1");
  body.set_trailers(trailers);
  body.finish();
  EXPECT_EQ(pull(), Pull::end);
  EXPECT_EQ(taken, "abc");
  ASSERT_NE(content.trailers(), nullptr);
  EXPECT_EQ((*content.trailers())[0].value, "1");
}

TEST_F(RequestContentTest, KeepsTrailersBackThatTheHeadMayNotHave) {
  conf::ProxyAction action;
  action.fields.push_back({.action = conf::FieldRule::Action::remove, .name = "X-Role"});
  const Forwarding forwarding(action);
  body.open(stream, true, {});
  content.open(body, loop, 100, false, &forwarding);
  FieldList trailers;
  for (const std::string_view name :
       {"X-Forwarded-For", "Forwarded", "X-Real-IP", "X_Real_IP", "X-Request-ID", "Authorization",
        "Cookie", "under_score", "x-role", "Via", "Sum"})
    trailers.add(name, "1", field_id(name));
  body.set_trailers(trailers);
  come_whole("abc");
  Pull last = Pull::ready;
  EXPECT_EQ(pull_all(last), "abc");
  ASSERT_NE(content.trailers(), nullptr);
  ASSERT_EQ(content.trailers()->size(), 1u);
  EXPECT_EQ((*content.trailers())[0].name, "Sum");
}

TEST_F(RequestContentTest, GivesTheTrailersOfItsBody) {
  open(100);
  FieldList trailers;
  trailers.add("Sum", "1");
  body.set_trailers(trailers);
  come_whole("a");
  EXPECT_EQ(pull(), Pull::end);
  ASSERT_NE(content.trailers(), nullptr);
  EXPECT_EQ((*content.trailers())[0].value, "1");
}

TEST_F(RequestContentTest, NotesWhenTheUpstreamTookSome) {
  open(100);
  const net::Time opened = content.taken_at();
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  loop.run_once(std::chrono::milliseconds(0));
  EXPECT_EQ(pull(), Pull::pending);  // took nothing
  EXPECT_EQ(content.taken_at(), opened);
  come("a");
  EXPECT_EQ(pull(), Pull::ready);
  EXPECT_EQ(content.taken_at(), loop.now());
  EXPECT_GT(content.taken_at(), opened);
}

}  // namespace
}  // namespace sluice::handler::proxy
