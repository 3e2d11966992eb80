// What a client sees of a stored representation (RFC 9110 sections 13 to 15): all octets of the
// answers, over a scripted transport; the statuses are the RFC's.
#include "server/http/representation_response.h"

#include <gtest/gtest.h>

#include <charconv>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "unit/server/http/connection_fixture.h"

namespace sluice::http {
namespace {

using Storing = cache::Freshness::Storing;

constexpr int64_t kModified = 784'111'777;  // Sun, 06 Nov 1994 08:49:37 GMT
constexpr int64_t kNow = 1'750'000'000;     // Sun, 15 Jun 2025 15:06:40 GMT
const std::string kContent = "0123456789abcdefghijklmnopqrstuvwxyz";

cache::Metadata metadata() {
  return {.validators = {.entity_tag = "\"1\"", .last_modified = kModified},
          .freshness = {.storing = Storing::max_age, .max_age = 60},
          .accept_ranges = true};
}

Ref<cache::Representation> represent(const cache::Metadata& about,
                                     std::string_view content = kContent) {
  Ref<SharedBody> body = Ref<SharedBody>::adopt(new SharedBody());
  body->append(content);
  return cache::Representation::of_memory(200, {{"Content-Type", "text/plain"}, {"X-Kept", "yes"}},
                                          std::move(body), about);
}

// Pieces of a text, each pull at most `piece` octets, every other one pending if asked for.
class ScriptedBody final : public StoredBody {
 public:
  std::string content = kContent;
  size_t piece = SIZE_MAX;
  bool pends = false;
  uint64_t fails_at = UINT64_MAX;  // the source that would give this octet fails instead
  // Seen by the test.
  std::vector<std::string> asked;  // "0-5 only"
  int alive = 0;
  int cancelled = 0;

  BodySourcePointer source(Exchange& exchange, uint64_t begin, uint64_t end, bool only) override {
    asked.push_back(std::to_string(begin) + "-" + std::to_string(end) + (only ? " only" : ""));
    return BodySourcePointer(new Source(*this, exchange, begin, end));
  }

 private:
  class Source final : public BodySource {
   public:
    Source(ScriptedBody& body, Exchange& exchange, uint64_t begin, uint64_t end)
        : body_(body), exchange_(exchange), at_(begin), end_(end), length_(end - begin) {
      ++body_.alive;
    }
    ~Source() override { --body_.alive; }

    Pull pull(Chain& out, size_t max) override {
      if (body_.pends && std::exchange(waits_, !waits_)) {
        exchange_.wake();
        return Pull::pending;
      }
      if (body_.fails_at >= at_ && body_.fails_at < end_) return Pull::failed;
      const size_t size = std::min({max, body_.piece, static_cast<size_t>(end_ - at_)});
      out.append(copy_of(std::string_view(body_.content).substr(at_, size)));
      at_ += size;
      return at_ == end_ ? Pull::end : Pull::ready;
    }
    std::optional<uint64_t> length() const override { return length_; }
    void cancel() override { ++body_.cancelled; }

   private:
    ScriptedBody& body_;
    Exchange& exchange_;
    uint64_t at_;
    const uint64_t end_;
    const uint64_t length_;
    bool waits_ = true;
  };
};

// Answers every request with the representation.
class Answering final : public Filter {
 public:
  Ref<cache::Representation> representation = represent(metadata());
  ScriptedBody body;

  void on_request(Exchange& exchange) override {
    Ref<Owner> pin(new Handle(Ref<SharedOwner>(representation.get())));
    respond_with_representation(exchange, *representation, std::move(pin), body, kNow);
  }
};

struct Response {
  std::string head;  // status line and fields, without Date and Server
  std::string content;
  int status = 0;
  std::map<std::string, std::string> fields;
};

class RepresentationResponse : public testing::Test {
 protected:
  RepresentationResponse() : fixture_({}, {&answering_}) { fixture_.connect(); }

  // One request on the same connection, which must still be there afterwards.
  Response ask(std::string_view method, std::string_view fields) {
    fixture_.wire.output.clear();
    fixture_.send(std::string(method) + " / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) +
                  "\r\n");
    EXPECT_FALSE(fixture_.wire.closed) << fields;
    return parse(fixture_.output());
  }
  Response get(std::string_view fields) { return ask("GET", fields); }

  static Response parse(const std::string& output) {
    Response made;
    const size_t end = output.find("\r\n\r\n");
    if (end == std::string::npos) return made;
    made.head = output.substr(0, end + 2);
    made.content = output.substr(end + 4);
    std::from_chars(made.head.data() + 9, made.head.data() + 12, made.status);
    for (size_t at = made.head.find("\r\n") + 2; at < made.head.size();) {
      const size_t colon = made.head.find(": ", at);
      const size_t line_end = made.head.find("\r\n", at);
      EXPECT_TRUE(made.fields
                      .emplace(made.head.substr(at, colon - at),
                               made.head.substr(colon + 2, line_end - colon - 2))
                      .second)
          << "twice: " << made.head.substr(at, line_end - at);
      at = line_end + 2;
    }
    return made;
  }

  Answering answering_;
  ConnectionFixture fixture_;
};

TEST_F(RepresentationResponse, Whole) {
  const Response response = get("");
  EXPECT_EQ(response.head,
            "HTTP/1.1 200 OK\r\nExpires: Sun, 15 Jun 2025 15:07:40 GMT\r\n"
            "Content-Type: text/plain\r\nX-Kept: yes\r\nETag: \"1\"\r\n"
            "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nCache-Control: max-age=60\r\n"
            "Accept-Ranges: bytes\r\nContent-Length: 36\r\n");
  EXPECT_EQ(response.content, kContent);
  EXPECT_EQ(answering_.body.asked, std::vector<std::string>{"0-36 only"});
}

// RFC 9110 section 9.3.2: the fields of a GET, and no part of one (section 14.2).
TEST_F(RepresentationResponse, HeadIsWithoutContentAndIgnoresRange) {
  const std::string fields_of_get = get("").head;
  for (const std::string_view fields : {"", "Range: bytes=0-4\r\n", "Range: bytes=99-\r\n"}) {
    const Response response = ask("HEAD", fields);
    EXPECT_EQ(response.head, fields_of_get);
    EXPECT_EQ(response.content, "");
  }
}

// Section 15.4.5: what caches need, no content, and no length of another one (section 8.6).
TEST_F(RepresentationResponse, NotModified) {
  for (const std::string_view method : {"GET", "HEAD"}) {
    for (const std::string_view fields :
         {"If-None-Match: \"1\"\r\n", "If-None-Match: \"0\"\r\nIf-None-Match: W/\"1\"\r\n",
          "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
          "If-None-Match: *\r\nRange: bytes=0-4\r\n"}) {
      const Response response = ask(method, fields);
      EXPECT_EQ(response.head,
                "HTTP/1.1 304 Not Modified\r\nExpires: Sun, 15 Jun 2025 15:07:40 GMT\r\n"
                "ETag: \"1\"\r\nCache-Control: max-age=60\r\n")
          << fields;
      EXPECT_EQ(response.content, "") << fields;
    }
  }
  EXPECT_TRUE(answering_.body.asked.empty()) << "nothing is read for a 304";
}

TEST_F(RepresentationResponse, ExpiresIsConsistent) {
  answering_.representation = represent({.freshness = {.storing = Storing::no_cache}});
  EXPECT_EQ(get("").fields["Expires"], "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(get("").fields["Cache-Control"], "no-cache");
  EXPECT_EQ(get("If-None-Match: *\r\n").fields["Expires"], "Thu, 01 Jan 1970 00:00:00 GMT");
  answering_.representation = represent({});
  EXPECT_EQ(get("").fields.count("Expires"), 0u);
  EXPECT_EQ(get("").fields.count("Cache-Control"), 0u);
}

// Section 15.5.13, by the order of section 13.2.2 before any range.
TEST_F(RepresentationResponse, PreconditionFailed) {
  for (const std::string_view fields :
       {"If-Match: \"2\"\r\n", "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n",
        "If-Match: \"2\"\r\nIf-None-Match: \"1\"\r\n", "If-Match: \"2\"\r\nRange: bytes=99-\r\n"}) {
    Response response = get(fields);
    EXPECT_EQ(response.status, 412) << fields;
    EXPECT_EQ(response.content, "412 Precondition Failed\n");
    EXPECT_EQ(response.fields.count("ETag") + response.fields.count("Cache-Control"), 0u);
  }
  EXPECT_EQ(fixture_.log.entries.back().cause, "a precondition of the request does not hold");
  EXPECT_EQ(ask("HEAD", "If-Match: \"2\"\r\n").content, "");
}

// Section 15.3.7.1.
TEST_F(RepresentationResponse, OnePart) {
  const Response response = get("Range: bytes=10-14\r\n");
  EXPECT_EQ(response.head,
            "HTTP/1.1 206 Partial Content\r\nExpires: Sun, 15 Jun 2025 15:07:40 GMT\r\n"
            "Content-Range: bytes 10-14/36\r\n"
            "Content-Type: text/plain\r\nX-Kept: yes\r\nETag: \"1\"\r\n"
            "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nCache-Control: max-age=60\r\n"
            "Accept-Ranges: bytes\r\nContent-Length: 5\r\n");
  EXPECT_EQ(response.content, "abcde");
  EXPECT_EQ(get("Range: bytes=-3\r\n").content, "xyz");
  EXPECT_EQ(get("Range: bytes=30-\r\n").content, "uvwxyz");
  Response all = get("Range: bytes=0-\r\n");
  EXPECT_EQ(all.status, 206);
  EXPECT_EQ(all.fields["Content-Range"], "bytes 0-35/36");
  Response joined = get("Range: bytes=5-9,0-4\r\n");
  EXPECT_EQ(joined.fields["Content-Range"], "bytes 0-9/36") << "neighbours are one part";
  EXPECT_EQ(joined.content, "0123456789");
  EXPECT_EQ(answering_.body.asked.back(), "0-10 only");
}

// What a multipart/byteranges content must be, by RFC 2046 section 5.1.1.
std::string expected_parts(const std::string& boundary,
                           const std::vector<std::pair<std::string, std::string>>& parts) {
  std::string text;
  for (const auto& [range, octets] : parts) {
    text += (text.empty() ? "--" : "\r\n--") + boundary +
            "\r\nContent-Type: text/plain\r\nContent-Range: bytes " + range + "\r\n\r\n" + octets;
  }
  return text + "\r\n--" + boundary + "--\r\n";
}

std::string boundary_of(Response& response) {
  static const std::string kType = "multipart/byteranges; boundary=";
  const std::string type = response.fields["Content-Type"];
  EXPECT_EQ(type.substr(0, kType.size()), kType);
  return type.size() > kType.size() ? type.substr(kType.size()) : "";
}

// Section 15.3.7.2: no Content-Range of its own, the other fields as ever.
TEST_F(RepresentationResponse, SeveralParts) {
  Response response = get("Range: bytes=10-14,0-0,-2\r\n");
  EXPECT_EQ(response.status, 206);
  const std::string boundary = boundary_of(response);
  EXPECT_EQ(response.content,
            expected_parts(boundary, {{"10-14/36", "abcde"}, {"0-0/36", "0"}, {"34-35/36", "yz"}}));
  EXPECT_EQ(response.fields["Content-Length"], std::to_string(response.content.size()));
  EXPECT_EQ(response.fields.count("Content-Range"), 0u);
  EXPECT_EQ(response.fields["ETag"], "\"1\"");
  EXPECT_EQ(response.fields["X-Kept"], "yes");
  EXPECT_EQ(response.fields["Expires"], "Sun, 15 Jun 2025 15:07:40 GMT");
  EXPECT_EQ(answering_.body.asked, (std::vector<std::string>{"10-15", "0-1", "34-36"}));
  EXPECT_EQ(answering_.body.alive, 0);
  Response again = get("Range: bytes=10-14,0-0,-2\r\n");
  EXPECT_NE(boundary_of(again), boundary) << "new for each response";
}

TEST_F(RepresentationResponse, SeveralPartsComeHoweverTheSourcesGiveThem) {
  const std::string range = "Range: bytes=0-4,20-29,10-14\r\n";
  for (const size_t piece : {size_t{1}, size_t{2}, size_t{3}, SIZE_MAX}) {
    for (const bool pends : {false, true}) {
      answering_.body.piece = piece;
      answering_.body.pends = pends;
      Response response = get(range);
      for (int turns = 0; turns < 40; ++turns) fixture_.wake();
      response = parse(fixture_.output());
      EXPECT_EQ(response.content, expected_parts(boundary_of(response), {{"0-4/36", "01234"},
                                                                         {"20-29/36", "klmnopqrst"},
                                                                         {"10-14/36", "abcde"}}))
          << piece << pends;
    }
  }
}

TEST_F(RepresentationResponse, APartThatFailsCutsTheConnection) {
  answering_.body.fails_at = 21;
  fixture_.send("GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=0-4,20-29,10-14\r\n\r\n");
  EXPECT_TRUE(fixture_.wire.closed);
  const Response response = parse(fixture_.output());
  EXPECT_NE(response.content.find("01234"), std::string::npos);
  EXPECT_LT(response.content.size(), 300u);
  EXPECT_EQ(answering_.body.alive, 0);
  EXPECT_EQ(answering_.body.cancelled, 2) << "the failed one and the one behind it";
}

TEST_F(RepresentationResponse, AClientThatLeavesCancelsAllParts) {
  answering_.body.piece = 1;
  fixture_.wire.take_per_flush = 1;
  answering_.body.pends = true;
  fixture_.wire.takes = false;
  fixture_.send("GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=0-4,20-29,10-14\r\n\r\n");
  EXPECT_EQ(answering_.body.alive, 3);
  fixture_.send_reset();
  EXPECT_EQ(answering_.body.alive, 0);
  EXPECT_EQ(answering_.body.cancelled, 3);
}

// Section 15.5.17.
TEST_F(RepresentationResponse, Unsatisfiable) {
  for (const std::string_view fields :
       {"Range: bytes=36-\r\n", "Range: bytes=99-100,50-\r\n", "Range: bytes=-0\r\n",
        "Range: bytes=99-\r\nIf-Range: \"1\"\r\n"}) {
    Response response = get(fields);
    EXPECT_EQ(response.status, 416) << fields;
    EXPECT_EQ(response.fields["Content-Range"], "bytes */36");
    EXPECT_EQ(response.content, "416 Range Not Satisfiable\n");
    EXPECT_EQ(response.fields.count("ETag") + response.fields.count("Expires"), 0u);
  }
  EXPECT_EQ(fixture_.log.entries.back().cause, "no range lies within the representation");
}

TEST_F(RepresentationResponse, RangesThatDoNotCountGiveTheWhole) {
  for (const std::string_view fields :
       {"Range: bytes=4-2\r\n", "Range: lines=0-1\r\n", "Range: bytes=0-1\r\nRange: bytes=4-5\r\n",
        "Range: bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16\r\n",
        "Range: bytes=0-9,5-14,10-19\r\n", "Range: bytes=0-4\r\nIf-Range: \"2\"\r\n",
        "Range: bytes=0-4\r\nIf-Range: W/\"1\"\r\n",
        "Range: bytes=99-\r\nIf-Range: Sun, 06 Nov 1994 08:49:38 GMT\r\n", "If-Range: \"2\"\r\n"}) {
    const Response response = get(fields);
    EXPECT_EQ(response.status, 200) << fields;
    EXPECT_EQ(response.content, kContent) << fields;
    EXPECT_EQ(fixture_.log.entries.back().cause, "") << fields;
  }
  EXPECT_EQ(get("Range: bytes=0-4\r\nIf-Range: \"1\"\r\n").status, 206);
  EXPECT_EQ(get("Range: bytes=0-4\r\nIf-Range: Sun, 06 Nov 1994 08:49:37 GMT\r\n").status, 206);
  answering_.representation = represent({});
  EXPECT_EQ(get("Range: bytes=0-4\r\n").status, 200) << "parts are not offered";
}

TEST_F(RepresentationResponse, AnEmptyBodyHasNoParts) {
  answering_.representation = represent(metadata(), "");
  answering_.body.content = "";
  EXPECT_EQ(get("").status, 200);
  EXPECT_EQ(get("Range: bytes=-5\r\n").status, 200);
  Response response = get("Range: bytes=0-\r\n");
  EXPECT_EQ(response.status, 416);
  EXPECT_EQ(response.fields["Content-Range"], "bytes */0");
}

// The limits are those of the exchange.
TEST(RepresentationResponseLimits, AreTheListeners) {
  Answering answering;
  conf::Limits limits;
  limits.ranges = 1;
  ConnectionFixture fixture(limits, {&answering});
  fixture.connect();
  fixture.send(get("/", "Range: bytes=0-0\r\n"));
  fixture.send(get("/", "Range: bytes=0-0,2-2\r\n"));
  EXPECT_EQ(fixture.statuses(), (std::vector<int>{206, 200}));
}

}  // namespace
}  // namespace sluice::http
