// The problem: a client may leave at any moment, and nothing of its request may stay: not at the
// upstream, not in the pool, not in memory. Each state, over each version on both sides.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "unit/server/handler/proxy/proxy_fixture.h"

namespace sluice::handler::proxy {
namespace {

// How far a request has come when its client leaves.
enum class Moment {
  gathering,   // of its content, before anybody is asked
  resolving,   // the name has no answer yet
  connecting,  // to an address that does not answer
  sent,        // nothing has come back
  uploading,   // nor was all of it sent
  held_back,   // its content waits for 100 (Continue)
  interim,     // 103 has come
  head,        // so has the final head
  content,     // and some content
  blocked,     // of which the client took nothing
  early,       // content comes while the request's is still on its way
  ended,       // the upstream is done, the client has not taken it
  sent_again,  // the second try
};
constexpr Moment kAll[] = {Moment::gathering, Moment::resolving, Moment::connecting, Moment::sent,
                           Moment::uploading, Moment::held_back, Moment::interim,    Moment::head,
                           Moment::content,   Moment::blocked,   Moment::early,      Moment::ended,
                           Moment::sent_again};

// How the client leaves.
enum class Leaving { resets, is_cut };

bool sends_content(Moment moment) {
  return moment == Moment::gathering || moment == Moment::uploading || moment == Moment::early ||
         moment == Moment::held_back;
}

// A client of either version.
class Caller {
 public:
  Caller(ProxyFixture& f, bool http2)
      : f_(f), http2_(http2), limits_(http::h2_limits(f.limits)), client_(limits_) {}

  void ask(Moment moment) {
    if (!sends_content(moment)) return ask_for_content();
    const bool expects = moment == Moment::held_back;
    if (!http2_) {
      return say("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n" +
                 std::string(expects ? "Expect: 100-continue\r\n\r\n" : "\r\nabc"));
    }
    if (!expects) tap_.ready = "abc";
    id_ = client_.request("PUT", "/", &source_, 9, expects ? "expect" : "", "100-continue");
    say(client_.say());
  }
  void leave(Leaving how) {
    f_.wire.takes = true;
    if (http2_ && how == Leaving::resets) {
      client_.codec.reset(id_, h2::ErrorCode::cancel);
      return say(client_.say());
    }
    f_.wire.input.assign(1, {http::Wire::Step::Kind::reset, ""});
    wake();
  }

 private:
  void ask_for_content() {
    if (!http2_) return say(http::get("/"));
    id_ = client_.request("GET", "/");
    say(client_.say());
  }
  void say(std::string octets) {
    f_.wire.input.push_back({http::Wire::Step::Kind::octets, std::move(octets)});
    wake();
  }
  // Whoever stands there now: the connection changes when it turns out to speak HTTP/2.
  void wake() {
    http::ServerConnection* const busy = f_.context.active.front();
    if (http::ServerConnection* const now = busy != nullptr ? busy : f_.context.idle.front())
      f_.loop.wake(*now);
    f_.turn();
  }

  ProxyFixture& f_;
  const bool http2_;
  http::Tap tap_;
  http::TapSource source_{tap_};
  const h2::Limits limits_;
  http::H2Client client_;
  h2::StreamId id_ = 0;
};

// An upstream of either version, told what to say.
class Speaker {
 public:
  Speaker(ProxyFixture& f, bool http2) : f_(f), http2_(http2) {}

  void begin() {
    peer_ = f_.accept();
    if (http2_) {
      EXPECT_TRUE(f_.talk(peer_, speaking_, [&] { return !speaking_.began.empty(); }));
    } else {
      EXPECT_TRUE(f_.until([&] {
        peer_.listen();
        return peer_.heard.find("\r\n\r\n") != std::string::npos;
      }));
    }
  }
  void interim() {
    head_.status = 103;
    if (http2_) speaking_.codec.submit_interim(id(), head_);
    say("HTTP/1.1 103 Early Hints\r\n\r\n");
  }
  void head() {
    head_.status = 200;
    if (http2_) speaking_.codec.submit_response(id(), head_, {}, &source_);
    say("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n");
  }
  void content(bool all) {
    tap_.ready = all ? "xyzxyz" : "xyz";
    tap_.ended = all;
    if (http2_) speaking_.codec.resume(id());
    say(std::string(tap_.ready));
  }
  // Of a request that it has not read, for sure.
  void refuse() {
    if (http2_) {
      const size_t before = speaking_.began.size();
      speaking_.codec.reset(id(), h2::ErrorCode::refused_stream);
      EXPECT_TRUE(f_.talk(peer_, speaking_, [&] { return speaking_.began.size() > before; }));
    } else {
      peer_.close();
      begin();  // another connection
    }
  }
  // The upstream has seen that nobody wants it any more.
  bool released() {
    if (peer_.socket.get() < 0) return true;  // it was asked nothing
    if (!http2_) return f_.ends(peer_);
    return f_.talk(peer_, speaking_, [&] { return peer_.ended || speaking_[id()].closed; });
  }
  // It is idle: the next request meets its close.
  void take(Peer peer) { peer_ = std::move(peer); }
  void hear() { EXPECT_TRUE(f_.hears(peer_)); }

 private:
  h2::StreamId id() const { return speaking_.began.back(); }
  void say(std::string_view octets) {
    if (http2_) {
      const std::string said = speaking_.say();
      if (!said.empty()) peer_.say(said);
    } else {
      peer_.say(octets);
    }
    f_.turn();
  }

  ProxyFixture& f_;
  const bool http2_;
  ResponseHead head_;
  http::Tap tap_;
  http::TapSource source_{tap_};
  Peer peer_;
  h2::Server speaking_{{}, h2::test_limits()};
};

struct Case {
  Moment moment;
  Leaving how;
  bool downstream_http2;
  bool upstream_http2;
};

// Nobody is asked in these.
bool asks(Moment moment) {
  return moment != Moment::gathering && moment != Moment::resolving && moment != Moment::connecting;
}

void prepare(ProxyFixture& f, const Case& one) {
  if (one.moment == Moment::resolving) f.name->begin_anew();
  if (one.moment != Moment::connecting) return;
  f.server = LocalServer(0);
  f.server.plug();
  f.name->set({f.server.address()});
}

// What the upstream does until the moment has come.
void speak(ProxyFixture& f, Speaker& speaker, Moment moment) {
  if (moment == Moment::sent_again) return speaker.refuse();
  if (moment == Moment::blocked || moment == Moment::ended) f.wire.takes = false;
  if (moment == Moment::interim) return speaker.interim();
  if (moment < Moment::interim) return;
  speaker.head();
  if (moment != Moment::head) speaker.content(moment == Moment::ended);
}

void leave_at(const Case& one) {
  SCOPED_TRACE("moment " + std::to_string(static_cast<int>(one.moment)) + ", how " +
               std::to_string(static_cast<int>(one.how)) +
               (one.downstream_http2 ? ", HTTP/2 to " : ", HTTP/1 to ") +
               (one.upstream_http2 ? "HTTP/2" : "HTTP/1"));
  conf::ProxyAction action = one.upstream_http2 ? over_http2() : over_http1();
  if (one.moment == Moment::gathering) action.buffer_request = 100;
  ProxyFixture f({}, action);
  prepare(f, one);
  Speaker speaker(f, one.upstream_http2);
  const bool meets_close = one.moment == Moment::sent_again && !one.upstream_http2;
  if (meets_close) speaker.take(f.idle());
  if (meets_close) f.send_reset();  // another client
  if (meets_close) f.connect();
  Caller caller(f, one.downstream_http2);
  caller.ask(one.moment);
  if (meets_close) {
    speaker.hear();
  } else if (asks(one.moment)) {
    speaker.begin();
  }
  if (asks(one.moment)) speak(f, speaker, one.moment);
  // Whether a response that waits whole is still an exchange is the client's connection's affair.
  if (one.moment != Moment::ended) {
    EXPECT_EQ(f.upstream->in_flight.load(), 1U);
  }
  caller.leave(one.how);
  EXPECT_TRUE(f.until([&] { return f.upstream->in_flight.load() == 0; }));
  EXPECT_TRUE(one.moment == Moment::ended || speaker.released());
  EXPECT_TRUE(f.logged());
  // One line for the request; a connection's own end may have another.
  EXPECT_EQ(std::count_if(f.log.entries.begin(), f.log.entries.end(),
                          [](const auto& entry) { return !entry.method.empty(); }),
            1);
}

TEST(ProxyExchangeCancel, LeavesNothingBehindAtAnyMoment) {
  for (const Moment moment : kAll) {
    for (const Leaving how : {Leaving::resets, Leaving::is_cut}) {
      for (const bool downstream_http2 : {false, true}) {
        for (const bool upstream_http2 : {false, true})
          leave_at({moment, how, downstream_http2, upstream_http2});
      }
    }
  }
}

}  // namespace
}  // namespace sluice::handler::proxy
