// A proxy between a scripted client and a server of the test's own on loopback.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "server/handler/proxy/proxy_handler.h"
#include "unit/protocol/h2/pair.h"
#include "unit/server/handler/proxy/pool_fixture.h"
#include "unit/server/http/connection_fixture.h"
#include "unit/server/http/h2_fixture.h"

namespace sluice::handler::proxy {

class ProxyFixture : public http::ConnectionFixture {
 public:
  explicit ProxyFixture(const conf::Limits& limits_to_use = {}, conf::ProxyAction what = {})
      : http::ConnectionFixture(limits_to_use),
        action(std::move(what)),
        name(std::make_shared<FakeName>()),
        upstream(std::make_shared<Upstream>(action.target, name, limits.upstream_idle_timeout)),
        upstreams(std::make_shared<WorkerUpstreams>(context.resources().shared_from_this())),
        proxy(action, upstreams, upstream),
        proxied(http::Route{&proxy, {}, limits.body}) {
    context.replace_router(Ref<http::Router>(&proxied));
    connect();
    name->set({server.address()});
  }
  ~ProxyFixture() {
    context.abort_all("test over");
    turn();
    EXPECT_EQ(upstream->in_flight.load(), 0U);
    context.replace_router(Ref<http::Router>(&router));
  }

  bool until(const std::function<bool()>& done) { return net::turn_until(loop, done); }
  Peer accept() {
    std::optional<Peer> accepted;
    EXPECT_TRUE(until([&] { return accepted || (accepted = server.accept()).has_value(); }))
        << "nobody connects";
    return accepted ? std::move(*accepted) : Peer{};
  }
  bool nobody_connects() {
    turn();
    return !server.accept();
  }
  // The peer has heard something with this at its end.
  bool hears(Peer& accepted, std::string_view end = "\r\n\r\n") {
    return until([&] {
      accepted.listen();
      return accepted.heard.ends_with(end);
    });
  }
  bool ends(Peer& accepted) {
    return until([&] {
      accepted.listen();
      return accepted.ended;
    });
  }
  // What the client got says this somewhere.
  bool told(std::string_view text) {
    return until([&] { return wire.output.find(text) != std::string::npos; });
  }
  bool logged(size_t entries = 1) {
    return until([&] { return log.entries.size() >= entries; });
  }
  // A connection that has served a request and is idle.
  Peer idle() {
    send(http::get("/"));
    Peer accepted = accept();
    EXPECT_TRUE(hears(accepted));
    accepted.say(kOk);
    EXPECT_TRUE(told("\r\n\r\nok"));
    wire.output.clear();
    log.entries.clear();
    accepted.heard.clear();
    return accepted;
  }
  // Lets the server's codec talk to us until `done`.
  bool talk(Peer& accepted, h2::Server& speaking, const std::function<bool()>& done) {
    return until([&] {
      accepted.listen();
      if (!accepted.heard.empty()) (void)speaking.feed(std::exchange(accepted.heard, ""));
      const std::string said = speaking.say();
      if (!said.empty()) accepted.say(said);
      return done();
    });
  }

  LocalServer server;
  const conf::ProxyAction action;
  const std::shared_ptr<FakeName> name;
  const std::shared_ptr<Upstream> upstream;
  const std::shared_ptr<WorkerUpstreams> upstreams;
  ProxyHandler proxy;
  http::SingleRoute proxied;
};

inline conf::ProxyAction over_http2() {
  conf::ProxyAction action;
  action.target.host = "app";
  action.target.port = 80;
  action.target.http2 = conf::UpstreamTarget::Http2::always;
  return action;
}
inline conf::ProxyAction over_http1() {
  conf::ProxyAction action;
  action.target.host = "app";
  action.target.port = 80;
  return action;
}

}  // namespace sluice::handler::proxy
