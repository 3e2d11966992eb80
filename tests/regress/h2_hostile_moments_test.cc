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

}  // namespace
}  // namespace sluice::http
