// A server connection over a scripted transport, with handlers that tests command.
#pragma once

#include <gtest/gtest.h>

#include <charconv>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "server/http/h1_server_connection.h"
#include "unit/server/http/fakes.h"
#include "unit/server/http/scripted_transport.h"

namespace sluice::http {

// What FakeHandler answers to GET /, without the fields that change.
inline constexpr std::string_view kHello =
    "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello GET /";

inline std::string get(std::string_view path, std::string_view more = "") {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n" + std::string(more) + "\r\n";
}
inline std::string post(std::string_view path, std::string_view content) {
  return "POST " + std::string(path) +
         " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(content.size()) + "\r\n\r\n" +
         std::string(content);
}

// One worker's world; may serve several connections one after the other.
class ConnectionFixture {
 public:
  explicit ConnectionFixture(const conf::Limits& limits_to_use = {},
                             std::vector<Filter*> filters = {})
      : limits(limits_to_use),
        router(Route{&handler, std::move(filters), limits.body}),
        listener(new ListenerSettings(0, {.values = limits})),
        context(std::make_shared<WorkerResources>(loop, limits), Ref<Router>(&router), &log) {
    loop.bind_to_this_thread();
  }
  ~ConnectionFixture() {
    context.abort_all("test over");
    turn();
  }

  void connect() {
    wire = Wire{};
    connection = new H1ServerConnection(context, listener, net::ConnectionSlot(load), peer);
    connection->open(std::make_unique<ScriptedTransport>(wire));
    turn();
  }
  // Lets the loop run until nothing is left to do.
  void turn() {
    for (int i = 0; i < 6; ++i) loop.run_once(std::chrono::milliseconds(0));
  }
  void wake() {
    if (!wire.closed) connection->wake();
    turn();
  }
  void send(std::string octets) {
    wire.input.push_back({Wire::Step::Kind::octets, std::move(octets)});
    wake();
  }
  void send_end() {
    wire.input.push_back({Wire::Step::Kind::end, ""});
    wake();
  }
  void send_reset() {
    wire.input.clear();
    wire.input.push_back({Wire::Step::Kind::reset, ""});
    wake();
  }
  void wait(std::chrono::milliseconds time) {
    const auto until = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < until) loop.run_once(std::chrono::milliseconds(5));
    turn();
  }

  // The output with the fields that change from run to run taken out.
  std::string output() const {
    std::string text = wire.output;
    for (std::string_view name : {"Date: ", "Server: ", "Keep-Alive: "}) {
      for (size_t at = text.find(name); at != std::string::npos; at = text.find(name, at)) {
        text.erase(at, text.find("\r\n", at) + 2 - at);
      }
    }
    return text;
  }
  // The statuses of the responses, in order.
  std::vector<int> statuses() const {
    std::vector<int> found;
    static constexpr std::string_view kStart = "HTTP/1.1 ";
    for (size_t at = wire.output.find(kStart); at != std::string::npos;
         at = wire.output.find(kStart, at + 1)) {
      int status = 0;
      const char* const digits = wire.output.data() + at + kStart.size();
      std::from_chars(digits, digits + 3, status);
      found.push_back(status);
    }
    return found;
  }

  net::Loop loop;
  const conf::Limits limits{};
  FakeHandler handler;
  SingleRoute router;
  Ref<ListenerSettings> listener;
  KeepingLog log;
  net::WorkerLoad load;
  net::Peer peer;
  ServerContext context;
  Wire wire;
  H1ServerConnection* connection = nullptr;
};

}  // namespace sluice::http
