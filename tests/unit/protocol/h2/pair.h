// Two codecs in memory, one in each role, with sinks and sources that hold them to their contracts;
// and ways to cut what they say to each other at every offset.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "protocol/block.h"
#include "protocol/h2/codec.h"
#include "unit/protocol/h2/frames.h"
#include "unit/protocol/h2/test_limits.h"

namespace sluice::h2 {

// What came for one stream. Fails the test when its codec calls it out of order.
template <typename Sink>
class Recorder final : public Sink {
 public:
  using Fields = std::vector<std::pair<std::string, std::string>>;

  // Of the interface of one role only.
  void on_request_head(RequestHead& head) {
    expect_open("head");
    EXPECT_FALSE(has_head) << "a second head";
    has_head = true;
    std::swap(request, head);
    keep(request.fields, fields);
  }
  void on_response_head(ResponseHead& head, bool has_body) {
    expect_open("head");
    EXPECT_FALSE(has_head) << "a head behind the final one";
    if (head.status < 200) {
      interims.push_back(head.status);
      return keep(head.fields, interim_fields);
    }
    has_head = true;
    has_content = has_body;
    status = head.status;
    keep(head.fields, fields);
  }
  void on_body(Slice octets) override {
    expect_open("content");
    EXPECT_TRUE(has_head) << "content before the head";
    EXPECT_FALSE(has_trailers) << "content behind trailers";
    body += octets.view();
    slices.push_back(std::move(octets));
  }
  void on_trailers(const FieldList& list) override {
    expect_open("trailers");
    EXPECT_TRUE(has_head) << "trailers before the head";
    has_trailers = true;
    keep(list, trailers);
  }
  void on_end() override {
    expect_open("end");
    EXPECT_TRUE(has_head) << "end before the head";
    ended = true;
  }
  void on_reset(const ProtocolError& error) override {
    expect_open("reset");
    EXPECT_NE(error.status, 0);
    refused = error;
  }

  std::string field(std::string_view name) const {
    for (const auto& [one, value] : fields)
      if (one == name) return value;
    return "(none)";
  }
  // Octets that nobody has consumed yet.
  uint64_t take_unconsumed() {
    const uint64_t fresh = body.size() - consumed_;
    consumed_ = body.size();
    return fresh;
  }

  RequestHead request;
  int status = 0;
  std::vector<int> interims;
  Fields fields, interim_fields, trailers;
  std::string body;
  std::vector<Slice> slices;
  ProtocolError refused;
  bool has_head = false, has_content = false, has_trailers = false, ended = false;
  bool framed = false;
  bool released = false;
  std::optional<ErrorCode> closed;
  bool closed_by_peer = false;

 private:
  static void keep(const FieldList& list, Fields& out) {
    for (const Field& field : list) out.emplace_back(field.name, field.value);
  }
  void expect_open(const char* what) const {
    EXPECT_FALSE(ended) << what << " behind the end";
    EXPECT_EQ(refused.status, 0) << what << " behind a reset";
    EXPECT_FALSE(closed) << what << " behind the close";
    EXPECT_FALSE(released) << what << " behind release()";
  }
  uint64_t consumed_ = 0;
};

using Request = Recorder<ServerSink>;
using Response = Recorder<ClientSink>;

// Content that a test commands: pieces, each of which is given whole or as far as it is asked for.
class Source final : public BodySource {
 public:
  explicit Source(std::vector<std::string> pieces = {}, Pull then = Pull::end)
      : last(then), pieces_(std::move(pieces)) {}

  Pull pull(Chain& out, size_t max) override {
    EXPECT_GT(max, 0U);
    EXPECT_FALSE(over_) << "pulled after its end";
    ++pulls;
    if (next_ < pieces_.size()) {
      std::string& piece = pieces_[next_];
      const std::string_view some = std::string_view(piece).substr(at_, max);
      out.append(copy_of(some));
      pulled += some.size();
      at_ += some.size();
      if (at_ == piece.size()) {
        at_ = 0;
        ++next_;
      }
      const bool ends_with_octets = next_ == pieces_.size() && last == Pull::end && end_with_last;
      if (!ends_with_octets) return Pull::ready;
    }
    over_ = last != Pull::pending;
    return last;
  }
  std::optional<uint64_t> length() const override { return announced; }
  const FieldList* trailers() const override { return has_trailers ? &fields : nullptr; }

  // Goes on after a pause: with these pieces, and then as `then` says.
  void add(std::vector<std::string> pieces, Pull then) {
    for (std::string& piece : pieces) pieces_.push_back(std::move(piece));
    last = then;
  }

  Pull last;
  bool end_with_last = false;  // the last octets and the end come in one
  std::optional<uint64_t> announced;
  bool has_trailers = false;
  FieldList fields;
  uint64_t pulled = 0;
  int pulls = 0;

 private:
  std::vector<std::string> pieces_;
  size_t next_ = 0;
  size_t at_ = 0;
  bool over_ = false;
};

// One codec and what it told.
template <typename Sink>
class End final : public CodecEvents {
 public:
  End(const CodecOptions& options, const Limits& its_limits)
      : limits(its_limits), workspace(pool), codec(options, limits, workspace, *this) {}

  ServerSink* on_stream(StreamId id) override {
    began.push_back(id);
    if (refuses) return nullptr;
    if constexpr (std::is_same_v<Sink, Request>) {
      return &make(id);
    } else {
      ADD_FAILURE() << "a stream of the server's";
      return nullptr;
    }
  }
  void on_stream_closed(StreamId id, CodecSink& sink, ErrorCode code, bool by_peer) override {
    Sink& one = static_cast<Sink&>(sink);
    EXPECT_EQ(&one, streams.at(id).get());
    EXPECT_FALSE(one.closed) << "closed twice";
    EXPECT_FALSE(one.released) << "heard of after release()";
    one.closed = code;
    one.closed_by_peer = by_peer;
  }
  void on_stream_framed(StreamId, CodecSink& sink) override {
    Sink& one = static_cast<Sink&>(sink);
    EXPECT_FALSE(one.framed) << "framed twice";
    EXPECT_FALSE(one.closed || one.released);
    one.framed = true;
  }
  void on_goaway(StreamId last, ErrorCode code) override { goaways.emplace_back(last, code); }
  void on_pong() override { ++pongs; }
  void on_settings() override { ++settings; }

  Sink& make(StreamId id) { return *(streams[id] = std::make_unique<Sink>()); }
  Sink& operator[](StreamId id) { return *streams.at(id); }
  bool has(StreamId id) const { return streams.contains(id); }

  bool feed(std::string_view octets) { return codec.feed(copy_of(octets), Time{} + now); }
  // All that it has to say now, or about as much as `until`.
  std::string say(uint64_t until = UINT64_MAX) {
    Chain out;
    EXPECT_TRUE(codec.produce(out, until, Time{} + now));
    return out.to_string();
  }
  std::vector<Frame> say_frames() { return frames_of(say()); }
  void release(StreamId id) {
    codec.release(id);
    streams.at(id)->released = true;
  }
  // Consumes what came since, as somebody who keeps up.
  void consume_all(bool drained = true) {
    for (const auto& [id, stream] : streams) {
      const uint64_t octets = stream->take_unconsumed();
      if (octets == 0) continue;
      codec.consume(id, octets, drained);
      codec.consume_connection(octets);
    }
  }

  const Limits limits{};
  BlockPool pool;
  Workspace workspace;
  std::map<StreamId, std::unique_ptr<Sink>> streams;
  std::vector<StreamId> began;
  std::vector<std::pair<StreamId, ErrorCode>> goaways;
  int pongs = 0;
  int settings = 0;
  bool refuses = false;
  std::chrono::milliseconds now{0};
  Codec codec;
};

using Server = End<Request>;
using Client = End<Response>;

// Where what one end says is cut on its way.
struct Cut {
  size_t at = SIZE_MAX;  // at this offset of all that it says
  bool each = false;     // behind every octet
};

class Pair {
 public:
  explicit Pair(const Cut& cut = {}, const Limits& limits = test_limits(),
                const CodecOptions& options = {})
      : client({.role = Role::client, .secure = options.secure}, limits),
        server(options, limits),
        cut_(cut) {}

  // Lets both talk until neither has anything to say; each consumes what it hears.
  void exchange() {
    for (int i = 0; i < 1000; ++i) {
      const std::string request = client.say();
      deliver(request, to_server, server);
      const std::string response = server.say();
      deliver(response, to_client, client);
      if (consumes) {
        server.consume_all();
        client.consume_all();
      }
      if (request.empty() && response.empty()) return;
    }
    ADD_FAILURE() << "the two never stop talking";
  }

  // A request head for `path`, which lives as long as the pair.
  static RequestHead head_of(std::string_view method, std::string_view path) {
    RequestHead head;
    head.method = method_of(method);
    head.method_text = method;
    head.target = head.path = path;
    head.authority = "a";
    return head;
  }
  StreamId request(const RequestHead& head, BodySource* content = nullptr,
                   std::optional<uint64_t> length = {}) {
    auto response = std::make_unique<Response>();
    const StreamId id = client.codec.submit_request(head, length, content, *response);
    if (id != 0) client.streams[id] = std::move(response);
    return id;
  }
  StreamId request(std::string_view method = "GET", BodySource* content = nullptr,
                   std::optional<uint64_t> length = {}) {
    return request(head_of(method, "/"), content, length);
  }
  void respond(StreamId id, int status = 200, BodySource* content = nullptr,
               std::optional<uint64_t> length = {}, Method asked = Method::get) {
    ResponseHead head;
    head.status = status;
    server.codec.submit_response(id, head, {.request_method = asked, .length = length}, content);
  }
  bool healthy() const {
    return server.codec.error().status == 0 && client.codec.error().status == 0;
  }

  Client client;
  Server server;
  std::string to_server, to_client;  // all that was said
  bool consumes = true;

 private:
  template <typename To>
  void deliver(const std::string& octets, std::string& said, To& to) const {
    const size_t before = said.size();
    said += octets;
    size_t from = 0;
    while (from < octets.size()) {
      size_t size = octets.size() - from;
      if (cut_.each) size = 1;
      if (cut_.at > before + from && cut_.at < before + from + size) size = cut_.at - before - from;
      (void)to.feed(std::string_view(octets).substr(from, size));
      from += size;
    }
  }
  const Cut cut_;
};

// Runs `scenario` whole, octet by octet, and with what each end says cut once at every offset.
template <typename Scenario>
void at_every_cut(Scenario scenario) {
  size_t said = 0;
  {
    Pair pair;
    scenario(pair);
    said = std::max(pair.to_server.size(), pair.to_client.size());
  }
  if (::testing::Test::HasFailure()) return;
  {
    SCOPED_TRACE("octet by octet");
    Pair pair({.each = true});
    scenario(pair);
  }
  for (size_t at = 1; at < said && !::testing::Test::HasFailure(); ++at) {
    SCOPED_TRACE("cut at " + std::to_string(at));
    Pair pair({.at = at});
    scenario(pair);
  }
}

// A server and what comes by hand.
class ByHand {
 public:
  explicit ByHand(const Limits& limits = test_limits(), const CodecOptions& options = {})
      : server(options, limits) {
    EXPECT_TRUE(server.feed(std::string(kPreface) + frame(kSettings, 0, 0)));
    (void)server.say();
    EXPECT_TRUE(server.feed(frame(kSettings, kAcknowledges, 0)));
  }
  // What it answers.
  std::vector<Frame> ask(std::string_view octets) {
    alive = server.feed(octets) && alive;
    return server.say_frames();
  }

  Server server;
  bool alive = true;
};

inline const Frame* find(const std::vector<Frame>& frames, uint8_t type, int32_t stream = -1) {
  for (const Frame& one : frames)
    if (one.type == type && (stream < 0 || one.stream == stream)) return &one;
  return nullptr;
}

// The code of the RST_STREAM for `stream`, or of the connection's GOAWAY (stream 0).
inline std::optional<ErrorCode> code_for(const std::vector<Frame>& frames, int32_t stream) {
  const Frame* const found = find(frames, stream == 0 ? kGoaway : kRstStream, stream);
  if (found == nullptr) return std::nullopt;
  return static_cast<ErrorCode>(number_at(found->payload, stream == 0 ? 4 : 0));
}

}  // namespace sluice::h2
