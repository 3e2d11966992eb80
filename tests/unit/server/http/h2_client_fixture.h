// An HTTP/2 connection to an upstream over a scripted transport, with receivers that tests command,
// and an upstream made of the same codec in its other role, or of octets by hand.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/http/h2_client_connection.h"
#include "server/net/loop.h"
#include "unit/protocol/h2/frames.h"
#include "unit/protocol/h2/pair.h"
#include "unit/server/http/scripted_transport.h"

namespace sluice::http {

// Who sent a request. Fails the test when it is told anything behind an end or its cancel(), or
// from within a call of the test's.
class FakeReceiver final : public ResponseReceiver {
 public:
  enum class At { head, body, trailers };

  void on_response_head(ResponseHead& head, bool has_body) override {
    expect_wanted("head");
    for (const Field& field : head.fields)
      fields.emplace_back(std::string(field.name), std::string(field.value));
    if (head.status < 200) {
      interims.push_back(head.status);
    } else {
      status = head.status;
      has_content = has_body;
    }
    now(At::head);
  }
  void on_response_body(Slice octets) override {
    expect_wanted("content");
    body += octets.view();
    unconsumed += octets.size();
    slices.push_back(std::move(octets));
    now(At::body);
  }
  void on_response_trailers(const FieldList& list) override {
    expect_wanted("trailers");
    for (const Field& field : list)
      trailers.emplace_back(std::string(field.name), std::string(field.value));
    now(At::trailers);
  }
  void on_response_end() override {
    expect_wanted("end");
    ended = true;
  }
  void on_response_failed(const UpstreamFailure& why) override {
    expect_wanted("failure");
    failure = why;
    if (on_failure) on_failure();
  }
  bool wants_response_body() const override { return true; }

  void cancel() {
    cancelled = true;
    stream->cancel();
  }
  void consume() {
    slices.clear();
    if (unconsumed > 0) stream->consumed(std::exchange(unconsumed, 0), true);
  }
  std::string field(std::string_view name) const {
    for (const auto& [one, value] : fields)
      if (one == name) return value;
    return "(none)";
  }

  RequestHead asked;
  ClientStream* stream = nullptr;
  const bool* calling = nullptr;  // the fixture is within a call
  std::optional<At> cancel_at;
  std::function<void()> on_failure;

  int status = 0;
  bool has_content = false;
  std::vector<int> interims;
  std::vector<std::pair<std::string, std::string>> fields, trailers;
  std::string body;
  std::vector<Slice> slices;
  uint64_t unconsumed = 0;
  bool ended = false;
  bool cancelled = false;
  std::optional<UpstreamFailure> failure;

 private:
  void expect_wanted(const char* what) const {
    EXPECT_FALSE(ended) << what << " behind the end";
    EXPECT_FALSE(failure) << what << " behind a failure";
    EXPECT_FALSE(cancelled) << what << " behind cancel()";
    EXPECT_FALSE(*calling) << what << " from within a call";
  }
  void now(At what) {
    if (cancel_at == what) cancel();
  }
};

class FakeOwner final : public ClientConnectionOwner {
 public:
  void on_available(ClientConnection&) override {
    EXPECT_EQ(ended, 0);
    ++available;
    if (when_available) when_available();
  }
  void on_ended(ClientConnection& connection) override {
    ++ended;
    closed_while_idle = connection.closed_while_idle();
    EXPECT_FALSE(connection.takes_request());
  }
  int available = 0;
  int ended = 0;
  bool closed_while_idle = false;
  std::function<void()> when_available;
};

class H2ClientFixture {
 public:
  struct Setup {
    h2::Limits upstream = h2::test_limits();
    conf::Limits limits = {};
    H2ClientConnection::Patience patience = {};
  };

  H2ClientFixture() : H2ClientFixture(Setup()) {}
  explicit H2ClientFixture(const Setup& setup)
      : limits(setup.limits),
        resources(loop, limits),
        h2_limits(upstream_h2_limits(limits)),
        upstream({}, setup.upstream) {
    loop.bind_to_this_thread();
    connection = new H2ClientConnection(resources, h2_limits, owner, setup.patience);
    connection->open(std::make_unique<ScriptedTransport>(wire));
  }
  ~H2ClientFixture() {
    if (!alive()) return;
    for (const auto& one : receivers)
      if (!one->ended && !one->failure && !one->cancelled) one->cancel();
    connection->close();
    turn();
    EXPECT_TRUE(wire.closed) << "the connection stays";
  }

  bool alive() const { return !wire.closed; }
  void turn() {
    for (int i = 0; i < 4; ++i) loop.run_once(std::chrono::milliseconds(0));
  }
  void wake() {
    if (alive()) loop.wake(*connection);
    turn();
  }
  void wait(std::chrono::milliseconds time) {
    const auto until = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < until) loop.run_once(std::chrono::milliseconds(5));
    turn();
  }

  // Begins a request; it leaves when the two talk.
  FakeReceiver& request(std::string_view method = "GET", BodySource* content = nullptr,
                        std::optional<uint64_t> length = {}, bool expects = false) {
    receivers.push_back(std::make_unique<FakeReceiver>());
    FakeReceiver& one = *receivers.back();
    one.calling = &calling;
    one.asked.method_text = method;
    one.asked.method = method_of(method);
    one.asked.target = one.asked.path = "/";
    one.asked.authority = "a";
    one.asked.has_body = content != nullptr;
    one.asked.expects_continue = expects;
    EXPECT_TRUE(connection->takes_request());
    calling = true;
    one.stream = &connection->send({.head = &one.asked, .body = content, .length = length}, one);
    calling = false;
    return one;
  }
  void cancel(FakeReceiver& one) {
    calling = true;
    one.cancel();
    calling = false;
  }

  // What we said since the last time.
  std::string said() { return wire.output.substr(std::exchange(heard_, wire.output.size())); }
  // Octets of the upstream's, by hand.
  void hear(std::string octets) {
    wire.input.push_back({Wire::Step::Kind::octets, std::move(octets)});
    wake();
  }
  void hear_end() {
    wire.input.push_back({Wire::Step::Kind::end, ""});
    wake();
  }
  void hear_reset() {
    wire.input.push_back({Wire::Step::Kind::reset, ""});
    wake();
  }
  // Lets both talk until neither has anything to say.
  void talk() {
    for (int i = 0; i < 1000; ++i) {
      wake();
      const std::string request = said();
      if (!request.empty()) (void)upstream.feed(request);
      if (upstream_consumes) upstream.consume_all();
      const std::string response = upstream.say();
      if (!response.empty()) wire.input.push_back({Wire::Step::Kind::octets, response});
      if (request.empty() && response.empty()) return;
    }
    ADD_FAILURE() << "the two never stop talking";
  }
  // The upstream's part of the preface, and ours to it.
  void greet() {
    hear(h2::frame(h2::kSettings, 0, 0) + h2::frame(h2::kSettings, h2::kAcknowledges, 0));
    (void)said();
  }
  std::vector<h2::Frame> said_frames() {
    std::string text = said();
    if (text.starts_with(h2::kPreface)) text.erase(0, h2::kPreface.size());
    return h2::frames_of(text);
  }

  void respond(h2::StreamId id, int status = 200, BodySource* content = nullptr,
               std::optional<uint64_t> length = {}) {
    ResponseHead head;
    head.status = status;
    upstream.codec.submit_response(id, head, {.length = length}, content);
  }
  // A request that is served, so that the connection is a used one.
  void serve_one() {
    FakeReceiver& one = request();
    talk();
    respond(upstream.began.back());
    talk();
    EXPECT_TRUE(one.ended);
  }

  net::Loop loop;
  const conf::Limits limits;
  WorkerResources resources;
  const h2::Limits h2_limits;
  FakeOwner owner;
  Wire wire;
  h2::Server upstream;
  bool upstream_consumes = true;
  bool calling = false;
  std::vector<std::unique_ptr<FakeReceiver>> receivers;
  H2ClientConnection* connection = nullptr;

 private:
  size_t heard_ = 0;
};

}  // namespace sluice::http
