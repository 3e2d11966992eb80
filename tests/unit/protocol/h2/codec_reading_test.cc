// What a peer may say wrong: a malformed message costs its stream and reaches no sink (RFC 9113
// section 8.1.1, SECURITY section 2), a broken connection ends with a GOAWAY that says why.
#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "protocol/h2/codec.h"
#include "unit/protocol/h2/pair.h"

namespace sluice::h2 {
namespace {

using namespace std::string_view_literals;

struct Malformed {
  const char* why;
  std::vector<Line> lines;
  int flags = kEndHeaders | kEndStream;
};

std::string headers_of(int32_t stream, const Malformed& request) {
  std::string block;
  for (const Line& line : request.lines) block += block_of({line});
  return frame(kHeaders, request.flags, stream, block);
}

constexpr Line kGet{":method", "GET"}, kPost{":method", "POST"}, kHttp{":scheme", "http"},
    kRoot{":path", "/"}, kHostA{":authority", "a"};

const std::vector<Malformed>& malformed_requests() {
  static const std::vector<Malformed> kAll{
      // RFC 9113 section 8.2.1
      {"upper-case name", {kGet, kHttp, kRoot, kHostA, {"X-A", "1"}}},
      {"space in a name", {kGet, kHttp, kRoot, kHostA, {"x a", "1"}}},
      {"colon in a name", {kGet, kHttp, kRoot, kHostA, {"x:a", "1"}}},
      {"control octet in a name", {kGet, kHttp, kRoot, kHostA, {"x\x01", "1"}}},
      {"8-bit octet in a name", {kGet, kHttp, kRoot, kHostA, {"x\x80", "1"}}},
      {"empty name", {kGet, kHttp, kRoot, kHostA, {"", "1"}}},
      {"CR in a value", {kGet, kHttp, kRoot, kHostA, {"x", "1\r2"}}},
      {"LF in a value", {kGet, kHttp, kRoot, kHostA, {"x", "1\n2"}}},
      {"NUL in a value", {kGet, kHttp, kRoot, kHostA, {"x", "1\0002"sv}}},
      {"space before a value", {kGet, kHttp, kRoot, kHostA, {"x", " 1"}}},
      {"tab behind a value", {kGet, kHttp, kRoot, kHostA, {"x", "1\t"}}},
      // Section 8.2.2
      {"Connection", {kGet, kHttp, kRoot, kHostA, {"connection", "close"}}},
      {"Keep-Alive", {kGet, kHttp, kRoot, kHostA, {"keep-alive", "5"}}},
      {"Proxy-Connection", {kGet, kHttp, kRoot, kHostA, {"proxy-connection", "close"}}},
      {"Transfer-Encoding", {kPost, kHttp, kRoot, kHostA, {"transfer-encoding", "chunked"}}},
      {"Upgrade", {kGet, kHttp, kRoot, kHostA, {"upgrade", "h2c"}}},
      {"TE but trailers", {kGet, kHttp, kRoot, kHostA, {"te", "gzip"}}},
      // Section 8.3
      {"pseudo-field behind a field", {kGet, kHttp, kRoot, {"x", "1"}, kHostA}},
      {"unknown pseudo-field", {kGet, kHttp, kRoot, kHostA, {":x", "1"}}},
      {"pseudo-field of responses", {kGet, kHttp, kRoot, kHostA, {":status", "200"}}},
      {"no :method", {kHttp, kRoot, kHostA}},
      {"no :scheme", {kGet, kRoot, kHostA}},
      {"no :path", {kGet, kHttp, kHostA}},
      {"nothing at all", {}},
      {"two of :method", {kGet, kGet, kHttp, kRoot, kHostA}},
      {"two of :scheme", {kGet, kHttp, kHttp, kRoot, kHostA}},
      {"two of :path", {kGet, kHttp, kRoot, kRoot, kHostA}},
      {"two of :authority", {kGet, kHttp, kRoot, kHostA, kHostA}},
      {"empty :path", {kGet, kHttp, {":path", ""}, kHostA}},
      {"empty :method", {{":method", ""}, kHttp, kRoot, kHostA}},
      {"space in :method", {{":method", "G T"}, kHttp, kRoot, kHostA}},
      // Section 8.1.1
      {"Content-Length without content", {kPost, kHttp, kRoot, kHostA, {"content-length", "5"}}},
      {"two of Content-Length",
       {kPost, kHttp, kRoot, kHostA, {"content-length", "0"}, {"content-length", "0"}}},
      {"Content-Length no number", {kPost, kHttp, kRoot, kHostA, {"content-length", "+0"}}},
      {"Content-Length of 2^64",
       {kPost, kHttp, kRoot, kHostA, {"content-length", "18446744073709551616"}},
       kEndHeaders},
      // Section 8.5, RFC 8441 section 4
      {"CONNECT with :scheme", {{":method", "CONNECT"}, kHttp, {":authority", "a:1"}}, kEndHeaders},
      {"CONNECT with :path", {{":method", "CONNECT"}, kRoot, {":authority", "a:1"}}, kEndHeaders},
      {"CONNECT without :authority", {{":method", "CONNECT"}}, kEndHeaders},
      {"CONNECT without a port", {{":method", "CONNECT"}, kHostA}, kEndHeaders},
      {"CONNECT with another Host",
       {{":method", "CONNECT"}, {":authority", "a:1"}, {"host", "b:1"}},
       kEndHeaders},
      {":protocol that was not offered",
       {{":method", "CONNECT"}, {":protocol", "websocket"}, kHttp, kRoot, kHostA},
       kEndHeaders},
      // SECURITY section 2
      {"fragment in :path", {kGet, kHttp, {":path", "/#x"}, kHostA}},
      {"space in :path", {kGet, kHttp, {":path", "/ x"}, kHostA}},
      {"8-bit octet in :path", {kGet, kHttp, {":path", "/\xC3\xA4"}, kHostA}},
      {"broken encoding in :path", {kGet, kHttp, {":path", "/%4"}, kHostA}},
      {"absolute form in :path", {kGet, kHttp, {":path", "http://a/"}, kHostA}},
      {"relative :path", {kGet, kHttp, {":path", "x"}, kHostA}},
      {"* but not for OPTIONS", {kGet, kHttp, {":path", "*"}, kHostA}},
      {"userinfo", {kGet, kHttp, kRoot, {":authority", "u@a"}}},
      {"port over 65535", {kGet, kHttp, kRoot, {":authority", "a:65536"}}},
      {"other Host", {kGet, kHttp, kRoot, kHostA, {"host", "b"}}},
      {"two of Host", {kGet, kHttp, kRoot, kHostA, {"host", "a"}, {"host", "a"}}},
      {"neither :authority nor Host", {kGet, kHttp, kRoot}},
      {"other scheme", {kGet, {":scheme", "https"}, kRoot, kHostA}},
      {"scheme that is none", {kGet, {":scheme", "ftp"}, kRoot, kHostA}},
  };
  return kAll;
}

TEST(H2CodecReading, ResetsMalformedRequestsAndGoesOn) {
  for (const Malformed& request : malformed_requests()) {
    SCOPED_TRACE(request.why);
    ByHand hand;
    const std::vector<Frame> answer = hand.ask(headers_of(1, request));
    EXPECT_EQ(code_for(answer, 1), ErrorCode::protocol_error);
    EXPECT_EQ(code_for(answer, 0), std::nullopt);
    EXPECT_TRUE(hand.alive);
    EXPECT_TRUE(hand.server.began.empty()) << "it reached a sink";
    EXPECT_FALSE(hand.server.codec.head_started()) << "nothing of it is awaited any more";
    EXPECT_EQ(hand.server.codec.held(), 0U);
    EXPECT_EQ(hand.server.codec.error().status, 0);
    // Content behind it in the same read is nobody's.
    const bool ends = (request.flags & kEndStream) != 0;
    hand.ask(headers_of(3, request) + (ends ? "" : frame(kData, 0, 3, "x")) + get(5));
    EXPECT_EQ(hand.server.began, (std::vector<StreamId>{5}));
    EXPECT_TRUE(hand.server[5].ended);
  }
}

TEST(H2CodecReading, AwaitsTheRestOfAMalformedBlock) {
  ByHand hand;
  const std::string block = block_of({kGet, kHttp, {"X", "upper"}});
  EXPECT_EQ(code_for(hand.ask(frame(kHeaders, kEndStream, 1, block)), 1),
            ErrorCode::protocol_error);
  EXPECT_TRUE(hand.server.codec.head_started());
  hand.ask(frame(kContinuation, kEndHeaders, 1, block_of({{"y", "1"}})));
  hand.ask(get(3));
  EXPECT_FALSE(hand.server.codec.head_started());
  EXPECT_EQ(hand.server.began, (std::vector<StreamId>{3}));
}

TEST(H2CodecReading, TellsThatAHeadHasStarted) {
  ByHand hand;
  const std::string request = get(1);
  EXPECT_FALSE(hand.server.codec.head_started());
  hand.ask(request.substr(0, request.size() - 1));
  EXPECT_TRUE(hand.server.codec.head_started());
  EXPECT_GT(hand.server.codec.held(), 0U);
  hand.ask(request.substr(request.size() - 1));
  EXPECT_FALSE(hand.server.codec.head_started());
  EXPECT_TRUE(hand.server[1].ended);
}

TEST(H2CodecReading, ResetsRequestsThatTurnOutMalformed) {
  const struct {
    const char* why;
    std::string octets;
  } kCases[] = {
      {"more content than announced",
       headers(1, {kPost, kHttp, kRoot, kHostA, {"content-length", "1"}}, kEndHeaders) +
           frame(kData, 0, 1, "22")},
      {"less content than announced",
       headers(1, {kPost, kHttp, kRoot, kHostA, {"content-length", "3"}}, kEndHeaders) +
           frame(kData, kEndStream, 1, "22")},
      {"trailers that do not end", post(1) + headers(1, {{"x", "1"}}, kEndHeaders)},
      {"trailers with a pseudo-field", post(1) + headers(1, {kRoot})},
      {"trailers in upper case", post(1) + headers(1, {{"X", "1"}})},
      {"trailers that frame", post(1) + headers(1, {{"content-length", "0"}})},
      {"trailers that route", post(1) + headers(1, {{"host", "b"}})},
      {"trailers that would be coded", post(1) + headers(1, {{"transfer-encoding", "chunked"}})},
      {"trailers with a connection's field", post(1) + headers(1, {{"connection", "close"}})},
  };
  for (const auto& one : kCases) {
    SCOPED_TRACE(one.why);
    ByHand hand;
    const std::vector<Frame> answer = hand.ask(one.octets + get(3));
    EXPECT_EQ(code_for(answer, 1), ErrorCode::protocol_error);
    EXPECT_FALSE(hand.server[1].ended);
    EXPECT_FALSE(hand.server[1].has_trailers);
    EXPECT_EQ(hand.server[1].closed, ErrorCode::protocol_error);
    EXPECT_FALSE(hand.server[1].closed_by_peer);
    EXPECT_TRUE(hand.server[3].ended);
    EXPECT_FALSE(hand.server.codec.head_started());
  }
}

TEST(H2CodecReading, RefusesHeadsOverALimitOnTheirStream) {
  Limits limits = test_limits();
  limits.fields = 6;
  ByHand hand(limits);
  const std::string block =
      block_of({kPost, kHttp, kRoot, kHostA, {"a", "1"}, {"b", "2"}, {"c", "3"}});
  // What would come behind the head is nobody's any more, and costs the connection's window
  // nothing.
  hand.ask(frame(kHeaders, kEndHeaders, 1, block) + frame(kData, 0, 1, "content") +
           headers(1, {{"x", "1"}}));
  ASSERT_TRUE(hand.server.has(1));
  EXPECT_EQ(hand.server[1].refused.status, 431);
  EXPECT_EQ(hand.server[1].refused.limit, "fields");
  EXPECT_FALSE(hand.server[1].has_head);
  EXPECT_FALSE(hand.server[1].closed) << "to answer on";
  ResponseHead head;
  head.status = 431;
  hand.server.codec.submit_response(1, head, {}, nullptr);
  EXPECT_NE(find(hand.server.say_frames(), kHeaders, 1), nullptr);
  EXPECT_EQ(hand.server[1].closed, ErrorCode::no_error);
}

TEST(H2CodecReading, RefusesTrailersOverALimit) {
  Limits limits = test_limits();
  limits.trailer_fields = 1;
  ByHand hand(limits);
  hand.ask(post(1) + headers(1, {{"a", "1"}, {"b", "2"}}));
  EXPECT_EQ(hand.server[1].refused.status, 400);
  EXPECT_EQ(hand.server[1].refused.limit, "trailer_fields");
  EXPECT_FALSE(hand.server[1].ended) << "it is not complete";
  EXPECT_FALSE(hand.server[1].has_trailers);
}

// As in HTTP/1: what is for this hop alone is not handed on (RFC 9110 section 7.6.1).
TEST(H2CodecReading, HandsOnNoTrailersForOneHop) {
  ByHand hand;
  hand.ask(post(1) + headers(1, {{"te", "trailers"}, {"trailer", "x"}, {"x", "1"}}));
  EXPECT_EQ(hand.server[1].trailers, (Request::Fields{{"x", "1"}}));
  EXPECT_TRUE(hand.server[1].ended);
}

TEST(H2CodecReading, RefusesWhatTheConnectionDoesNotTake) {
  ByHand hand;
  hand.server.refuses = true;
  EXPECT_EQ(code_for(hand.ask(get(1)), 1), ErrorCode::refused_stream);
  EXPECT_TRUE(hand.alive);
}

TEST(H2CodecReading, RefusesStreamsBeyondTheirNumber) {
  Limits limits = test_limits();
  limits.streams = 2;
  ByHand hand(limits);
  hand.ask(post(1) + post(3));
  EXPECT_EQ(hand.server.began.size(), 2U);
  const std::vector<Frame> answer = hand.ask(post(5));
  EXPECT_TRUE(code_for(answer, 5) == ErrorCode::refused_stream ||
              code_for(answer, 0) == ErrorCode::protocol_error);
  EXPECT_EQ(hand.server.began.size(), 2U);
}

// Feeds it, and what a decent client would say next: no stream may begin any more.
void expect_connection_error(const char* why, std::string_view octets, ErrorCode code,
                             bool preface = true) {
  SCOPED_TRACE(why);
  Server server({}, test_limits());
  if (preface) {
    ASSERT_TRUE(server.feed(std::string(kPreface) + frame(kSettings, 0, 0) + post(1)));
  }
  const size_t began = server.began.size();
  (void)server.feed(octets);
  EXPECT_FALSE(server.feed(get(101)) && server.codec.error().status == 0 &&
               server.began.size() > began)
      << "it goes on";
  EXPECT_EQ(code_for(server.say_frames(), 0), code);
  EXPECT_EQ(server.codec.error().status, 400);
  EXPECT_FALSE(server.codec.error().cause.empty());
  EXPECT_FALSE(server.feed(get(103)));
  EXPECT_EQ(server.began.size(), began);
  EXPECT_TRUE(server.say().empty());
}

TEST(H2CodecReading, EndsBrokenConnections) {
  using enum ErrorCode;
  expect_connection_error("no preface", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", protocol_error, false);
  expect_connection_error("no SETTINGS first", std::string(kPreface) + get(1), protocol_error,
                          false);
  expect_connection_error("frame over 16 KiB", frame(kData, 0, 1, std::string(16385, 'x')),
                          frame_size_error);
  expect_connection_error("SETTINGS of a wrong size", frame(kSettings, 0, 0, "12345"),
                          frame_size_error);
  expect_connection_error("PING of a wrong size", frame(kPing, 0, 0, "1234567"), frame_size_error);
  expect_connection_error("RST_STREAM of a wrong size", frame(kRstStream, 0, 1, "12345"),
                          frame_size_error);
  expect_connection_error("WINDOW_UPDATE of a wrong size", frame(kWindowUpdate, 0, 0, "12345"),
                          frame_size_error);
  expect_connection_error("garbage for HPACK", frame(kHeaders, kEndHeaders, 3, "\xFF\xFF\xFF\xFF"),
                          compression_error);
  expect_connection_error("index beyond HPACK's table", frame(kHeaders, kEndHeaders, 3, "\xFE"),
                          compression_error);
  expect_connection_error("block that is cut",
                          frame(kHeaders, kEndHeaders, 3, get(3).substr(9, 12)), compression_error);
  expect_connection_error("connection's window over 2^31-1",
                          frame(kWindowUpdate, 0, 0, "\x7F\xFF\xFF\xFF"), flow_control_error);
  expect_connection_error("WINDOW_UPDATE by zero", frame(kWindowUpdate, 0, 0, number(0, 4)),
                          protocol_error);
  expect_connection_error("first window over 2^31-1",
                          frame(kSettings, 0, 0, setting(4, 0x80000000U)), flow_control_error);
  expect_connection_error("frames up to 100 octets", frame(kSettings, 0, 0, setting(5, 100)),
                          protocol_error);
  expect_connection_error("ENABLE_PUSH of 2", frame(kSettings, 0, 0, setting(2, 2)),
                          protocol_error);
  expect_connection_error("DATA on the connection", frame(kData, 0, 0, "x"), protocol_error);
  expect_connection_error("DATA on an idle stream", frame(kData, 0, 7, "x"), protocol_error);
  expect_connection_error("RST_STREAM on an idle stream", frame(kRstStream, 0, 7, number(8, 4)),
                          protocol_error);
  expect_connection_error("HEADERS on the connection", get(0), protocol_error);
  expect_connection_error("even stream", get(2), protocol_error);
  expect_connection_error("PUSH_PROMISE of a client",
                          frame(kPushPromise, kEndHeaders, 1, number(2, 4) + block_of({kGet})),
                          protocol_error);
  expect_connection_error("padding over the frame", frame(kData, kPadded, 1, "\x05"),
                          protocol_error);
  expect_connection_error("CONTINUATION of nothing", frame(kContinuation, kEndHeaders, 1, ""),
                          protocol_error);
  expect_connection_error("other frame inside a block",
                          get(3, kEndStream) + frame(kPing, 0, 0, "12345678"), protocol_error);
  expect_connection_error("CONTINUATION of another stream",
                          get(3, kEndStream) + frame(kContinuation, kEndHeaders, 5),
                          protocol_error);
  expect_connection_error("SETTINGS acknowledged with content",
                          frame(kSettings, kAcknowledges, 0, setting(4, 1)), frame_size_error);
}

TEST(H2CodecReading, FailsWithTheGoawayAtOnceWhereItKnows) {
  Server server({}, test_limits());
  EXPECT_FALSE(server.feed("GET / HTTP/1.1\r\n\r\n"));
  EXPECT_EQ(server.codec.error().status, 400);
  EXPECT_EQ(server.codec.error().cause, "malformed preface");
  EXPECT_EQ(code_for(server.say_frames(), 0), ErrorCode::protocol_error);
}

TEST(H2CodecReading, EndsAConnectionWhoseWindowIsOverrun) {
  Limits limits = test_limits();
  limits.connection_window = 70'000;
  limits.stream_window = 68'000;
  ByHand hand(limits);
  const std::string full(16384, 'x');
  std::string octets = post(1);
  for (int i = 0; i < 4; ++i) octets += frame(kData, 0, 1, full);
  hand.ask(octets + post(3));
  EXPECT_TRUE(hand.alive);
  const std::vector<Frame> answer = hand.ask(frame(kData, 0, 3, full));
  EXPECT_EQ(code_for(answer, 0), ErrorCode::flow_control_error);
  EXPECT_EQ(hand.server.codec.error().cause, "more content than the window allows");
}

TEST(H2CodecReading, EndsAStreamWhoseWindowIsOverrun) {
  Limits limits = test_limits();
  limits.stream_window = 1000;
  ByHand hand(limits);
  const std::vector<Frame> answer = hand.ask(post(1) + frame(kData, 0, 1, std::string(1001, 'x')));
  EXPECT_TRUE(code_for(answer, 1) == ErrorCode::flow_control_error ||
              code_for(answer, 0) == ErrorCode::flow_control_error);
  EXPECT_FALSE(hand.server[1].ended);
}

TEST(H2CodecReading, HandsContentOnWhereItLies) {
  Server server({}, test_limits());
  const std::string hello = std::string(kPreface) + frame(kSettings, 0, 0) + post(1);
  const Slice input = copy_of(hello + frame(kData, 0, 1, "first") +
                              frame(kData, kPadded | kEndStream, 1, "\x03second..."));
  EXPECT_TRUE(server.codec.feed(input, Time{}));
  Request& request = server[1];
  EXPECT_EQ(request.body, "firstsecond");
  EXPECT_TRUE(request.ended);
  for (const Slice& slice : request.slices) {
    EXPECT_GE(slice.data(), input.data());
    EXPECT_LE(slice.data() + slice.size(), input.data() + input.size());
    EXPECT_EQ(slice.owner().get(), input.owner().get()) << "it pins the input";
  }
}

TEST(H2CodecReading, IgnoresWhatItNeedNotKnow) {
  ByHand hand;
  const std::vector<Frame> answer =
      hand.ask(frame(0xBB, 0xFF, 0, "grease") + frame(kPriority, 0, 9, std::string(5, '\0')) +
               frame(kSettings, 0, 0, setting(0x5A5A, 1)) + get(9));
  EXPECT_EQ(code_for(answer, 0), std::nullopt);
  EXPECT_TRUE(hand.server[9].ended);
}

// --- The client's reading ------------------------------------------------------------------------

// Says `octets` to a client that has asked on stream 1.
std::vector<Frame> answer_by_hand(Client& client, Response& response, std::string_view octets,
                                  std::string_view method = "GET") {
  (void)client.codec.submit_request(Pair::head_of(method, "/"), {}, nullptr, response);
  (void)client.say();
  (void)client.feed(frame(kSettings, 0, 0));
  (void)client.feed(octets);
  return client.say_frames();
}

TEST(H2CodecReading, ResetsMalformedResponses) {
  const struct {
    const char* why;
    std::string octets;
  } kCases[] = {
      {"no :status", headers(1, {{"x", "1"}})},
      {"two of :status", headers(1, {{":status", "200"}, {":status", "200"}})},
      {":status of two digits", headers(1, {{":status", "20"}})},
      {":status no number", headers(1, {{":status", "2x0"}})},
      {"pseudo-field of requests", headers(1, {{":status", "200"}, kRoot})},
      {"101", headers(1, {{":status", "101"}}, kEndHeaders)},
      {"interim that ends", headers(1, {{":status", "103"}})},
      {"Connection", headers(1, {{":status", "200"}, {"connection", "close"}})},
      {"upper-case name", headers(1, {{":status", "200"}, {"X", "close"}})},
      {"LF in a value", headers(1, {{":status", "200"}, {"x", "a\nb"}})},
      {"content of another length",
       headers(1, {{":status", "200"}, {"content-length", "9"}}, kEndHeaders) +
           frame(kData, kEndStream, 1, "x")},
  };
  for (const auto& one : kCases) {
    SCOPED_TRACE(one.why);
    Client client({.role = Role::client}, test_limits());
    Response& response = client.make(1);
    EXPECT_EQ(code_for(answer_by_hand(client, response, one.octets), 1), ErrorCode::protocol_error);
    EXPECT_FALSE(response.ended);
    EXPECT_EQ(response.closed, ErrorCode::protocol_error);
    EXPECT_EQ(client.codec.error().status, 0);
    EXPECT_FALSE(client.codec.head_started());
  }
}

TEST(H2CodecReading, GivesResponsesUpThatAreOverALimit) {
  Limits limits = test_limits();
  limits.fields = 2;
  Client client({.role = Role::client}, limits);
  Response& response = client.make(1);
  const std::string head = headers(1, {{":status", "200"}, {"a", "1"}, {"b", "2"}}, kEndHeaders);
  const std::vector<Frame> answer =
      answer_by_hand(client, response, head + frame(kData, kEndStream, 1, "content"));
  EXPECT_EQ(response.refused.limit, "fields");
  EXPECT_EQ(code_for(answer, 1), ErrorCode::cancel);
  EXPECT_EQ(response.body, "");
}

TEST(H2CodecReading, EndsAConnectionToAServerWhoseContentComesFirst) {
  Client client({.role = Role::client}, test_limits());
  Response& response = client.make(1);
  const std::string content = frame(kData, kEndStream, 1, "x");
  EXPECT_EQ(code_for(answer_by_hand(client, response, content), 0), ErrorCode::protocol_error);
  EXPECT_EQ(response.body, "");
  EXPECT_NE(client.codec.error().status, 0);
}

TEST(H2CodecReading, CancelsPushesOfAServerThatDoesNotKnowBetterYet) {
  Client client({.role = Role::client}, test_limits());
  Response& response = client.make(1);
  const std::string promise =
      frame(kPushPromise, kEndHeaders, 1, number(2, 4) + block_of({kGet, kHttp, kRoot, kHostA}));
  const std::string pushed =
      headers(2, {{":status", "200"}}, kEndHeaders) + frame(kData, 0, 2, "x");
  const std::string asked = headers(1, {{":status", "200"}});
  const std::vector<Frame> answer = answer_by_hand(client, response, promise + pushed + asked);
  EXPECT_EQ(code_for(answer, 2), ErrorCode::cancel);
  EXPECT_EQ(response.closed, ErrorCode::no_error);
  EXPECT_EQ(client.codec.error().status, 0);
}

TEST(H2CodecReading, EndsAConnectionToAServerThatPushesUnasked) {
  Client client({.role = Role::client}, test_limits());
  Response& response = client.make(1);
  const std::vector<Frame> answer =
      answer_by_hand(client, response,
                     frame(kSettings, kAcknowledges, 0) +
                         frame(kPushPromise, kEndHeaders, 1,
                               number(2, 4) + block_of({kGet, kHttp, kRoot, kHostA})));
  EXPECT_EQ(code_for(answer, 0), ErrorCode::protocol_error);
  EXPECT_NE(client.codec.error().status, 0);
}

}  // namespace
}  // namespace sluice::h2
