// Requests that are good, as the sink sees them, cut at every offset (RFC 9112, RFC 9110).
#include <gtest/gtest.h>

#include "unit/protocol/h1/recorder.h"

namespace sluice::h1 {
namespace {

TEST(ServerReading, HandsOnARequestWithoutContent) {
  EXPECT_EQ(
      requests("GET /index.html?a=b HTTP/1.1\r\nHost: example.com\r\nAccept: */*\r\n\r\n"),
      "request GET /index.html?a=b path=/index.html query=a=b authority=example.com HTTP/1.1\n"
      "  Accept: */*\n"
      "end\npersists\n");
}

// What they mean is an upstream's affair.
TEST(ServerReading, HandsOnMethodsThatOnlyLlhttpKnows) {
  EXPECT_EQ(requests("PROPFIND / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"
                     "M-SEARCH /2 HTTP/1.1\r\nHost: a\r\n\r\n"),
            "request PROPFIND / path=/ authority=a HTTP/1.1 length=2 body\nbody hi\nend\npersists\n"
            "request M-SEARCH /2 path=/2 authority=a HTTP/1.1\nend\npersists\n");
}

TEST(ServerReading, ReadsPipelinedRequestsInOrder) {
  EXPECT_EQ(
      requests("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\n"
               "Content-Length: 5\r\n\r\nhelloHEAD /3 HTTP/1.1\r\nHost: a\r\n\r\n"),
      "request GET /1 path=/1 authority=a HTTP/1.1\nend\npersists\n"
      "request POST /2 path=/2 authority=a HTTP/1.1 length=5 body\nbody hello\nend\npersists\n"
      "request HEAD /3 path=/3 authority=a HTTP/1.1\nend\npersists\n");
}

TEST(ServerReading, ConsumesOneMessageAtATime) {
  ServerReader reader;
  reader.stop_after_message = true;
  const std::string one = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  EXPECT_EQ(reader.codec.feed(copy_of(one + one), reader.recorder), one.size());
  EXPECT_EQ(reader.codec.reading(), Reading::done);
  EXPECT_EQ(reader.codec.feed(copy_of(one), reader.recorder), 0U);
}

TEST(ServerReading, ConsumesNothingOfAnIncompleteHead) {
  ServerReader reader;
  EXPECT_FALSE(reader.codec.head_started());
  EXPECT_EQ(reader.codec.feed(copy_of("GET / HTTP/1.1\r\nHost: a\r\n"), reader.recorder), 0U);
  EXPECT_TRUE(reader.codec.head_started());
  EXPECT_EQ(reader.events(), "");
  EXPECT_EQ(reader.codec.feed(copy_of("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), reader.recorder), 27U);
  EXPECT_FALSE(reader.codec.head_started());
}

TEST(ServerReading, KeepsHeadOctetsAliveThroughStorage) {
  struct Keeper final : RecorderBase<ServerSink> {
    void on_request_head(RequestHead& head) override { std::swap(kept, head); }
    RequestHead kept;
  };
  BlockPool pool;
  Keeper keeper;
  {
    Workspace workspace(pool);
    Codec codec(Role::server, kTestLimits, workspace);
    codec.feed(copy_of("GET /%7euser/../a HTTP/1.1\r\nHost: a\r\nX-Long: value\r\n\r\n"), keeper);
  }
  EXPECT_EQ(keeper.kept.path, "/a");
  EXPECT_EQ(keeper.kept.target, "/%7euser/../a");
  EXPECT_EQ(keeper.kept.fields[0].value, "value");
}

TEST(ServerReading, ReadsChunkedContentAndTrailers) {
  EXPECT_EQ(
      requests(
          "POST /up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
          "5\r\nhello\r\n00A;flag;q=\"a;b\";name=value\r\n0123456789\r\n0\r\n"
          "X-Sum: 15\r\nConnection: x\r\n\r\n"),
      "request POST /up path=/up authority=a HTTP/1.1 body\n"
      "body hello0123456789\n"
      "trailers\n  X-Sum: 15\n"
      "end\npersists\n");
}

// RFC 9112 section 7.1.1: a recipient MUST ignore extensions that it does not know.
TEST(ServerReading, IgnoresChunkExtensions) {
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string plain = requests(head + "3\r\nabc\r\n0\r\n\r\n");
  for (const std::string_view extensions :
       {";a", ";a=b", ";a=b;c;d=e", ";a=\"b;c, d\"", ";a=\"b\\\"c\";d", ";a=\"\\\\\""}) {
    const std::string line_end = std::string(extensions) + "\r\n";
    EXPECT_EQ(requests(head + "3" + line_end + "abc\r\n0" + line_end + "\r\n"), plain)
        << extensions;
  }
}

TEST(ServerReading, ReadsAMessageAfterAChunkedOne) {
  const std::string post =
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
  const std::string events =
      "request POST / path=/ authority=a HTTP/1.1 body\nbody abc\nend\npersists\n";
  EXPECT_EQ(requests(post + post), events + events);
}

TEST(ServerReading, KeepsConnectionsByVersionAndOption) {
  const auto persistence = [](std::string_view version, std::string_view connection) {
    const std::string events =
        requests("GET / " + std::string(version) +
                 "\r\nHost: a\r\nConnection: " + std::string(connection) + "\r\n\r\n");
    return events.substr(events.rfind('\n', events.size() - 2) + 1);
  };
  EXPECT_EQ(persistence("HTTP/1.1", ""), "persists\n");
  EXPECT_EQ(persistence("HTTP/1.1", "close"), "closes\n");
  EXPECT_EQ(persistence("HTTP/1.1", "foo,\tCLOSE\t"), "closes\n");
  EXPECT_EQ(persistence("HTTP/1.0", ""), "closes\n");
  EXPECT_EQ(persistence("HTTP/1.0", "Keep-Alive"), "persists\n");
  EXPECT_EQ(persistence("HTTP/1.0", "keep-alive, close"), "closes\n");
}

TEST(ServerReading, TakesOutWhatHoldsForThisConnectionOnly) {
  EXPECT_EQ(
      requests(
          "GET / HTTP/1.1\r\nHost: a\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\n"
          "Proxy-Connection: close\r\nUpgrade: h2c\r\nX-End: 2\r\nConnection: x-hop, te\r\n\r\n"),
      "request GET / path=/ authority=a HTTP/1.1\n  X-End: 2\nend\npersists\n");
}

TEST(ServerReading, OffersATunnelOnlyWhenConnectionNamesIt) {
  EXPECT_EQ(
      requests(
          "GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket, x\r\nConnection: Upgrade\r\n\r\n"),
      "request GET /chat path=/chat authority=a HTTP/1.1 tunnel=websocket\nend\npersists\n");
  EXPECT_EQ(
      requests(
          "GET /chat HTTP/1.0\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"),
      "request GET /chat path=/chat authority=a HTTP/1.0\nend\ncloses\n");
}

TEST(ServerReading, KnowsTheFormsOfATarget) {
  EXPECT_EQ(requests("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
            "request OPTIONS * path=* authority=a HTTP/1.1\nend\npersists\n");
  EXPECT_EQ(
      requests("OPTIONS http://a:80 HTTP/1.1\r\nHost: A\r\n\r\n"),
      "request OPTIONS http://a:80 path=* authority=a:80 HTTP/1.1 scheme=http\nend\npersists\n");
  EXPECT_EQ(
      requests("GET http://a?q HTTP/1.1\r\nHost: a:80\r\n\r\n"),
      "request GET http://a?q path=/ query=q authority=a HTTP/1.1 scheme=http\nend\npersists\n");
  EXPECT_EQ(requests("GET HTTPS://[::1]:443/x HTTP/1.1\r\nHost: [::1]\r\n\r\n"),
            "request GET HTTPS://[::1]:443/x path=/x authority=[::1]:443 HTTP/1.1 "
            "scheme=HTTPS\nend\npersists\n");
  EXPECT_EQ(
      requests("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n"),
      "request CONNECT a.example:443 path= authority=a.example:443 HTTP/1.1\nend\npersists\n");
}

TEST(ServerReading, AnswersOldClientsWithoutHost) {
  EXPECT_EQ(requests("GET / HTTP/1.0\r\n\r\n"),
            "request GET / path=/ authority= HTTP/1.0\nend\ncloses\n");
}

TEST(ServerReading, ExpectsContinueOnlyWithContentInHttp11) {
  const std::string fields = "\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: ";
  EXPECT_EQ(requests("PUT /x HTTP/1.1" + fields + "1\r\n\r\nx"),
            "request PUT /x path=/x authority=a HTTP/1.1 length=1 body expects-continue\nbody "
            "x\nend\npersists\n");
  EXPECT_EQ(requests("PUT /x HTTP/1.0" + fields + "1\r\n\r\nx"),
            "request PUT /x path=/x authority=a HTTP/1.0 length=1 body\nbody x\nend\ncloses\n");
  EXPECT_EQ(requests("PUT /x HTTP/1.1" + fields + "0\r\n\r\n"),
            "request PUT /x path=/x authority=a HTTP/1.1 length=0\nend\npersists\n");
}

TEST(ServerReading, SkipsOneEmptyLineBeforeARequest) {
  const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string events = "request GET / path=/ authority=a HTTP/1.1\nend\npersists\n";
  EXPECT_EQ(requests("\r\n" + get + "\r\n" + get), events + events);
  ServerReader reader;
  reader.read("\r");
  EXPECT_TRUE(reader.codec.head_started());
  reader.read("\n");
  EXPECT_EQ(reader.waiting(), "");
  EXPECT_FALSE(reader.codec.head_started())
      << "an empty line is no head: the idle timeout still runs";
}

TEST(ServerReading, TrimsValuesAndAllowsEmptyOnes) {
  EXPECT_EQ(
      requests("GET / HTTP/1.1\r\nHost: \t a\t \r\nX-Empty:\r\nX-Octets:\ta\x80\xff\tb \r\n\r\n"),
      "request GET / path=/ authority=a HTTP/1.1\n  X-Empty: \n  X-Octets: "
      "a\x80\xff\tb\nend\npersists\n");
}

TEST(ServerReading, ReadsAContentLengthWithLeadingZeros) {
  EXPECT_EQ(
      requests("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 00000000000000000000003\r\n\r\nabc"),
      "request POST / path=/ authority=a HTTP/1.1 length=3 body\nbody abc\nend\npersists\n");
}

TEST(ServerReading, TellsHowMuchContentIsLeft) {
  ServerReader reader;
  reader.read("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_EQ(reader.codec.reading(), Reading::body);
  EXPECT_EQ(reader.codec.content_left(), 7U);
}

TEST(ServerReading, TellsHowAConnectionEnded) {
  const auto closed_after = [](std::string_view octets) {
    ServerReader reader;
    reader.read(octets);
    reader.events();
    reader.finish();
    return reader.events();
  };
  EXPECT_EQ(closed_after(""), "");
  EXPECT_EQ(closed_after("GET / HT"), "reset 400 closed within the head []\n");
  const std::string post = "POST / HTTP/1.1\r\nHost: a\r\n";
  EXPECT_EQ(closed_after(post + "Content-Length: 2\r\n\r\nx"),
            "reset 400 closed within the content []\n");
  EXPECT_EQ(closed_after(post + "Transfer-Encoding: chunked\r\n\r\n1\r\nx"),
            "reset 400 closed within the content []\n");
  EXPECT_EQ(closed_after(post + "Transfer-Encoding: chunked\r\n\r\n0\r\n"),
            "reset 400 closed within the trailers []\n");
  EXPECT_EQ(closed_after("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), "");
}

TEST(ServerReading, SharesItsWorkspaceBetweenConnections) {
  BlockPool pool;
  Workspace workspace(pool);
  Codec first(Role::server, kTestLimits, workspace);
  Codec second(Role::server, kTestLimits, workspace);
  ServerRecorder one;
  ServerRecorder two;
  const std::string head = "GET /1 HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n";
  first.feed(copy_of(head), one);
  second.feed(copy_of("GET /2 HTTP/1.1\r\nHost: b\r\nX-B: 2\r\n\r\n"), two);
  first.feed(copy_of(head + "X-C: 3\r\n\r\n"), one);
  EXPECT_EQ(one.log.take(),
            "request GET /1 path=/1 authority=a HTTP/1.1\n  X-A: 1\n  X-C: 3\nend\n");
}

TEST(ServerReading, StaysSmallWhileIdle) { EXPECT_LE(sizeof(Codec), 100U); }

}  // namespace
}  // namespace sluice::h1
