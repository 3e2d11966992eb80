// What a hostile reader of the HTTP/2 code found: responses that never ended, ends that were taken
// for a peer's fault, and credit that came late.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "unit/server/http/h2_fixture.h"

namespace sluice::http {
namespace {

// nghttp2 frames no head beyond 64 KiB: its stream hung.
TEST(H2HostileMoments, AResponseHeadThatCannotBeFramedEndsItsStream) {
  H2Fixture f;
  const h2::StreamId id = f.client.request("GET", "/later");
  f.exchange();
  const std::string huge(70'000, 'x');
  f.handler.waiting->response().fields.add("x-huge", huge);
  respond_with_status(*f.handler.waiting, 200, "");
  f.exchange();
  EXPECT_EQ(f.client.streams[id].closed, h2::ErrorCode::internal_error);
  ASSERT_EQ(f.log.entries.size(), 1U);
  EXPECT_FALSE(f.log.entries[0].complete);
  EXPECT_EQ(f.get("/").status, 200) << "the others live on";
}

// What a stream had held when it ended is credited in the same turn: the client that waits for the
// window may say nothing more.
TEST(H2HostileMoments, CreditComesWithTheEndOfTheStreamThatWasInItsWay) {
  conf::Limits limits;
  limits.connection_memory = 160 * 1024;
  limits.http2_stream_window = limits.http2_connection_window = 128 * 1024;
  Tap tap;
  H2Fixture f(limits);
  tap.ready = std::string(1'000'000, 'x');
  f.upload = std::make_unique<TapSource>(tap);
  const h2::StreamId id = f.client.request("POST", "/later", f.upload.get());
  f.exchange();
  f.client.codec.reset(id, h2::ErrorCode::cancel);
  f.wire.input.push_back({Wire::Step::Kind::octets, f.client.say()});
  const size_t before = f.wire.output.size();
  f.wake_all();
  EXPECT_GT(f.wire.output.size(), before);
}

// Whoever turns out to speak HTTP/2 while the server drains is told at once, not a second later.
TEST(H2HostileMoments, TheNoticeOfAShutdownLeavesInItsTurn) {
  H2Fixture f;
  const h2::StreamId id = f.client.request("GET", "/later");
  const std::string said = f.client.say();
  f.wire.input.push_back({Wire::Step::Kind::octets, said.substr(0, 10)});
  f.wake_all();
  f.context.start_draining();
  f.wire.input.push_back({Wire::Step::Kind::octets, said.substr(10)});
  f.wake_all();
  EXPECT_EQ(f.goaways_on_wire(), 1);
  ASSERT_NE(f.handler.waiting, nullptr);
  respond_with_status(*f.handler.waiting, 404, "");
  f.exchange();
  EXPECT_EQ(f.client.stream(id).status, 404);
}

}  // namespace
}  // namespace sluice::http
