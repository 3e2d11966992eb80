// Every limit of a message: met exactly it is accepted, passed by one octet or line it is refused,
// while the head is still incomplete where that is possible (SECURITY section 6).
#include <gtest/gtest.h>

#include "unit/protocol/h1/recorder.h"

namespace sluice::h1 {
namespace {

Limits limits_with(void (*change)(Limits&)) {
  Limits limits = kTestLimits;
  change(limits);
  return limits;
}

bool accepted(std::string_view octets, const Limits& limits) {
  const std::string events = requests(octets, limits);
  return events.find("end\n") != std::string::npos && events.find("reset") == std::string::npos &&
         events.find("whole:") == std::string::npos;
}

std::string filled(size_t size) { return std::string(size, 'a'); }

TEST(Limits, RequestLine) {
  const Limits limits = limits_with([](Limits& l) { l.start_line = 40; });
  const auto line = [](size_t size) { return "GET /" + filled(size - 14) + " HTTP/1.1"; };
  EXPECT_TRUE(accepted(line(40) + "\r\nHost: a\r\n\r\n", limits));
  EXPECT_EQ(refusal(line(41) + "\r\nHost: a\r\n\r\n", limits),
            "414 start line too long [request_line]");
  EXPECT_EQ(refusal("GET /" + filled(36), limits), "414 start line too long [request_line]");
  EXPECT_EQ(requests("GET /" + filled(35), limits), "");
}

TEST(Limits, OneField) {
  const Limits limits = limits_with([](Limits& l) { l.field_line = 20; });
  const std::string start = "GET / HTTP/1.1\r\nHost: a\r\n";
  EXPECT_TRUE(accepted(start + "X: " + filled(17) + "\r\n\r\n", limits));
  EXPECT_EQ(refusal(start + "X: " + filled(18) + "\r\n\r\n", limits),
            "431 field line too long [field]");
  EXPECT_EQ(refusal(start + "X: " + filled(18), limits), "431 field line too long [field]");
  EXPECT_EQ(refusal(start + filled(21), limits), "431 field line too long [field]");
  EXPECT_EQ(requests(start + filled(20), limits), "");
}

TEST(Limits, WholeHead) {
  const Limits limits = limits_with([](Limits& l) { l.head = 100; });
  const std::string start = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
  const auto head = [&](size_t size) {
    return start + filled(size - start.size() - 4) + "\r\n\r\n";
  };
  ASSERT_EQ(head(100).size(), 100U);
  EXPECT_TRUE(accepted(head(100), limits));
  EXPECT_TRUE(accepted(head(100) + head(100), limits)) << "each head counts for itself";
  EXPECT_EQ(refusal(head(101), limits), "431 section too large [head]");
  EXPECT_EQ(refusal(start + filled(80), limits), "431 section too large [head]");
}

TEST(Limits, NumberOfFields) {
  const Limits limits = limits_with([](Limits& l) { l.fields = 3; });
  const std::string start = "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nX: 2\r\n";
  EXPECT_TRUE(accepted(start + "\r\n", limits));
  EXPECT_EQ(refusal(start + "X: 3\r\n\r\n", limits), "431 too many field lines [fields]");
  EXPECT_EQ(refusal(start + "X", limits), "431 too many field lines [fields]");
}

std::string post(std::string_view content) {
  return "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(content);
}

TEST(Limits, NumberOfTrailerFields) {
  const Limits limits = limits_with([](Limits& l) { l.trailer_fields = 2; });
  EXPECT_TRUE(accepted(post("0\r\nX: 1\r\nX: 2\r\n\r\n"), limits));
  EXPECT_EQ(refusal(post("0\r\nX: 1\r\nX: 2\r\nX: 3\r\n\r\n"), limits),
            "400 too many field lines [trailer_fields]");
}

TEST(Limits, TrailerSection) {
  const Limits limits = limits_with([](Limits& l) { l.trailers = 20; });
  EXPECT_TRUE(accepted(post("0\r\nX: " + filled(13) + "\r\n\r\n"), limits));
  EXPECT_EQ(refusal(post("0\r\nX: " + filled(14) + "\r\n\r\n"), limits),
            "400 section too large [trailers]");
  EXPECT_EQ(refusal(post("0\r\nX: " + filled(30)), limits), "400 section too large [trailers]");
}

TEST(Limits, OneTrailerField) {
  const Limits limits = limits_with([](Limits& l) { l.field_line = 30; });
  EXPECT_TRUE(accepted(post("0\r\nX: " + filled(27) + "\r\n\r\n"), limits));
  EXPECT_EQ(refusal(post("0\r\nX: " + filled(28) + "\r\n\r\n"), limits),
            "400 field line too long [field]");
}

TEST(Limits, ExtensionsOfOneChunk) {
  const Limits limits = limits_with([](Limits& l) { l.chunk_line = 10; });
  EXPECT_TRUE(accepted(post("1;" + filled(9) + "\r\nx\r\n0\r\n\r\n"), limits));
  EXPECT_EQ(refusal(post("1;" + filled(10) + "\r\nx\r\n0\r\n\r\n"), limits),
            "400 chunk extensions too long [chunk_line]");
  EXPECT_EQ(refusal(post("1;" + filled(10)), limits), "400 chunk extensions too long [chunk_line]");
}

TEST(Limits, ExtensionsOfOneMessage) {
  const Limits limits = limits_with([](Limits& l) { l.chunk_extensions = 10; });
  EXPECT_TRUE(accepted(post("1;aaaa\r\nx\r\n1;aaaa\r\nx\r\n0\r\n\r\n"), limits));
  EXPECT_TRUE(
      accepted(post("1;aaaa\r\nx\r\n0;aaaa\r\n\r\n") + post("1;aaaa\r\nx\r\n0\r\n\r\n"), limits))
      << "each message counts for itself";
  EXPECT_EQ(refusal(post("1;aaaa\r\nx\r\n1;aaaaa\r\nx\r\n0\r\n\r\n"), limits),
            "400 too many chunk extensions [chunk_extensions]");
}

TEST(Limits, ContentLength) {
  const Limits limits = limits_with([](Limits& l) { l.content_length = 5; });
  const std::string start = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ";
  EXPECT_TRUE(accepted(start + "5\r\n\r\nhello", limits));
  EXPECT_EQ(refusal(start + "6\r\n\r\n", limits), "413 Content-Length beyond the cap [body]");
}

TEST(Limits, LargestContentLengthIsNoNegativeNumber) {
  const Limits limits = limits_with([](Limits& l) { l.content_length = UINT64_MAX; });
  ServerReader reader(limits);
  reader.read("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551615\r\n\r\nx");
  EXPECT_EQ(reader.codec.content_left(), UINT64_MAX - 1);
}

TEST(Limits, LargestChunkIsNoNegativeNumber) {
  ServerReader reader;
  reader.read(post("ffffffffffffffff\r\nx"));
  EXPECT_EQ(reader.codec.reading(), Reading::body);
  EXPECT_NE(reader.events().find("body x"), std::string::npos);
}

}  // namespace
}  // namespace sluice::h1
