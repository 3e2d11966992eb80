// What one connection may hold in memory, whatever its peer and its handler do: beyond it nothing
// is read or pulled, and when it has shrunk everything goes on by itself.
#include <gtest/gtest.h>

#include <cstdio>
#include <string>

#include "protocol/open_file.h"
#include "unit/server/http/connection_fixture.h"

namespace sluice::http {
namespace {

constexpr uint64_t kCap = 256 * 1024;
// A step that begins below the cap may end this much above it: a block, and what frames it.
constexpr uint64_t kStep = BlockPool::kBlockSize + 1024;

// The other limits are far away, so that this one decides.
conf::Limits limits_with_cap() {
  conf::Limits limits;
  limits.connection_memory = kCap;
  limits.exchange_body = uint64_t{64} << 20;
  limits.body = uint64_t{64} << 20;
  return limits;
}

TEST(ConnectionMemory, AnIdleConnectionHoldsNone) {
  ConnectionFixture f;
  f.connect();
  EXPECT_EQ(f.connection->held(), 0u);
  f.send(get("/"));
  EXPECT_EQ(f.connection->held(), 0u);
  f.send("GET / HT");
  EXPECT_EQ(f.connection->held(), BlockPool::kBlockSize) << "the beginning of a head";
}

TEST(ConnectionMemory, ASourceWithMuchToGiveIsPulledUpToTheCap) {
  ConnectionFixture f(limits_with_cap());
  f.connect();
  f.handler.tap.length = 8 << 20;
  f.handler.tap.ready = std::string(8 << 20, 'x');
  f.wire.take_per_flush = 1000;
  f.send(get("/tap"));
  EXPECT_GT(f.connection->held(), kCap / 2);
  EXPECT_LE(f.connection->held(), kCap + kStep);
  const uint64_t sent_before = f.wire.output.size();
  EXPECT_LT(sent_before, kCap);
  f.wire.take_per_flush = UINT64_MAX;
  f.wake();
  for (int turn = 0; turn < 200 && !f.handler.tap.ready.empty(); ++turn) f.turn();
  EXPECT_TRUE(f.handler.tap.ready.empty()) << f.handler.tap.ready.size() << " octets are left";
  EXPECT_LE(f.connection->held(), kCap + kStep);
}

// Drops of content, each in a read of its own: each would pin the block that it lies in.
TEST(ConnectionMemory, ContentThatNobodyPullsIsReadUpToTheCap) {
  ConnectionFixture f(limits_with_cap());
  f.connect();
  constexpr int kDrops = 20'000;
  f.send("POST /later HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(10 * kDrops) +
         "\r\n\r\n");
  for (int i = 0; i < kDrops; ++i) {
    f.wire.input.push_back({Wire::Step::Kind::octets, "0123456789"});
  }
  for (int i = 0; i < 100; ++i) f.wake();
  const size_t left = f.wire.input.size();
  EXPECT_GT(left, 0u);
  EXPECT_LE(f.connection->held(), kCap + kStep);
  EXPECT_LE(f.context.pool.blocks_in_use(), 3u) << "small drops do not pin a block each";

  // What is pulled makes room; nothing but the pull wakes the connection.
  ASSERT_NE(f.handler.waiting, nullptr);
  Chain content;
  EXPECT_EQ(f.handler.waiting->request_body().pull(content, 1 << 20), Pull::ready);
  f.turn();
  EXPECT_LT(f.wire.input.size(), left);
}

// A client that is not read because we are full is not slow.
TEST(ConnectionMemory, AFullConnectionIsNoReasonFor408) {
  conf::Limits limits = limits_with_cap();
  limits.body_timeout = std::chrono::milliseconds(80);
  ConnectionFixture f(limits);
  f.connect();
  f.send("POST /later HTTP/1.1\r\nHost: a\r\nContent-Length: 4000000\r\n\r\n");
  Chain content;
  EXPECT_EQ(f.handler.waiting->request_body().pull(content, 1), Pull::pending) << "it is wanted";
  f.wire.input.push_back({Wire::Step::Kind::octets, std::string(1 << 20, 'x')});
  for (int i = 0; i < 20; ++i) f.wake();
  EXPECT_FALSE(f.wire.input.empty());
  f.wait(std::chrono::milliseconds(250));
  EXPECT_TRUE(f.statuses().empty());
  EXPECT_FALSE(f.wire.closed);
}

TEST(ConnectionMemory, WhatComesBackGoesOnWhenTheClientReadsAgain) {
  ConnectionFixture f(limits_with_cap());
  f.connect();
  constexpr size_t kSize = 4 << 20;
  f.wire.takes = false;
  f.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(kSize) + "\r\n\r\n");
  f.wire.input.push_back({Wire::Step::Kind::octets, std::string(kSize, 'e')});
  for (int i = 0; i < 100; ++i) f.wake();
  EXPECT_FALSE(f.wire.input.empty());
  EXPECT_LE(f.connection->held(), kCap + kStep);

  f.wire.takes = true;
  f.wake();  // the one event that the kernel sends
  for (int turn = 0; turn < 400 && f.wire.output.size() < kSize; ++turn) f.turn();
  EXPECT_TRUE(f.wire.input.empty());
  EXPECT_GE(f.wire.output.size(), kSize);
  EXPECT_TRUE(f.wire.output.ends_with("eeee"));
}

// The largest head fits below the least cap.
TEST(ConnectionMemory, TheSmallestCapStillLetsTheLargestHeadIn) {
  conf::Limits limits;
  limits.head = limits.field = 64 * 1024;
  ASSERT_EQ(conf::set_limit(limits, "connection_memory=256KiB"), "");
  ASSERT_NE(conf::set_limit(limits, "connection_memory=255KiB"), "");
  ConnectionFixture f(limits);
  f.connect();
  f.send(get("/", "X: " + std::string(60'000, 'x') + "\r\n"));
  EXPECT_EQ(f.statuses(), std::vector<int>{200});
}

TEST(ConnectionMemory, TheConnectionThatHoldsMostIsFoundAndClosed) {
  Wire wires[3];
  ConnectionFixture f;
  H1ServerConnection* connections[3];
  for (int i = 0; i < 3; ++i) {
    connections[i] =
        new H1ServerConnection(f.context, f.listener, net::ConnectionSlot(f.load), f.peer);
    connections[i]->open(std::make_unique<ScriptedTransport>(wires[i]));
  }
  EXPECT_EQ(f.context.largest(), 0u);
  wires[0].input.push_back({Wire::Step::Kind::octets, "GET / HT"});
  wires[1].input.push_back(
      {Wire::Step::Kind::octets, "GET /" + std::string(20'000, 'x')});  // takes a large block
  connections[0]->wake();
  connections[1]->wake();
  f.turn();
  EXPECT_EQ(f.context.largest(), connections[0]->held());
  f.context.close_largest();
  f.turn();
  EXPECT_TRUE(wires[0].closed);
  EXPECT_FALSE(wires[2].closed) << "who is idle holds nothing";
}

}  // namespace
}  // namespace sluice::http
