// llhttp is the strict one, and the wrapper notices every kind of difference.
#include "protocol/h1/second_opinion.h"

#include <gtest/gtest.h>

namespace sluice::h1 {
namespace {

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::string_view kPost = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n";
constexpr std::string_view kChunked =
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

HeadReading get_reading() { return {.method = Method::get, .facts = {}}; }

TEST(SecondOpinion, StrictModeWorks) { EXPECT_TRUE(strict_mode_works()); }

TEST(SecondOpinion, AgreesOnTheSameReading) {
  EXPECT_TRUE(SecondOpinion().agrees_on_head(kGet, get_reading()));
  HeadReading post{.method = Method::post, .facts = {}};
  post.facts.content_length = 3;
  EXPECT_TRUE(SecondOpinion().agrees_on_head(kPost, post));
}

TEST(SecondOpinion, ComparesMethodsThatAreNamesForUs) {
  constexpr std::string_view kReport = "REPORT / HTTP/1.1\r\nHost: a\r\n\r\n";
  HeadReading ours{.method_text = "REPORT", .facts = {}};
  EXPECT_TRUE(SecondOpinion().agrees_on_head(kReport, ours));
  for (const char* const another : {"PROPFIND", "GET", "REBIND", ""}) {
    ours.method_text = another;
    EXPECT_FALSE(SecondOpinion().agrees_on_head(kReport, ours)) << another;
  }
  EXPECT_TRUE(knows_method("SOURCE"));
  for (const char* const unknown : {"DESCRIBE", "PRI", "BREW", "get", "GETS", ""})
    EXPECT_FALSE(knows_method(unknown)) << unknown;
}

TEST(SecondOpinion, NoticesAnotherReadingOfAHead) {
  HeadReading method = get_reading();
  method.method = Method::post;
  EXPECT_FALSE(SecondOpinion().agrees_on_head(kGet, method));
  HeadReading version = get_reading();
  version.facts.http_1_0 = true;
  EXPECT_FALSE(SecondOpinion().agrees_on_head(kGet, version));
  HeadReading length{.method = Method::post, .facts = {}};
  EXPECT_FALSE(SecondOpinion().agrees_on_head(kPost, length));
  length.facts.content_length = 4;
  EXPECT_FALSE(SecondOpinion().agrees_on_head(kPost, length));
  HeadReading chunked{.method = Method::post, .facts = {}};
  EXPECT_FALSE(SecondOpinion().agrees_on_head(kChunked, chunked));
}

TEST(SecondOpinion, NoticesAnotherEndOfAHead) {
  EXPECT_FALSE(SecondOpinion().agrees_on_head(kGet.substr(0, kGet.size() - 1), get_reading()));
  EXPECT_FALSE(SecondOpinion().agrees_on_head(std::string(kGet) + "G", get_reading()));
  EXPECT_FALSE(
      SecondOpinion().agrees_on_head(std::string(kGet) + std::string(kGet), get_reading()));
}

class ChunkedOpinion : public testing::Test {
 protected:
  void SetUp() override {
    HeadReading ours{.method = Method::post, .facts = {}, .content_is_read = true};
    ours.facts.chunked = true;
    ASSERT_TRUE(opinion.agrees_on_head(kChunked, ours));
  }
  SecondOpinion opinion;
};

TEST_F(ChunkedOpinion, AgreesOnTheSameContent) {
  EXPECT_TRUE(opinion.agrees_on_content("3\r\n", 0, false));
  EXPECT_TRUE(opinion.agrees_on_content("ab", 2, false));
  EXPECT_TRUE(opinion.agrees_on_content("c\r\n0\r\n", 1, false));
  EXPECT_TRUE(opinion.agrees_on_content("\r\n", 0, true));
}

TEST_F(ChunkedOpinion, NoticesOtherData) {
  EXPECT_FALSE(opinion.agrees_on_content("3\r\nabc", 2, false));
}

TEST_F(ChunkedOpinion, NoticesAnotherEnd) {
  EXPECT_FALSE(opinion.agrees_on_content("1\r\na\r\n0\r\n\r\n", 1, false));
}

TEST_F(ChunkedOpinion, NoticesAnEndThatItDoesNotSee) {
  EXPECT_FALSE(opinion.agrees_on_content("1\r\na\r\n", 1, true));
}

TEST_F(ChunkedOpinion, NoticesWhatIsNoChunk) {
  EXPECT_FALSE(opinion.agrees_on_content("x\r\n", 0, false));
}

}  // namespace
}  // namespace sluice::h1
