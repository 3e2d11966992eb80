// An HTTP/2 server connection over a scripted transport, with handlers that tests command, and a
// client made of the same codec in its other role.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/block.h"
#include "protocol/h2/codec.h"
#include "unit/server/http/connection_fixture.h"

namespace sluice::http {

// What a client has seen of one of its streams.
class SeenStream final : public ClientSink {
 public:
  void on_response_head(ResponseHead& head, bool) override {
    if (head.status < 200) {
      interims.push_back(head.status);
      return;
    }
    status = head.status;
    for (const Field& field : head.fields) fields[std::string(field.name)] = field.value;
  }
  void on_body(Slice octets) override {
    body += octets.view();
    unconsumed += octets.size();
  }
  void on_trailers(const FieldList& list) override {
    for (const Field& field : list) trailers[std::string(field.name)] = field.value;
  }
  void on_end() override { ended = true; }
  void on_reset(const ProtocolError& error) override { error_text = error.cause; }

  int status = 0;
  std::vector<int> interims;
  std::map<std::string, std::string> fields, trailers;
  std::string body;
  uint64_t unconsumed = 0;
  std::string error_text;
  bool ended = false;
  std::optional<h2::ErrorCode> closed;
};

class H2Client final : public h2::CodecEvents {
 public:
  explicit H2Client(const h2::Limits& limits)
      : workspace(pool), codec({.role = h2::Role::client}, limits, workspace, *this) {}

  ServerSink* on_stream(h2::StreamId) override { return nullptr; }
  void on_stream_closed(h2::StreamId id, CodecSink&, h2::ErrorCode code, bool) override {
    streams[id].closed = code;
  }
  void on_goaway(h2::StreamId last, h2::ErrorCode code) override {
    goaways.emplace_back(last, code);
  }

  // A request for `path`; `content` may give its content, and outlives the stream.
  h2::StreamId request(std::string_view method, std::string_view path,
                       BodySource* content = nullptr, std::optional<uint64_t> length = {},
                       std::string_view field = {}, std::string_view value = {}) {
    RequestHead head;
    head.method_text = method;
    head.method = method_of(method);
    head.target = path;
    head.path = path;
    head.scheme = "http";
    head.authority = "a";
    head.has_body = content != nullptr;
    head.content_length = length;
    if (!field.empty()) head.fields.add(field, value);
    next_ = std::make_unique<SeenStream>();
    const h2::StreamId id = codec.submit_request(head, length, content, *next_);
    owned_.push_back(std::move(next_));
    by_id_[id] = owned_.back().get();
    return id;
  }
  SeenStream& stream(h2::StreamId id) { return *by_id_.at(id); }

  // Everything it has to say now.
  std::string say() {
    Chain out;
    EXPECT_TRUE(codec.produce(out, UINT64_MAX, h2::Time{} + now));
    return out.to_string();
  }
  // Hears what the server said.
  void hear(std::string_view octets) {
    if (!octets.empty()) alive = codec.feed(copy_of(octets), h2::Time{} + now) && alive;
    if (!consumes) return;
    for (const auto& [id, one] : by_id_) {
      codec.consume(id, one->unconsumed, true);
      codec.consume_connection(std::exchange(one->unconsumed, 0));
    }
  }

  struct Ended {
    std::optional<h2::ErrorCode> closed;
  };
  BlockPool pool;
  h2::Workspace workspace;
  std::map<h2::StreamId, Ended> streams;
  std::vector<std::pair<h2::StreamId, h2::ErrorCode>> goaways;
  std::chrono::milliseconds now{0};
  bool alive = true;
  bool consumes = true;  // opens its windows as it hears content
  h2::Codec codec;

 private:
  std::unique_ptr<SeenStream> next_;
  std::vector<std::unique_ptr<SeenStream>> owned_;
  std::map<h2::StreamId, SeenStream*> by_id_;
};

// One worker's world with one connection that speaks HTTP/2 by prior knowledge.
class H2Fixture : public ConnectionFixture {
 public:
  explicit H2Fixture(const conf::Limits& limits_to_use = {}, std::vector<Filter*> filters = {})
      : ConnectionFixture(limits_to_use, std::move(filters)),
        client_limits(h2_limits(limits)),
        client(client_limits) {
    connect();
  }

  // Lets both sides talk until neither has anything to say.
  void exchange() {
    for (int i = 0; i < 64; ++i) {
      const std::string said = client.say();
      if (!said.empty()) wire.input.push_back({Wire::Step::Kind::octets, said});
      wake_all();
      const std::string answered = wire.output.substr(heard_);
      heard_ = wire.output.size();
      client.hear(answered);
      if (said.empty() && answered.empty()) return;
    }
    ADD_FAILURE() << "the two never stop talking";
  }
  // A whole exchange of one request without content.
  SeenStream& get(std::string_view path) {
    const h2::StreamId id = client.request("GET", path);
    exchange();
    return client.stream(id);
  }
  ServerConnection* current() {
    return context.active.front() != nullptr ? context.active.front() : context.idle.front();
  }
  void wake_all() {
    // Whoever stands there now: the connection changes when it turns out to speak HTTP/2.
    if (ServerConnection* const now = current()) loop.wake(*now);
    turn();
  }

  // What a source does that has more to give.
  void wake_stream() {
    ASSERT_NE(handler.tapped, nullptr);
    handler.tapped->wake();
  }
  void send_end_to_current() {
    wire.input.push_back({Wire::Step::Kind::end, ""});
    wake_all();
  }
  void hear_rest() {
    client.hear(std::string_view(wire.output).substr(heard_));
    heard_ = wire.output.size();
  }

  // GOAWAY frames that the server sent, also to a client that is done by the first.
  int goaways_on_wire() const {
    constexpr size_t kFrameHeader = 9;
    int found = 0;
    const auto octet = [this](size_t at) -> size_t {
      return static_cast<uint8_t>(wire.output[at]);
    };
    for (size_t at = 0; at + kFrameHeader <= wire.output.size();) {
      found += octet(at + 3) == 7 ? 1 : 0;
      at += kFrameHeader + (octet(at) << 16U | octet(at + 1) << 8U | octet(at + 2));
    }
    return found;
  }

  std::unique_ptr<BodySource> upload;  // outlives the client's streams
  const h2::Limits client_limits;
  H2Client client;

 private:
  size_t heard_ = 0;
};

}  // namespace sluice::http
