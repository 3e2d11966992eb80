// What the log is told, and what it is spared.
#include <gtest/gtest.h>

#include "unit/server/http/connection_fixture.h"

namespace sluice::http {
namespace {

TEST(ServerConnectionRecords, WhatWentWellIsNotToldWhoDoesNotWantIt) {
  ConnectionFixture f;
  f.log.all = false;
  f.connect();
  f.send(get("/"));
  EXPECT_EQ(f.output(), kHello);
  EXPECT_TRUE(f.log.entries.empty());
}

TEST(ServerConnectionRecords, WhatWentWrongIsToldAlways) {
  ConnectionFixture f;
  f.log.all = false;
  f.connect();
  f.send("GET / HTTP/1.1\r\nHost : a\r\n\r\n");
  ASSERT_EQ(f.log.entries.size(), 1U);
  EXPECT_EQ(f.log.entries[0].status, 400);
}

}  // namespace
}  // namespace sluice::http
