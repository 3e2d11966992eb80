// What the codec writes, octet for octet, and that the codec in the other role reads the same
// message in it.
#include <gtest/gtest.h>

#include "unit/protocol/h1/recorder.h"

namespace sluice::h1 {
namespace {

constexpr std::string_view kCommon = "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\nServer: s\r\n";

// A codec that only writes, with memory for it.
struct Writer {
  BlockPool pool;
  Workspace workspace{pool};
  Codec codec{Role::server, kTestLimits, workspace};
  Chain out;

  std::string response(const ResponseHead& head, const Codec::ResponseFraming& framing) {
    kind = codec.write_response_head(head, framing, out);
    return take();
  }
  std::string request(const RequestHead& head, const Codec::RequestFraming& framing) {
    kind = codec.write_request_head(head, framing, out);
    return take();
  }
  std::string content(Framing framing, std::string_view octets) {
    Chain chain;
    chain.append(copy_of(octets));
    codec.write_body(framing, chain, out);
    EXPECT_TRUE(chain.empty());
    return take();
  }
  std::string take() {
    std::string text = out.to_string();
    out.clear();
    return text;
  }
  Framing kind = Framing::none;
};

TEST(ResponseWriter, StatesTheLengthWhenItIsKnown) {
  Writer writer;
  ResponseHead head;
  head.fields.add("X-A", "1");
  EXPECT_EQ(writer.response(
                head, {.length = 5, .common_lines = kCommon, .persist_lines = "Keep-Alive: t\r\n"}),
            "HTTP/1.1 200 OK\r\n" + std::string(kCommon) +
                "X-A: 1\r\nContent-Length: 5\r\nKeep-Alive: t\r\n\r\n");
  EXPECT_EQ(writer.kind, Framing::content_length);
}

// RFC 9110 section 9.3.2: no content, even when the HEAD was refused before its end.
TEST(ResponseWriter, RefusesAHeadRequestWithoutContent) {
  for (const std::string_view request :
       {"HEAD / HTTP/1.1\r\n\r\n", "HEAD / HTTP/1.1\r\nX", "HEAD * HTTP/1.1\r\n"}) {
    ServerReader reader;
    reader.read(request);
    Chain content;
    content.append(copy_of("no"));
    Chain out;
    const Framing kind = reader.codec.write_response_head({}, {.length = 2}, out);
    reader.codec.write_body(kind, content, out);
    EXPECT_EQ(out.to_string(), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n") << request;
  }
}

TEST(ResponseWriter, ChunksContentOfUnknownLength) {
  Writer writer;
  EXPECT_EQ(writer.response({}, {}), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(writer.kind, Framing::chunked);
  EXPECT_EQ(writer.content(Framing::chunked, "hello"), "5\r\nhello\r\n");
  EXPECT_EQ(writer.content(Framing::chunked, std::string(256, 'x')),
            "100\r\n" + std::string(256, 'x') + "\r\n");
  EXPECT_EQ(writer.content(Framing::chunked, ""), "") << "an empty chunk would end the content";
}

TEST(ResponseWriter, EndsChunkedContentWithTrailers) {
  Writer writer;
  writer.codec.write_end(Framing::chunked, nullptr, writer.out);
  EXPECT_EQ(writer.take(), "0\r\n\r\n");
  FieldList trailers;
  trailers.add("X-Sum", "1");
  trailers.add("Transfer-Encoding", "chunked");
  trailers.add("Content-Length", "1");
  writer.codec.write_end(Framing::chunked, &trailers, writer.out);
  EXPECT_EQ(writer.take(), "0\r\nX-Sum: 1\r\n\r\n");
  writer.codec.write_end(Framing::content_length, &trailers, writer.out);
  EXPECT_EQ(writer.take(), "");
}

TEST(ResponseWriter, ClosesToDelimitForHttp10) {
  Writer writer;
  EXPECT_EQ(writer.response({}, {.http_1_0 = true, .persist_lines = "Keep-Alive: t\r\n"}),
            "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(writer.kind, Framing::until_close);
  EXPECT_EQ(
      writer.response({}, {.length = 0, .http_1_0 = true, .persist_lines = "Keep-Alive: t\r\n"}),
      "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\nKeep-Alive: t\r\n\r\n");
}

TEST(ResponseWriter, SaysWhenItCloses) {
  Writer writer;
  EXPECT_EQ(
      writer.response({}, {.length = 1, .persist = false, .persist_lines = "Keep-Alive: t\r\n"}),
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\n");
}

TEST(ResponseWriter, SendsNoContentWhereThereIsNone) {
  Writer writer;
  ResponseHead head;
  EXPECT_EQ(writer.response(head, {.request_method = Method::head, .length = 5}),
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(writer.kind, Framing::none);
  EXPECT_EQ(writer.response(head, {.request_method = Method::head}), "HTTP/1.1 200 OK\r\n\r\n");
  head.status = 304;
  EXPECT_EQ(writer.response(head, {.length = 5}),
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(writer.kind, Framing::none);
  head.status = 204;
  EXPECT_EQ(writer.response(head, {.length = 0}), "HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(writer.kind, Framing::none);
  EXPECT_EQ(writer.content(Framing::none, "dropped"), "");
}

TEST(ResponseWriter, NeverSendsTwoFramings) {
  Writer writer;
  ResponseHead head;
  head.fields.add("Content-Length", "7");
  head.fields.add("Connection", "x");
  head.fields.add("Transfer-Encoding", "gzip");
  EXPECT_EQ(writer.response(head, {}), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(writer.response(head, {.length = 3}), "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(writer.response(head, {.request_method = Method::head}),
            "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n")
      << "there it is metadata";
}

TEST(ResponseWriter, LeavesOutFieldsThatWouldSplitTheHead) {
  Writer writer;
  ResponseHead head;
  head.fields.add("Location", "/a\r\nSet-Cookie: forged");
  head.fields.add("X-Nul", std::string_view("a\0b", 3));
  head.fields.add("X Y", "1");
  head.fields.add("X-Good", "1");
  EXPECT_EQ(writer.response(head, {.length = 0}),
            "HTTP/1.1 200 OK\r\nX-Good: 1\r\nContent-Length: 0\r\n\r\n");
}

// What was read was checked then: it is not looked at again.
TEST(ResponseWriter, TakesTheReadersWordForItsFields) {
  Writer writer;
  ResponseHead head;
  head.fields.add({.name = "X A", .value = "1", .checked = true});
  EXPECT_NE(writer.response(head, {.length = 0}).find("X A: 1\r\n"), std::string::npos);
  head.fields.clear();
  head.fields.add("X A", "1");
  EXPECT_EQ(writer.response(head, {.length = 0}).find("X A"), std::string::npos);
}

TEST(ResponseWriter, CopiesTextsOfEveryLength) {
  Writer writer;
  for (size_t size = 1; size <= 100; ++size) {
    std::string name;
    std::string value;
    for (size_t at = 0; at < size; ++at) {
      name.push_back(static_cast<char>('a' + at % 26));
      value.push_back(static_cast<char>('!' + at % 90));
    }
    ResponseHead head;
    head.fields.add(name, value);
    head.fields.add("Empty", "");
    std::string expected = "HTTP/1.1 200 OK\r\n";
    expected.append(name).append(": ").append(value);
    expected.append("\r\nEmpty: \r\nContent-Length: 0\r\n\r\n");
    ASSERT_EQ(writer.response(head, {.length = 0}), expected);
  }
}

TEST(ResponseWriter, CopiesPreparedLines) {
  Writer writer;
  PreparedFields prepared;
  prepared.h1 = "Content-Type: text/html\r\nETag: \"1\"\r\n";
  ResponseHead head;
  head.prepared = &prepared;
  EXPECT_EQ(writer.response(head, {.length = 1}),
            "HTTP/1.1 200 OK\r\n" + prepared.h1 + "Content-Length: 1\r\n\r\n");
}

TEST(ResponseWriter, WritesStatusesWithTheirReasons) {
  Writer writer;
  ResponseHead head;
  head.status = 431;
  EXPECT_EQ(writer.response(head, {.length = 0}),
            "HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\n\r\n");
  head.status = 599;
  EXPECT_EQ(writer.response(head, {.length = 0}),
            "HTTP/1.1 599 Unknown\r\nContent-Length: 0\r\n\r\n");
}

TEST(ResponseWriter, WritesInterimHeads) {
  Writer writer;
  ResponseHead head;
  head.status = 100;
  writer.codec.write_interim_head(head, writer.out);
  EXPECT_EQ(writer.take(), "HTTP/1.1 100 Continue\r\n\r\n");
  head.status = 103;
  head.fields.add("Link", "</a.css>; rel=preload");
  writer.codec.write_interim_head(head, writer.out);
  EXPECT_EQ(writer.take(), "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n");
  writer.codec.write_switching_protocols({}, "websocket", writer.out);
  EXPECT_EQ(
      writer.take(),
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
}

TEST(ResponseWriter, WritesHeadsLargerThanABlock) {
  Writer writer;
  const std::string value(BlockPool::kBlockSize, 'v');
  ResponseHead head;
  head.fields.add("X-Large", value);
  EXPECT_EQ(writer.response(head, {.length = 0}),
            "HTTP/1.1 200 OK\r\nX-Large: " + value + "\r\nContent-Length: 0\r\n\r\n");
}

TEST(ResponseWriter, RendersPipelinedHeadsSideBySide) {
  Writer writer;
  writer.codec.write_response_head({}, {.length = 0}, writer.out);
  writer.codec.write_response_head({}, {.length = 0}, writer.out);
  EXPECT_EQ(writer.out.nodes(), 1U) << "they leave as one iovec";
}

RequestHead request_head(std::string_view target) {
  RequestHead head;
  head.method = Method::get;
  head.method_text = "GET";
  head.target = head.path = target;
  head.authority = "up.example";
  return head;
}

TEST(RequestWriter, RebuildsTheHead) {
  Writer writer;
  RequestHead head = request_head("/a?b");
  head.fields.add("Accept", "*/*");
  head.fields.add("Host", "other");
  head.fields.add("Connection", "x");
  head.fields.add("Expect", "100-continue");
  EXPECT_EQ(writer.request(head, {}),
            "GET /a?b HTTP/1.1\r\nHost: up.example\r\nAccept: */*\r\n\r\n");
  EXPECT_EQ(writer.kind, Framing::none);
  EXPECT_EQ(writer.request(head, {.persist = false}),
            "GET /a?b HTTP/1.1\r\nHost: up.example\r\nAccept: */*\r\nConnection: close\r\n\r\n");
}

TEST(RequestWriter, SendsTheReceivedTargetUnlessItHasDotSegments) {
  Writer writer;
  const auto sent = [&](std::string_view target, std::string_view path) {
    RequestHead head = request_head(target);
    head.path = path;
    const std::string text = writer.request(head, {});
    return text.substr(0, text.find("\r\n"));
  };
  EXPECT_EQ(sent("/%7ea?q", "/~a"), "GET /%7ea?q HTTP/1.1");
  EXPECT_EQ(sent("/a/../b?q=..", "/b"), "GET /b?q=.. HTTP/1.1");
  EXPECT_EQ(sent("http://x/a?q", "/a"), "GET /a?q HTTP/1.1");
  EXPECT_EQ(sent("http://x", "/"), "GET / HTTP/1.1");
  EXPECT_EQ(sent("http://x", "*"), "GET * HTTP/1.1");
}

TEST(RequestWriter, FramesContent) {
  Writer writer;
  RequestHead head = request_head("/");
  head.method = Method::post;
  head.method_text = "POST";
  EXPECT_EQ(writer.request(head, {}),
            "POST / HTTP/1.1\r\nHost: up.example\r\nContent-Length: 0\r\n\r\n");
  head.has_body = true;
  EXPECT_EQ(writer.request(head, {.length = 9}),
            "POST / HTTP/1.1\r\nHost: up.example\r\nContent-Length: 9\r\n\r\n");
  EXPECT_EQ(writer.kind, Framing::content_length);
  EXPECT_EQ(writer.request(head, {}),
            "POST / HTTP/1.1\r\nHost: up.example\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(writer.kind, Framing::chunked);
}

TEST(RequestWriter, AsksForATunnel) {
  Writer writer;
  RequestHead head = request_head("/chat");
  head.tunnel = "websocket";
  EXPECT_EQ(writer.request(head, {}),
            "GET /chat HTTP/1.1\r\nHost: up.example\r\nConnection: Upgrade\r\nUpgrade: "
            "websocket\r\n\r\n");
}

}  // namespace
}  // namespace sluice::h1
