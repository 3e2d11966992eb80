// The problem: a stream may end at any moment, by either side, and with it everything that its
// exchange had going: handler, sources, content on both ways. Under a sanitizer none may leak or be
// used after.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <string_view>

#include "unit/server/http/h2_fixture.h"

namespace sluice::http {
namespace {

// What a stream has come to when its end comes.
struct Moment {
  std::string_view name;
  std::function<h2::StreamId(H2Fixture&, Tap&)> reach;
};

h2::StreamId upload(H2Fixture& f, Tap& tap, std::string_view path) {
  f.upload = std::make_unique<TapSource>(tap);
  return f.client.request("POST", path, f.upload.get());
}

const Moment kMoments[] = {
    {"head on its way",
     [](H2Fixture& f, Tap&) {
       const h2::StreamId id = f.client.request("GET", "/later");
       f.wire.input.push_back({Wire::Step::Kind::octets, f.client.say()});
       return id;
     }},
    {"handler has it",
     [](H2Fixture& f, Tap&) {
       const h2::StreamId id = f.client.request("GET", "/later");
       f.exchange();
       return id;
     }},
    {"content is read",
     [](H2Fixture& f, Tap& tap) {
       tap.ready = "some";
       const h2::StreamId id = upload(f, tap, "/count");
       f.exchange();
       return id;
     }},
    {"content waits for nobody",
     [](H2Fixture& f, Tap& tap) {
       tap.ready = std::string(100'000, 'x');
       const h2::StreamId id = upload(f, tap, "/later");
       f.exchange();
       return id;
     }},
    {"content goes back",
     [](H2Fixture& f, Tap& tap) {
       tap.ready = std::string(300'000, 'x');
       f.client.consumes = false;
       const h2::StreamId id = upload(f, tap, "/echo");
       f.exchange();
       return id;
     }},
    {"response waits for its source",
     [](H2Fixture& f, Tap&) {
       const h2::StreamId id = f.client.request("GET", "/tap");
       f.exchange();
       return id;
     }},
    {"response waits for the window",
     [](H2Fixture& f, Tap&) {
       f.client.consumes = false;
       f.handler.tap.ready = std::string(1'000'000, 'x');
       const h2::StreamId id = f.client.request("GET", "/tap");
       f.exchange();
       return id;
     }},
    {"response waits for the socket",
     [](H2Fixture& f, Tap&) {
       f.exchange();
       f.handler.tap.ready = std::string(1'000'000, 'x');
       const h2::StreamId id = f.client.request("GET", "/tap");
       f.wire.takes = false;
       f.exchange();
       return id;
     }},
    {"response has ended, the request has not",
     [](H2Fixture& f, Tap& tap) {
       tap.ready = "some";
       const h2::StreamId id = upload(f, tap, "/");
       f.exchange();
       return id;
     }},
};

struct End {
  std::string_view name;
  std::function<void(H2Fixture&, h2::StreamId)> come;
  bool connection_lives;
  bool cancels = true;
};

const End kEnds[] = {
    {"the client resets it",
     [](H2Fixture& f, h2::StreamId id) { f.client.codec.reset(id, h2::ErrorCode::cancel); }, true},
    {"the client closes", [](H2Fixture& f, h2::StreamId) { f.send_end_to_current(); }, false,
     false},
    {"the client resets the connection",
     [](H2Fixture& f, h2::StreamId) {
       f.wire.input.push_back({Wire::Step::Kind::reset, ""});
       f.wake_all();
     },
     false},
    {"the server stops", [](H2Fixture& f, h2::StreamId) { f.context.abort_all("server stopped"); },
     false},
    {"the client says nonsense",
     [](H2Fixture& f, h2::StreamId) {
       f.wire.input.push_back({Wire::Step::Kind::octets, std::string(64, '\xff')});
       f.wake_all();
     },
     false},
};

TEST(H2StreamStates, AStreamEndsAtEveryMomentWithoutALeak) {
  for (const Moment& moment : kMoments) {
    for (const End& end : kEnds) {
      SCOPED_TRACE(std::string(moment.name) + ", " + std::string(end.name));
      Tap tap;
      H2Fixture f;
      const h2::StreamId id = moment.reach(f, tap);
      end.come(f, id);
      f.wire.takes = true;
      f.client.consumes = true;
      f.exchange();
      if (end.connection_lives) {
        EXPECT_EQ(f.get("/").status, 200);
        EXPECT_TRUE(f.client.alive);
      }
      // A client's FIN cancels no response to a complete request.
      if (end.cancels) {
        EXPECT_EQ(f.handler.tap.destroyed, f.handler.tap.pulls > 0 ? 1 : 0);
        EXPECT_EQ(f.handler.waiting, nullptr);
      }
      EXPECT_LE(f.context.pool.blocks_in_use(), 4U);
      for (const KeepingLog::Entry& entry : f.log.entries)
        EXPECT_TRUE(entry.complete || !entry.cause.empty());
    }
  }
}

}  // namespace
}  // namespace sluice::http
