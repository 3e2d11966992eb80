// Filters over a real connection: order, wrapping, answering themselves.
#include "server/http/filter.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "unit/server/http/connection_fixture.h"

namespace sluice::http {
namespace {

TEST(Filters, SeeRequestsInOrderAndResponsesInReverse) {
  std::vector<std::string> notes;
  NotingFilter outer("outer", notes);
  NotingFilter inner("inner", notes);
  ConnectionFixture f({}, {&outer, &inner});
  f.connect();
  f.send(get("/"));
  EXPECT_EQ(notes, (std::vector<std::string>{"outer request", "inner request", "inner response",
                                             "outer response"}));
  EXPECT_NE(f.wire.output.find("X-Filter: inner\r\nX-Filter: outer\r\n"), std::string::npos);
}

TEST(Filters, MayWrapTheSourceOrAnswerThemselves) {
  CapitalFilter capitals;
  GuardFilter guard;
  ConnectionFixture f({}, {&capitals, &guard});
  f.connect();
  f.send(get("/"));
  EXPECT_TRUE(f.wire.output.ends_with("HELLO GET /"));
  f.send(get("/secret"));
  EXPECT_TRUE(f.wire.output.ends_with("403 FORBIDDEN\n"));
  EXPECT_EQ(f.handler.started, 1);
}

}  // namespace
}  // namespace sluice::http
