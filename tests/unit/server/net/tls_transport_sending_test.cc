// Sending over TLS: which records are made of which nodes, and what waits where.
#include <gtest/gtest.h>

#include <algorithm>

#include "unit/server/net/tls_rig.h"

namespace sluice::net {
namespace {

using Rig = TlsRig;
using std::chrono::milliseconds;
using tls::Workspace;

constexpr uint64_t kBudget = Rig::kBudget;
constexpr size_t kSmall = 1369;  // plain octets of a connection's first records
constexpr size_t kYoung = 16 * 1024;

// The sizes of the records' plain octets, as TLS 1.3 wraps them: header, type, tag.
std::vector<size_t> sizes_of(const std::vector<std::string>& records) {
  std::vector<size_t> sizes;
  for (const std::string& record : records) sizes.push_back(record.size() - 5 - 1 - 16);
  return sizes;
}

TEST(TlsTransportSending, SmallNodesShareARecord) {
  Rig rig;
  rig.shake();
  Chain chain;
  for (const char* const text : {"HTTP/1.1 200\r\n", "Date: today\r\n", "\r\n", "content"})
    chain.append_static(text);
  const auto records = rig.records_of(chain);
  EXPECT_EQ(records.size(), 1U);
  EXPECT_EQ(rig.client.plain, "HTTP/1.1 200\r\nDate: today\r\n\r\ncontent");
}

TEST(TlsTransportSending, TheFirstRecordsAreSmallAndTheOthersFull) {
  Rig rig;
  rig.shake();
  const std::string text = pattern(200'000);
  Chain chain = chain_of(text);
  const std::vector<size_t> sizes = sizes_of(rig.records_of(chain));
  EXPECT_EQ(rig.client.plain, text);
  size_t total = 0, at = 0;
  for (; at < sizes.size() && total < kYoung; total += sizes[at++])
    EXPECT_LE(sizes[at], kSmall) << "within the first 16 KiB";
  EXPECT_LE(at, kYoung / kSmall + 1) << "and no smaller than they must be";
  for (; at + 1 < sizes.size(); ++at) EXPECT_EQ(sizes[at], Workspace::kRecord) << at;
}

// What ends a stream is corked until the FIN, so that both share a segment: nothing of it may stay
// behind, and nothing is said twice.
TEST(TlsTransportSending, TheEndGoesWithWhatIsLast) {
  Rig rig;
  rig.shake();
  Chain chain = chain_of("the last answer");
  rig.transport->finish();
  const FlushResult sent = rig.transport->flush(chain, kBudget);
  EXPECT_EQ(sent.status, Io::progress);
  EXPECT_EQ(sent.octets, 15U + 22U + 24U) << "the answer's record, and close_notify's";
  EXPECT_TRUE(chain.empty());
  EXPECT_FALSE(rig.transport->holds_output());
  rig.transport->shutdown_write();
  std::string wire;
  ASSERT_TRUE(turn_until(rig.loop, [&] {
    wire += rig.arrived();
    return rig.at_end;
  }));
  EXPECT_EQ(wire.size(), sent.octets);
  rig.client.give(wire);
  EXPECT_EQ(rig.client.plain, "the last answer");
  EXPECT_TRUE(rig.client.closed);
}

TEST(TlsTransportSending, FilesAreSentAsRecords) {
  Rig rig;
  rig.shake();
  const std::string content = pattern(300'000);
  const Descriptor file = file_of(content);
  Chain chain;
  chain.append_static("head ");
  chain.append_file(Ref<Owner>(), {.descriptor = file.get(), .offset = 1000, .size = 250'000});
  chain.append_static(" middle ");
  chain.append_file(Ref<Owner>(), {.descriptor = file.get(), .offset = 0, .size = 10});
  const std::vector<size_t> sizes = sizes_of(rig.records_of(chain));
  EXPECT_EQ(rig.client.plain,
            "head " + content.substr(1000, 250'000) + " middle " + content.substr(0, 10));
  const auto full = std::count(sizes.begin(), sizes.end(), size_t{Workspace::kRecord});
  EXPECT_GE(full, (250'000 - 16'384) / 16'384 - 1);
  EXPECT_LE(sizes.size(), 30U);
}

TEST(TlsTransportSending, AFileThatEndsEarlyIsToldAfterWhatThereWas) {
  Rig rig;
  rig.shake();
  const std::string content = pattern(5000);
  const Descriptor file = file_of(content);
  Chain chain;
  chain.append_static("head ");
  chain.append_file(Ref<Owner>(), {.descriptor = file.get(), .offset = 0, .size = 6000});
  const FlushResult result = rig.transport->flush(chain, kBudget);
  EXPECT_EQ(result.status, Io::failed);
  EXPECT_TRUE(result.file_cut);
  ASSERT_TRUE(turn_until(rig.loop, [&] {
    rig.client.give(rig.arrived());
    return rig.client.plain.size() >= 5005;
  }));
  EXPECT_EQ(rig.client.plain, "head " + content);
  EXPECT_FALSE(rig.client.closed) << "the cut is seen";
}

TEST(TlsTransportSending, ABudgetIsKeptToTheOctet) {
  Rig rig;
  rig.shake();
  const std::string text = pattern(50'000);
  Chain chain = chain_of(text);
  const FlushResult result = rig.transport->flush(chain, 20'000);
  EXPECT_EQ(result.status, Io::progress);
  EXPECT_EQ(chain.size(), 30'000U);
  rig.records_of(chain, 999);
  EXPECT_EQ(rig.client.plain, text);
}

class TlsTransportSendingVersions : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Versions, TlsTransportSendingVersions,
                         ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION));

// A peer that does not read: what is sealed for it is bounded, and the chain waits.
TEST_P(TlsTransportSendingVersions, WhatASlowPeerDoesNotTakeStaysPlain) {
  Rig rig({.version = GetParam()}, unix_pair());
  rig.shake();
  const int small = 4096;
  ASSERT_EQ(setsockopt(rig.descriptor, SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
  const std::string text = pattern(1'000'000);
  Chain chain = chain_of(text);
  ASSERT_TRUE(turn_until(
      rig.loop, [&] { return rig.transport->flush(chain, kBudget).status == Io::blocked; }));
  uint64_t least = chain.size();
  EXPECT_GT(least, 0U);
  for (int i = 0; i < 10; ++i) {
    rig.loop.run_once(milliseconds(0));
    const FlushResult result = rig.transport->flush(chain, kBudget);
    EXPECT_LE(rig.transport->held(), 8 * Workspace::kSealedRecord);
    if (result.octets == 0) {
      EXPECT_EQ(chain.size(), least);
    }
    least = chain.size();
  }
  EXPECT_TRUE(rig.transport->holds_output());
  // It reads at last: nothing is lost, nothing out of order.
  std::string wire;
  const bool done = turn_until(rig.loop, [&] {
    if (rig.transport->writable()) rig.transport->flush(chain, kBudget);
    EXPECT_LE(rig.transport->held(), 8 * Workspace::kSealedRecord);
    rig.client.give(rig.arrived());
    return rig.client.plain.size() == text.size();
  });
  EXPECT_TRUE(done);
  EXPECT_TRUE(rig.client.plain == text);
  EXPECT_FALSE(rig.transport->holds_output());
  EXPECT_EQ(rig.transport->held(), 0U);
}

TEST(TlsTransportSending, OutputOfTheHandshakeLeavesWithTheFirstContent) {
  Rig rig({.version = TLS1_3_VERSION});
  ASSERT_TRUE(turn_until(rig.loop, [&] {
    if (!rig.client.established) rig.turn();
    return rig.client.established;
  }));
  rig.send_client();
  ASSERT_TRUE(turn_until(rig.loop, [&] { return rig.transport->handshake() == Handshake::done; }));
  ASSERT_TRUE(rig.transport->holds_output()) << "the ticket";
  Chain chain = chain_of("content");
  EXPECT_EQ(rig.records_of(chain).size(), 2U);
  EXPECT_EQ(rig.client.plain, "content");
  EXPECT_NE(rig.client.ticket, nullptr);
}

}  // namespace
}  // namespace sluice::net
