// A pool of connections to servers of the test's own on loopback, whose name it changes at will,
// and requests that need a connection.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/handler/proxy/upstream_pool.h"
#include "server/http/h1_client_connection.h"
#include "server/http/h2_client_connection.h"
#include "unit/server/http/client_fakes.h"
#include "unit/server/net/sockets.h"

namespace sluice::handler::proxy {

inline constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

// A name whose addresses the test says.
class FakeName final : public net::ResolvedName {
 public:
  uint64_t generation() const noexcept override { return generation_; }
  std::shared_ptr<const net::Resolution> resolution() const override { return known_; }
  void refresh() override { ++refreshes; }
  std::unique_ptr<Subscription> subscribe(net::Loop& loop, net::Task& task) override {
    subscribers_.emplace_back(&loop, &task);
    return std::make_unique<Leaving>(*this, task);
  }

  // Another answer. `tell`: subscribers are woken at once; else later, by tell().
  void set(std::vector<net::SocketAddress> addresses, std::string_view error = {},
           bool tell_now = true) {
    auto next = std::make_shared<net::Resolution>();
    next->addresses = std::move(addresses);
    next->error = error;
    next->problem = error;
    known_ = std::move(next);
    ++generation_;
    if (tell_now) tell();
  }
  // As if nothing had been answered yet. Before anybody has asked.
  void begin_anew() {
    known_ = std::make_shared<net::Resolution>();
    generation_ = 0;
  }
  void tell() {
    for (const auto& [loop, task] : subscribers_) loop->wake(*task);
  }
  int refreshes = 0;

 private:
  class Leaving final : public Subscription {
   public:
    Leaving(FakeName& name, net::Task& task) : name_(name), task_(task) {}
    ~Leaving() override {
      std::erase_if(name_.subscribers_, [this](const auto& one) { return one.second == &task_; });
    }

   private:
    FakeName& name_;
    net::Task& task_;
  };

  uint64_t generation_ = 0;
  std::shared_ptr<const net::Resolution> known_ = std::make_shared<net::Resolution>();
  std::vector<std::pair<net::Loop*, net::Task*>> subscribers_;
};

// The server's end of a connection.
struct Peer {
  net::Descriptor socket;
  std::string heard;
  bool ended = false;  // in good order or not

  // Takes what has come.
  void listen() {
    std::array<char, 4096> room;
    for (;;) {
      const ssize_t got = ::recv(socket.get(), room.data(), room.size(), MSG_DONTWAIT);
      if (got > 0) {
        heard.append(room.data(), static_cast<size_t>(got));
        continue;
      }
      ended = ended || got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
      return;
    }
  }
  void say(std::string_view octets) const { net::send_all(socket.get(), octets); }
  void close() { socket = net::Descriptor(); }
};

// One server.
struct LocalServer {
  explicit LocalServer(int backlog = 128) : listener(net::tcp_listener(backlog)) {}
  net::SocketAddress address() const {
    return *net::SocketAddress::parse("127.0.0.1", net::local_port(listener.get()));
  }
  // Who has connected next; nobody.
  std::optional<Peer> accept() const {
    const int accepted = ::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (accepted < 0) return std::nullopt;
    return Peer{.socket = net::Descriptor(accepted)};
  }
  // From here on nobody can connect, and nobody is refused. Made with a backlog of 0.
  void plug() {
    for (int i = 0; i < 3; ++i) {
      net::Descriptor one(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      (void)net::connect_to(one.get(), net::local_port(listener.get()));
      plugs.push_back(std::move(one));
    }
  }
  net::Descriptor listener;
  std::vector<net::Descriptor> plugs;
};

// A request that needs a connection, and is sent by what it gets.
struct Asking final : ConnectionWaiter {
  void on_connection(http::ClientConnection& given) override {
    EXPECT_FALSE(connection || failure);
    EXPECT_TRUE(given.takes_request());
    connection = &given;
    receiver.stream = &given.send({.head = &receiver.asked}, receiver);
  }
  void on_no_connection(const http::UpstreamFailure& why) override {
    EXPECT_FALSE(connection || failure);
    failure = why;
  }
  bool done() const { return failure || receiver.ended || receiver.failure; }

  http::ClientConnection* connection = nullptr;  // which it got; may be gone
  std::optional<http::UpstreamFailure> failure;
  http::FakeReceiver receiver;
};

class PoolFixture {
 public:
  explicit PoolFixture(const conf::Limits& limits_to_use = {}, conf::UpstreamTarget target = {})
      : limits(limits_to_use),
        resources(std::make_shared<http::WorkerResources>(loop, limits)),
        client_limits{.h1 = http::upstream_h1_limits(limits),
                      .h2 = http::upstream_h2_limits(limits)},
        upstream(std::make_shared<Upstream>(std::move(target), name, limits.upstream_idle_timeout)),
        pool(std::make_unique<UpstreamPool>(resources, client_limits, upstream)) {
    loop.bind_to_this_thread();
  }
  ~PoolFixture() { close(); }
  void close() {
    for (const auto& one : asking) leave(*one);
    pool.reset();
    turn();
  }

  // What lives on until the loop has freed it is all that there is.
  void end_all() {
    for (const auto& one : asking) leave(*one);
    pool.reset();
    asking.clear();
    upstream.reset();
    resources.reset();
    turn();
  }

  void turn() {
    for (int i = 0; i < 6; ++i) loop.run_once(std::chrono::milliseconds(0));
  }
  bool until(const std::function<bool()>& done) { return net::turn_until(loop, done); }
  void wait(std::chrono::milliseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < end) loop.run_once(std::chrono::milliseconds(5));
  }

  Asking& ask(Wanted wanted = Wanted::any, std::string prelude = {}) {
    Asking& one = *asking.emplace_back(std::make_unique<Asking>());
    one.receiver.calling = &calling_;
    one.receiver.asked.method = Method::get;
    one.receiver.asked.method_text = "GET";
    one.receiver.asked.target = one.receiver.asked.path = "/";
    one.receiver.asked.authority = "a";
    pool->acquire(one, wanted, std::move(prelude));
    return one;
  }
  void leave(Asking& one) {
    if (one.connection != nullptr && !one.done() && !one.receiver.cancelled) one.receiver.cancel();
    if (pool) pool->forget(one);
  }
  Peer accept(const LocalServer& from) {
    std::optional<Peer> peer;
    EXPECT_TRUE(until([&] { return peer || (peer = from.accept()).has_value(); }))
        << "nobody connects";
    return peer ? std::move(*peer) : Peer{};
  }
  bool nobody_connects(const LocalServer& to) {
    turn();
    return !to.accept();
  }
  // The peer gets a request.
  bool hears(Peer& peer) {
    return until([&] {
      peer.listen();
      return peer.heard.ends_with("\r\n\r\n");
    });
  }
  bool ends(Peer& peer) {
    return until([&] {
      peer.listen();
      return peer.ended;
    });
  }
  // The peer answers what it is asked.
  void serve(Peer& peer, Asking& one, std::string_view answer = kOk) {
    EXPECT_TRUE(hears(peer));
    peer.heard.clear();
    peer.say(answer);
    EXPECT_TRUE(until([&] { return one.done(); }));
    EXPECT_TRUE(one.receiver.ended);
  }

  net::Loop loop;
  const conf::Limits limits{};
  std::shared_ptr<http::WorkerResources> resources;
  const ClientLimits client_limits;
  const std::shared_ptr<FakeName> name = std::make_shared<FakeName>();
  std::shared_ptr<Upstream> upstream;
  std::vector<std::unique_ptr<Asking>> asking;
  std::unique_ptr<UpstreamPool> pool;

 private:
  bool calling_ = false;
};

}  // namespace sluice::handler::proxy
