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
#include "unit/server/http/client_fakes.h"
#include "unit/server/http/scripted_transport.h"

namespace sluice::http {

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
  const conf::Limits limits{};
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
