// The codec in the role client: responses, cut at every offset (RFC 9112 sections 4 and 6.3).
#include <gtest/gtest.h>

#include "unit/protocol/h1/recorder.h"

namespace sluice::h1 {
namespace {

// What went through a pipe.
TEST(ClientReading, PassesOverContentThatWentElsewhere) {
  ClientReader reader;
  reader.read("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab");
  EXPECT_EQ(reader.codec.content_left(), 8U);
  reader.codec.pass_over(5, reader.recorder);
  EXPECT_EQ(reader.codec.content_left(), 3U);
  reader.read("c");
  reader.codec.pass_over(2, reader.recorder);
  EXPECT_EQ(reader.codec.reading(), Reading::done);
  EXPECT_EQ(reader.events(), "response 200 body\n  Content-Length: 10\nbody abc\nend\n");
}

std::string responses(std::string_view octets, const std::vector<Method>& asked = {},
                      bool close = false) {
  return read_every_way<ClientReader>(octets, kTestLimits, asked, close);
}

TEST(ClientReading, ReadsContentByItsLength) {
  EXPECT_EQ(responses("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: 1\r\n\r\nhello"
                      "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
            "response 200 body\n  Content-Length: 5\n  X-A: 1\nbody hello\nend\npersists\n"
            "response 404\n  Content-Length: 0\nend\npersists\n");
}

TEST(ClientReading, ReadsChunkedContent) {
  EXPECT_EQ(responses("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                      "5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"),
            "response 200 body\nbody hello\ntrailers\n  X-Sum: 1\nend\npersists\n");
}

TEST(ClientReading, ReadsContentUntilTheClose) {
  EXPECT_EQ(responses("HTTP/1.1 200 OK\r\nX-A: 1\r\n\r\nhello", {}, true),
            "response 200 body\n  X-A: 1\nbody hello\nend\n");
  ClientReader reader;
  reader.read("HTTP/1.1 200 OK\r\n\r\n");
  EXPECT_FALSE(reader.codec.peer_persists());
}

TEST(ClientReading, CutContentIsAnError) {
  EXPECT_EQ(responses("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", {}, true),
            "response 200 body\n  Content-Length: 5\nbody hell\n"
            "reset 502 closed within the content []\n");
  EXPECT_EQ(responses("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n", {}, true),
            "response 200 body\nbody x\nreset 502 closed within the content []\n");
  EXPECT_EQ(responses("HTTP/1.1 200", {}, true), "reset 502 closed within the head []\n");
}

TEST(ClientReading, KnowsWhichResponsesHaveNoContent) {
  EXPECT_EQ(responses("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"
                      "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n"
                      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                      {Method::head, Method::get, Method::get, Method::head}),
            "response 200\n  Content-Length: 5\nend\npersists\n"
            "response 204\nend\npersists\n"
            "response 304\n  Content-Length: 7\nend\npersists\n"
            "response 200\nend\npersists\n");
}

TEST(ClientReading, HandsOnInterimHeads) {
  EXPECT_EQ(responses("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
                      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"),
            "response 100\nresponse 103\n  Link: </a>\n"
            "response 200 body\n  Content-Length: 1\nbody x\nend\npersists\n");
}

TEST(ClientReading, StopsAtATunnel) {
  const auto left_over = [](std::string_view octets, Method asked) {
    ClientReader reader;
    reader.asked = {asked};
    reader.ask();
    reader.read(octets);
    EXPECT_EQ(reader.codec.reading(), Reading::tunnel);
    return reader.waiting();
  };
  EXPECT_EQ(
      left_over("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: w\r\n\r\nraw",
                Method::get),
      "raw");
  EXPECT_EQ(left_over("HTTP/1.1 200 OK\r\nX: 1\r\n\r\nraw", Method::connect), "raw");
}

TEST(ClientReading, AcceptsAMissingReason) {
  EXPECT_EQ(responses("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"),
            "response 200\n  Content-Length: 0\nend\npersists\n");
  EXPECT_EQ(responses("HTTP/1.0 200 \r\nContent-Length: 0\r\n\r\n"),
            "response 200\n  Content-Length: 0\nend\ncloses\n");
}

TEST(ClientReading, TakesOutWhatHoldsForThisConnectionOnly) {
  EXPECT_EQ(
      responses("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\n"
                "Connection: x-hop, close\r\nX-A: 1\r\n\r\n"),
      "response 200\n  Content-Length: 0\n  X-A: 1\nend\ncloses\n");
}

struct Case {
  const char* name;
  std::string_view octets;
  std::string_view cause;
};

void PrintTo(const Case& value, std::ostream* out) { *out << value.name; }

class BadResponse : public testing::TestWithParam<Case> {};

TEST_P(BadResponse, Is502) {
  EXPECT_EQ(responses(GetParam().octets), "reset 502 " + std::string(GetParam().cause) + " []\n");
}

INSTANTIATE_TEST_SUITE_P(
    Responses, BadResponse,
    testing::Values(
        Case{"blank_line", "\r\nHTTP/1.1 200 OK\r\n\r\n", "malformed HTTP version"},
        Case{"version", "HTTP/1.2 200 OK\r\n\r\n", "malformed HTTP version"},
        Case{"protocol", "ICY 200 OK\r\n\r\n", "malformed HTTP version"},
        Case{"two_spaces", "HTTP/1.1  200 OK\r\n\r\n", "malformed status"},
        Case{"two_digits", "HTTP/1.1 20 OK\r\n\r\n", "malformed status"},
        Case{"four_digits", "HTTP/1.1 2000 OK\r\n\r\n", "no space after the status"},
        Case{"status_099", "HTTP/1.1 099 OK\r\n\r\n", "status out of range"},
        Case{"status_600", "HTTP/1.1 600 OK\r\n\r\n", "status out of range"},
        Case{"bare_lf", "HTTP/1.1 200 OK\n\n", "LF without CR"},
        Case{"folded", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", "folded field line"},
        Case{"two_lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
             "more than one Content-Length"},
        Case{"te_and_length",
             "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
             "both Transfer-Encoding and Content-Length"},
        Case{"te_gzip", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
             "transfer coding not implemented"},
        Case{"te_in_1_0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
             "Transfer-Encoding in HTTP/1.0"},
        Case{"content_in_204", "HTTP/1.1 204 No Content\r\nContent-Length: 1\r\n\r\n",
             "content in a response that has none"},
        Case{"content_in_100", "HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\n",
             "content in a response that has none"}));

}  // namespace
}  // namespace sluice::h1
