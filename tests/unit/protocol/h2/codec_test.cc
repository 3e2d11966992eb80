// Whole exchanges between two codecs, each told again with what they say cut at every offset (RFC
// 9113 section 8.1).
#include "protocol/h2/codec.h"

#include <gtest/gtest.h>

#include <string>

#include "unit/protocol/h2/pair.h"

namespace sluice::h2 {
namespace {

using Fields = Request::Fields;

TEST(H2Codec, GivesARequestWithoutContent) {
  at_every_cut([](Pair& pair) {
    RequestHead head = Pair::head_of("GET", "/x/../y?q");
    head.fields.add("Accept", "*/*");
    const StreamId id = pair.request(head);
    EXPECT_EQ(id, 1);
    pair.exchange();
    ASSERT_TRUE(pair.server.has(1));
    Request& request = pair.server[1];
    EXPECT_TRUE(request.ended);
    EXPECT_EQ(request.request.method, Method::get);
    EXPECT_EQ(request.request.target, "/x/../y?q");
    EXPECT_EQ(request.request.path, "/y");
    EXPECT_EQ(request.request.query, "q");
    EXPECT_EQ(request.request.authority, "a");
    EXPECT_EQ(request.request.scheme, "http");
    EXPECT_EQ(request.request.protocol, "HTTP/2.0");
    EXPECT_FALSE(request.request.has_body);
    EXPECT_EQ(request.fields, (Fields{{"accept", "*/*"}}));
    EXPECT_FALSE(request.closed);
    EXPECT_TRUE(pair.client[1].framed);
    EXPECT_FALSE(pair.server.codec.head_started());
    EXPECT_EQ(pair.server.codec.held(), 0U);
    EXPECT_TRUE(pair.healthy());
  });
}

TEST(H2Codec, GivesAResponseWithContent) {
  at_every_cut([](Pair& pair) {
    const StreamId id = pair.request();
    pair.exchange();
    Source content({"hello, ", "world"});
    pair.respond(id, 200, &content, 12);
    pair.exchange();
    Response& response = pair.client[id];
    EXPECT_EQ(response.status, 200);
    EXPECT_TRUE(response.has_content);
    EXPECT_EQ(response.field("content-length"), "12");
    EXPECT_EQ(response.body, "hello, world");
    EXPECT_TRUE(response.ended);
    EXPECT_EQ(response.closed, ErrorCode::no_error);
    EXPECT_TRUE(pair.server[id].framed);
    EXPECT_EQ(pair.server[id].closed, ErrorCode::no_error);
    EXPECT_FALSE(pair.server[id].closed_by_peer);
    EXPECT_TRUE(pair.healthy());
  });
}

TEST(H2Codec, GivesContentOfUnknownLength) {
  at_every_cut([](Pair& pair) {
    Source upload({"up"});
    const StreamId id = pair.request("POST", &upload);
    pair.exchange();
    EXPECT_EQ(pair.server[id].body, "up");
    EXPECT_TRUE(pair.server[id].ended);
    EXPECT_FALSE(pair.server[id].request.content_length);
    EXPECT_TRUE(pair.server[id].request.has_body);
    Source content({"down"});
    content.end_with_last = true;
    pair.respond(id, 200, &content);
    pair.exchange();
    EXPECT_EQ(pair.client[id].body, "down");
    EXPECT_EQ(pair.client[id].field("content-length"), "(none)");
    EXPECT_EQ(pair.client[id].closed, ErrorCode::no_error);
    EXPECT_EQ(content.pulls, 1);
  });
}

TEST(H2Codec, GivesEmptyContent) {
  at_every_cut([](Pair& pair) {
    Source upload;
    const StreamId id = pair.request("PUT", &upload, 0);
    pair.exchange();
    EXPECT_EQ(pair.server[id].request.content_length, 0U);
    EXPECT_TRUE(pair.server[id].ended);
    Source content;
    pair.respond(id, 200, &content);
    pair.exchange();
    EXPECT_EQ(pair.client[id].body, "");
    EXPECT_TRUE(pair.client[id].ended);
    EXPECT_EQ(pair.client[id].closed, ErrorCode::no_error);
  });
}

TEST(H2Codec, ResumesContentThatWasPending) {
  at_every_cut([](Pair& pair) {
    Source upload({"a"}, Pull::pending);
    const StreamId id = pair.request("POST", &upload);
    pair.exchange();
    EXPECT_EQ(pair.server[id].body, "a");
    EXPECT_FALSE(pair.server[id].ended);
    const int pulls = upload.pulls;
    pair.exchange();
    EXPECT_EQ(upload.pulls, pulls) << "asked without being woken";
    upload.add({"b"}, Pull::end);
    pair.client.codec.resume(id);
    pair.client.codec.resume(id);
    pair.exchange();
    EXPECT_EQ(pair.server[id].body, "ab");
    EXPECT_TRUE(pair.server[id].ended);

    Source content({}, Pull::pending);
    pair.respond(id, 200, &content);
    pair.exchange();
    EXPECT_EQ(pair.client[id].status, 200) << "a head waits for no content";
    content.add({}, Pull::end);
    pair.server.codec.resume(id);
    pair.exchange();
    EXPECT_TRUE(pair.client[id].ended);
    EXPECT_EQ(pair.client[id].closed, ErrorCode::no_error);
  });
}

TEST(H2Codec, CutsAResponseVisiblyWhoseContentFails) {
  at_every_cut([](Pair& pair) {
    const StreamId id = pair.request();
    pair.exchange();
    Source content({"half"}, Pull::pending);
    pair.respond(id, 200, &content);
    pair.exchange();
    content.last = Pull::failed;
    pair.server.codec.resume(id);
    pair.exchange();
    EXPECT_EQ(pair.client[id].body, "half");
    EXPECT_FALSE(pair.client[id].ended);
    EXPECT_EQ(pair.client[id].closed, ErrorCode::internal_error);
    EXPECT_TRUE(pair.client[id].closed_by_peer);
    EXPECT_EQ(pair.server[id].closed, ErrorCode::internal_error);
    EXPECT_FALSE(pair.server[id].closed_by_peer);
    EXPECT_FALSE(pair.server[id].framed);
    EXPECT_TRUE(pair.healthy());
  });
}

TEST(H2Codec, ResetsARequestWhoseContentFails) {
  at_every_cut([](Pair& pair) {
    Source upload({"half"}, Pull::pending);
    const StreamId id = pair.request("POST", &upload, 100);
    pair.exchange();
    upload.last = Pull::failed;
    pair.client.codec.resume(id);
    pair.exchange();
    EXPECT_FALSE(pair.server[id].ended);
    EXPECT_EQ(pair.server[id].closed, ErrorCode::internal_error);
    EXPECT_TRUE(pair.server[id].closed_by_peer);
    EXPECT_EQ(pair.client[id].closed, ErrorCode::internal_error);
  });
}

TEST(H2Codec, GivesTrailersBothWays) {
  at_every_cut([](Pair& pair) {
    Source upload({"up"});
    upload.has_trailers = true;
    upload.fields.add("X-Sum", "1");
    upload.fields.add("connection", "x");  // of HTTP/1, and never sent
    const StreamId id = pair.request("POST", &upload);
    pair.exchange();
    EXPECT_EQ(pair.server[id].trailers, (Fields{{"x-sum", "1"}}));
    EXPECT_TRUE(pair.server[id].ended);
    Source content;  // nothing but trailers, as gRPC answers
    content.has_trailers = true;
    content.fields.add("grpc-status", "0");
    pair.respond(id, 200, &content);
    pair.exchange();
    EXPECT_EQ(pair.client[id].trailers, (Fields{{"grpc-status", "0"}}));
    EXPECT_TRUE(pair.client[id].ended);
    EXPECT_EQ(pair.client[id].closed, ErrorCode::no_error);
    EXPECT_TRUE(pair.server[id].framed);
  });
}

TEST(H2Codec, EndsWithTheContentWhenNoTrailerCanBeSent) {
  Pair pair;
  const StreamId id = pair.request();
  pair.exchange();
  Source content({"x"});
  content.has_trailers = true;
  content.fields.add("a b", "no name");
  content.fields.add("c", "two\r\nlines");
  pair.respond(id, 200, &content);
  pair.exchange();
  EXPECT_TRUE(pair.client[id].ended);
  EXPECT_FALSE(pair.client[id].has_trailers);
}

TEST(H2Codec, GivesInterimResponsesBeforeTheFinalOne) {
  at_every_cut([](Pair& pair) {
    const StreamId id = pair.request();
    pair.exchange();
    ResponseHead hints;
    hints.status = 103;
    hints.fields.add("Link", "</x>");
    pair.server.codec.submit_interim(id, hints);
    ResponseHead go_on;
    go_on.status = 100;
    pair.server.codec.submit_interim(id, go_on);
    pair.exchange();
    EXPECT_EQ(pair.client[id].interims, (std::vector<int>{103, 100}));
    EXPECT_EQ(pair.client[id].interim_fields, (Fields{{"link", "</x>"}}));
    EXPECT_FALSE(pair.client[id].has_head);
    pair.respond(id, 404);
    pair.server.codec.submit_interim(id, hints);  // too late
    pair.exchange();
    EXPECT_EQ(pair.client[id].interims.size(), 2U);
    EXPECT_EQ(pair.client[id].status, 404);
    EXPECT_EQ(pair.client[id].closed, ErrorCode::no_error);
  });
}

TEST(H2Codec, SendsNoContentWhereNoneBelongs) {
  at_every_cut([](Pair& pair) {
    Source never({"content that must not be pulled"});
    const StreamId head = pair.request("HEAD");
    pair.exchange();
    pair.respond(head, 200, &never, 31, Method::head);
    const StreamId none = pair.request();
    const StreamId not_modified = pair.request();
    pair.exchange();
    pair.respond(none, 204, &never, 31);
    pair.respond(not_modified, 304, &never, 31);
    pair.exchange();
    EXPECT_EQ(pair.client[head].field("content-length"), "31");
    EXPECT_EQ(pair.client[none].field("content-length"), "(none)");
    for (const StreamId id : {head, none, not_modified}) {
      EXPECT_TRUE(pair.client[id].ended);
      EXPECT_FALSE(pair.client[id].has_content);
      EXPECT_EQ(pair.client[id].closed, ErrorCode::no_error);
    }
    EXPECT_EQ(never.pulls, 0);
  });
}

TEST(H2Codec, AnswersBeforeTheRequestHasEnded) {
  at_every_cut([](Pair& pair) {
    Source upload({"a"}, Pull::pending);
    const StreamId id = pair.request("POST", &upload);
    pair.exchange();
    pair.respond(id, 413);
    pair.exchange();
    EXPECT_TRUE(pair.client[id].ended);
    EXPECT_FALSE(pair.client[id].closed);
    // RFC 9113 section 8.1: no more is needed.
    pair.server.codec.reset(id, ErrorCode::no_error);
    pair.exchange();
    EXPECT_EQ(pair.client[id].closed, ErrorCode::no_error);
    EXPECT_TRUE(pair.client[id].closed_by_peer);
    EXPECT_EQ(pair.server[id].closed, ErrorCode::no_error);
    EXPECT_FALSE(pair.server[id].closed_by_peer);
    EXPECT_TRUE(pair.healthy());
  });
}

TEST(H2Codec, KeepsStreamsApart) {
  at_every_cut([](Pair& pair) {
    Source first({"1"}, Pull::pending);
    Source second({"22"});
    const StreamId one = pair.request("POST", &first);
    const StreamId two = pair.request("POST", &second);
    EXPECT_EQ(two, one + 2);
    pair.exchange();
    EXPECT_TRUE(pair.server[two].ended);
    EXPECT_FALSE(pair.server[one].ended);
    pair.respond(two);
    pair.exchange();
    first.add({"11"}, Pull::end);
    pair.client.codec.resume(one);
    pair.exchange();
    EXPECT_EQ(pair.server[one].body, "111");
    EXPECT_EQ(pair.server[two].body, "22");
    pair.respond(one);
    pair.exchange();
    EXPECT_EQ(pair.client[one].closed, ErrorCode::no_error);
    EXPECT_EQ(pair.client[two].closed, ErrorCode::no_error);
  });
}

TEST(H2Codec, SaysWhatItIsAskedForUpgrades) {
  Pair pair({}, test_limits(), {.connect_protocol = true});
  EXPECT_FALSE(pair.client.codec.peer_takes_connect_protocol());
  pair.exchange();
  EXPECT_EQ(pair.client.settings, 1);
  EXPECT_EQ(pair.server.settings, 1);
  EXPECT_TRUE(pair.client.codec.peer_takes_connect_protocol());
  RequestHead head = Pair::head_of("CONNECT", "/chat");
  head.tunnel = "websocket";
  Source upload({"frames"}, Pull::pending);
  const StreamId id = pair.request(head, &upload);
  pair.exchange();
  ASSERT_TRUE(pair.server.has(id));
  EXPECT_EQ(pair.server[id].request.tunnel, "websocket");
  EXPECT_EQ(pair.server[id].request.path, "/chat");
  EXPECT_EQ(pair.server[id].body, "frames");
  Source content({"back"}, Pull::pending);
  pair.respond(id, 200, &content, {}, Method::connect);
  pair.exchange();
  EXPECT_EQ(pair.client[id].body, "back");
}

TEST(H2Codec, ConnectsPlainly) {
  Pair pair;
  RequestHead head = Pair::head_of("CONNECT", "");
  head.authority = "a:443";
  Source upload({"x"}, Pull::pending);
  const StreamId id = pair.request(head, &upload);
  pair.exchange();
  ASSERT_TRUE(pair.server.has(id));
  EXPECT_EQ(pair.server[id].request.method, Method::connect);
  EXPECT_EQ(pair.server[id].request.authority, "a:443");
  EXPECT_EQ(pair.server[id].request.target, "a:443");
  EXPECT_EQ(pair.server[id].request.scheme, "");
  EXPECT_EQ(pair.server[id].body, "x");
}

TEST(H2Codec, GivesHeadsOverOneFrame) {
  Pair pair;
  RequestHead head = Pair::head_of("GET", "/");
  // Octets that Huffman does not shorten.
  const std::string large(9000, '~'), larger(12000, '^');
  head.fields.add("x-large", large);
  head.fields.add("x-larger", larger);
  const StreamId id = pair.request(head);
  pair.exchange();
  ASSERT_TRUE(pair.server.has(id));
  EXPECT_EQ(pair.server[id].field("x-large"), large);
  EXPECT_EQ(pair.server[id].field("x-larger"), larger);
  EXPECT_TRUE(pair.server[id].ended);
  bool continued = false;
  for (const Frame& one : frames_of(std::string_view(pair.to_server).substr(kPreface.size())))
    continued |= one.type == kContinuation;
  EXPECT_TRUE(continued);
}

TEST(H2Codec, TakesHeapMemoryOnlyUntilItsListsAreFull) {
  Pair pair;
  const auto once = [&pair] {
    const StreamId id = pair.request();
    pair.exchange();
    pair.respond(id);
    pair.exchange();
  };
  for (int i = 0; i < 300; ++i) once();
  const uint64_t before = pair.server.workspace.taken_from_heap();
  for (int i = 0; i < 50; ++i) once();
  EXPECT_EQ(pair.server.workspace.taken_from_heap(), before);
}

}  // namespace
}  // namespace sluice::h2
