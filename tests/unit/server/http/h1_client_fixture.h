// An HTTP/1.1 connection to an upstream over a scripted transport, with receivers that tests
// command, and an upstream of octets by hand.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/http/h1_client_connection.h"
#include "server/net/loop.h"
#include "unit/server/http/client_fakes.h"
#include "unit/server/http/scripted_transport.h"

namespace sluice::http {

inline constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

class H1ClientFixture {
 public:
  explicit H1ClientFixture(const conf::Limits& limits_to_use = {})
      : limits(limits_to_use), resources(loop, limits), h1_limits(upstream_h1_limits(limits)) {
    loop.bind_to_this_thread();
    connection = new H1ClientConnection(resources, h1_limits, owner);
    connection->open(std::make_unique<ScriptedTransport>(wire));
  }
  ~H1ClientFixture() {
    if (!alive()) return;
    for (const auto& one : receivers)
      if (!one->ended && !one->failure && !one->cancelled) cancel(*one);
    if (owner.ended == 0) connection->close();
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

  // Begins a request, which leaves with the next turn; `request` also turns.
  FakeReceiver& begin(std::string_view method = "GET", BodySource* content = nullptr,
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
    const bool before = std::exchange(calling, true);
    one.stream = &connection->send({.head = &one.asked, .body = content, .length = length}, one);
    calling = before;
    return one;
  }
  FakeReceiver& request(std::string_view method = "GET", BodySource* content = nullptr,
                        std::optional<uint64_t> length = {}, bool expects = false) {
    FakeReceiver& one = begin(method, content, length, expects);
    turn();
    return one;
  }
  void cancel(FakeReceiver& one) {
    calling = true;
    one.cancel();
    calling = false;
  }
  // A request that is served, so that the connection is a used one.
  void serve_one() {
    const FakeReceiver& one = request();
    hear(std::string(kOk));
    EXPECT_TRUE(one.ended);
    (void)said();
  }

  // What we said since the last time.
  std::string said() { return wire.output.substr(std::exchange(heard_, wire.output.size())); }
  // What the upstream sends.
  void hear(std::string octets) { give(Wire::Step::Kind::octets, std::move(octets)); }
  // Each of them in a turn of its own.
  void hear_slowly(std::string_view octets) {
    for (const char octet : octets) hear(std::string(1, octet));
  }
  void hear_end() { give(Wire::Step::Kind::end); }
  void hear_truncated_end() { give(Wire::Step::Kind::truncated); }
  void hear_reset() { give(Wire::Step::Kind::reset); }
  void give(Wire::Step::Kind kind, std::string octets = "") {
    wire.input.push_back({kind, std::move(octets)});
    wake();
  }

  net::Loop loop;
  const conf::Limits limits{};
  WorkerResources resources;
  const h1::Limits h1_limits;
  FakeOwner owner;
  Wire wire;
  bool calling = false;
  std::vector<std::unique_ptr<FakeReceiver>> receivers;
  H1ClientConnection* connection = nullptr;

 private:
  size_t heard_ = 0;
};

}  // namespace sluice::http
