// What goes out: heads that nobody can read as two, and content that is not copied (RFC 9113
// section 8.2).
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "protocol/h2/codec.h"
#include "unit/protocol/h2/pair.h"

namespace sluice::h2 {
namespace {

using Fields = Response::Fields;

// A server that has heard a request on stream 1, and a client to read what it says.
class H2CodecWriting : public ::testing::Test {
 protected:
  H2CodecWriting() {
    id_ = pair_.request();
    pair_.exchange();
  }
  void respond(const ResponseHead& head, const Codec::ResponseFraming& framing,
               BodySource* content = nullptr) {
    server().codec.submit_response(id_, head, framing, content);
    pair_.exchange();
  }
  Server& server() { return pair_.server; }
  Response& response() { return pair_.client[id_]; }

  Pair pair_;
  StreamId id_;
};

TEST_F(H2CodecWriting, SendsNamesInLowerCaseAndWhatIsCommon) {
  FieldList common;
  common.add("date", "now");
  common.add("server", "sluice");
  PreparedFields prepared;
  prepared.fields.add("ETag", "\"1\"");
  prepared.fields.add("Content-Length", "999");
  ResponseHead head;
  head.fields.add("X-Mixed-CASE", "Value");
  head.fields.add("Set-Cookie", "a");
  head.fields.add("Set-Cookie", "b");
  head.prepared = &prepared;
  respond(head, {.request_method = Method::get, .length = 0, .common = &common});
  EXPECT_EQ(response().fields, (Fields{{"date", "now"},
                                       {"server", "sluice"},
                                       {"content-length", "0"},
                                       {"x-mixed-case", "Value"},
                                       {"set-cookie", "a"},
                                       {"set-cookie", "b"},
                                       {"etag", "\"1\""}}));
  EXPECT_TRUE(response().ended);
}

TEST_F(H2CodecWriting, LeavesOutWhatIsNotToBeSent) {
  ResponseHead head;
  for (const char* const name : {"Connection", "Keep-Alive", "Proxy-Connection", "TE", "Trailer",
                                 "Transfer-Encoding", "Upgrade", "Host", "a b", "", ":status"})
    head.fields.add(name, "1");
  using namespace std::string_view_literals;
  for (const std::string_view value :
       {"a\rb"sv, "a\nb"sv, "a\r\nb: c"sv, "a\0b"sv, " a"sv, "a "sv, "\ta"sv, "a\x7F"sv})
    head.fields.add("x-bad", value);
  head.fields.add("x-good", "a\tb \x80\xFF");
  head.fields.add("x-empty", "");
  respond(head, {});
  EXPECT_EQ(response().fields, (Fields{{"x-good", "a\tb \x80\xFF"}, {"x-empty", ""}}));
  EXPECT_TRUE(response().ended);
}

// nghttp2 frames no block beyond 64 KiB: the peer must not wait for it.
TEST_F(H2CodecWriting, ResetsWhatIsTooLargeToFrame) {
  const std::string large(70'000, 'x');
  ResponseHead head;
  head.fields.add("x", large);
  respond(head, {});
  EXPECT_EQ(response().closed, ErrorCode::internal_error);
  EXPECT_TRUE(server()[id_].closed);
}

TEST_F(H2CodecWriting, ResetsWhatTrailersAreTooLargeToFrameOf) {
  const std::string large(70'000, 'x');
  Source content({"content"});
  content.has_trailers = true;
  content.fields.add("x", large);
  respond(ResponseHead(), {}, &content);
  EXPECT_EQ(response().body, "content");
  EXPECT_EQ(response().closed, ErrorCode::internal_error);
  EXPECT_FALSE(response().ended);
  EXPECT_TRUE(server()[id_].closed);
}

TEST_F(H2CodecWriting, EndsRequestsThatAreTooLargeToFrame) {
  const std::string large(70'000, 'x');
  RequestHead head = Pair::head_of("GET", "/");
  head.fields.add("x", large);
  const StreamId id = pair_.request(head);
  pair_.exchange();
  EXPECT_EQ(pair_.client[id].closed, ErrorCode::internal_error);
  EXPECT_TRUE(pair_.healthy());
}

TEST_F(H2CodecWriting, SaysTheLengthOnceAndWhereItBelongs) {
  const struct {
    const char* why;
    Method asked;
    int status;
    std::optional<uint64_t> length;
    const char* field;
    const char* expected;
  } kCases[] = {
      {"framed", Method::get, 200, 5, "999", "5"},
      {"framed by nobody", Method::get, 200, {}, "999", "(none)"},
      {"HEAD", Method::head, 200, 7, "999", "7"},
      {"HEAD, as an upstream said", Method::head, 200, {}, "999", "999"},
      {"304, as an upstream said", Method::get, 304, {}, "999", "999"},
      {"204", Method::get, 204, 0, "999", "(none)"},
      {"204, as an upstream said", Method::get, 204, {}, "999", "(none)"},
      {"CONNECT", Method::connect, 200, {}, "999", "(none)"},
      {"CONNECT with a length", Method::connect, 200, 5, "999", "(none)"},
      {"CONNECT refused", Method::connect, 403, 5, "999", "5"},
  };
  for (const auto& one : kCases) {
    SCOPED_TRACE(one.why);
    Client client({.role = Role::client}, test_limits());
    ByHand hand;
    hand.ask(get(1));
    ResponseHead head;
    head.status = one.status;
    head.fields.add("Content-Length", one.field);
    Source content({"12345"});
    hand.server.codec.submit_response(1, head, {.request_method = one.asked, .length = one.length},
                                      &content);
    const std::vector<Frame> said = hand.server.say_frames();
    ASSERT_NE(find(said, kHeaders, 1), nullptr);
    // Its head alone: what follows would not fit every method.
    (void)client.codec.submit_request(Pair::head_of("HEAD", "/"), {}, nullptr, client.make(1));
    (void)client.say();
    const Frame& its_head = *find(said, kHeaders, 1);
    EXPECT_TRUE(
        client.feed(frame(kSettings, 0, 0) + frame(kHeaders, its_head.flags, 1, its_head.payload)));
    EXPECT_EQ(client[1].field("content-length"), one.expected);
  }
}

TEST_F(H2CodecWriting, WritesRequests) {
  RequestHead head = Pair::head_of("POST", "/p?q");
  head.scheme = "https";  // as its client asked, whatever leads to this server
  head.expects_continue = true;
  head.fields.add("Host", "other");
  head.fields.add("Content-Length", "999");
  head.fields.add("X-Y", "1");
  head.fields.add("Connection", "close");
  Server server({.role = Role::server, .secure = true}, test_limits());
  Client client({.role = Role::client}, test_limits());
  Source content({"ab"});
  (void)client.codec.submit_request(head, 2, &content, client.make(1));
  EXPECT_TRUE(server.feed(client.say()));
  Request& request = server[1];
  EXPECT_EQ(request.request.scheme, "https");
  EXPECT_EQ(request.request.authority, "a");
  EXPECT_EQ(request.request.target, "/p?q");
  EXPECT_EQ(request.request.content_length, 2U);
  EXPECT_TRUE(request.request.expects_continue);
  EXPECT_EQ(request.fields, (Fields{{"x-y", "1"}}));
  EXPECT_EQ(request.body, "ab");
}

TEST_F(H2CodecWriting, NeverCopiesContent) {
  const std::string text(40'000, 'x');
  const Slice slice = copy_of(text);
  class Lent final : public BodySource {
   public:
    explicit Lent(Slice slice) : slice_(std::move(slice)) {}
    Pull pull(Chain& out, size_t max) override {
      const size_t size = std::min(max, slice_.size() - at_);
      out.append(slice_.sub(at_, size));
      at_ += size;
      return at_ == slice_.size() ? Pull::end : Pull::ready;
    }

   private:
    Slice slice_;
    size_t at_ = 0;
  } content(slice);
  ResponseHead head;
  server().codec.submit_response(id_, head, {.length = text.size()}, &content);
  Chain out;
  ASSERT_TRUE(server().codec.produce(out, UINT64_MAX, Time{}));
  uint64_t lent = 0;
  while (!out.empty()) {
    const std::string_view node = out.front_memory();
    if (node.data() >= slice.data() && node.data() < slice.data() + slice.size())
      lent += node.size();
    out.drain(node.size());
  }
  EXPECT_EQ(lent, text.size());
}

TEST_F(H2CodecWriting, MovesFileRangesOnAsTheyAre) {
  class File final : public BodySource {
   public:
    Pull pull(Chain& out, size_t max) override {
      const uint64_t size = std::min<uint64_t>(max, 20'000 - at_);
      out.append_file({}, {.descriptor = 77, .offset = 1000 + at_, .size = size});
      at_ += size;
      return at_ == 20'000 ? Pull::end : Pull::ready;
    }

   private:
    uint64_t at_ = 0;
  } content;
  ResponseHead head;
  server().codec.submit_response(id_, head, {.length = 20'000}, &content);
  Chain out;
  ASSERT_TRUE(server().codec.produce(out, UINT64_MAX, Time{}));
  uint64_t next = 1000;
  while (!out.empty()) {
    if (const FileRange* const range = out.front_file()) {
      EXPECT_EQ(range->descriptor, 77);
      EXPECT_EQ(range->offset, next);
      next += range->size;
      out.drain(range->size);
    } else {
      out.drain(out.front_memory().size());
    }
  }
  EXPECT_EQ(next, 21'000U);
}

TEST_F(H2CodecWriting, ProducesAboutAsMuchAsItIsAskedFor) {
  Source content({std::string(60'000, 'x')});
  ResponseHead head;
  server().codec.submit_response(id_, head, {}, &content);
  const std::string some = server().say(20'000);
  EXPECT_GE(some.size(), 20'000U);
  EXPECT_LE(some.size(), 20'000U + 16'384 + 9);
  EXPECT_LE(content.pulled, some.size() + 16'384) << "one frame ahead at most";
  EXPECT_TRUE(server().codec.wants_to_produce());
  const std::string rest = server().say();
  EXPECT_FALSE(server().codec.wants_to_produce());
  EXPECT_TRUE(pair_.client.feed(some + rest));
  EXPECT_EQ(response().body, std::string(60'000, 'x'));
}

}  // namespace
}  // namespace sluice::h2
