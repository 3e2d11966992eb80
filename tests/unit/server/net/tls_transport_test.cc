// TLS on real sockets: records as they go over the wire, what a slow, broken or hostile peer does
// to them, and what is kept for it.
#include "server/net/tls_transport.h"

#include <gtest/gtest.h>

#include "unit/server/net/tls_rig.h"

namespace sluice::net {
namespace {

using Rig = TlsRig;
using std::chrono::milliseconds;

constexpr uint64_t kBudget = Rig::kBudget, kHandshakes = Rig::kHandshakes;
using tls::Workspace;

class TlsTransportVersions : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Versions, TlsTransportVersions,
                         ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION));

// --- Handshakes ----------------------------------------------------------------------------------

TEST_P(TlsTransportVersions, ShakesHandsAndCarriesBothWays) {
  for (const bool tcp : {true, false}) {
    Rig rig({.version = GetParam()}, tcp ? tcp_pair() : unix_pair());
    rig.shake();
    EXPECT_EQ(rig.transport->held(), 0U);
    rig.client.write("hello");
    rig.send_client();
    ASSERT_TRUE(rig.turn_until_readable());
    EXPECT_EQ(rig.read_all(), "hello");
    Chain chain = chain_of("and you");
    rig.records_of(chain);
    EXPECT_EQ(rig.client.plain, "and you");
    EXPECT_EQ(rig.transport->held(), 0U) << "idle";
    EXPECT_FALSE(rig.transport->holds_output());
    EXPECT_FALSE(rig.transport->readable());
  }
}

TEST(TlsTransport, HoldsItsFlightUntilItIsFlushed) {
  Rig rig;
  rig.send_client();
  ASSERT_TRUE(rig.turn_until_readable());
  EXPECT_EQ(rig.transport->handshake(), Handshake::pending);
  EXPECT_TRUE(rig.transport->holds_output());
  EXPECT_GT(rig.transport->held(), 0U);
  EXPECT_EQ(rig.arrived(), "");
  rig.transport->flush(rig.none, kBudget);
  EXPECT_FALSE(rig.transport->holds_output());
  EXPECT_EQ(rig.transport->held(), 0U);
}

TEST(TlsTransport, AFailedHandshakeSaysSoAndDropsWhatFollows) {
  Rig rig({.alpn = "\x02h2"});
  rig.send_client();
  send_all(rig.peer.get(), pattern(2000));
  EXPECT_EQ(rig.outcome(), Handshake::failed);
  rig.transport->flush(rig.none, kBudget);
  rig.transport->shutdown_write();
  // A connection that lingers reads on.
  std::array<char, 16384> room;
  for (int i = 0; i < 10 && rig.transport->readable(); ++i) {
    const ReadResult result = rig.transport->read(room);
    EXPECT_NE(result.status, Io::failed);
  }
  EXPECT_FALSE(rig.transport->readable());
  ASSERT_TRUE(turn_until(rig.loop, [&] {
    rig.client.give(rig.arrived());
    return rig.at_end;
  }));
  EXPECT_EQ(rig.client.alerts, std::vector{120});
  rig.peer = Descriptor();
  ASSERT_TRUE(rig.turn_until_readable());
  EXPECT_NE(rig.transport->read(room).status, Io::progress);
}

TEST(TlsTransport, APeerThatLeavesDuringTheHandshakeFailsIt) {
  Rig rig;
  const std::string hello = rig.client.take();
  send_all(rig.peer.get(), std::string_view(hello).substr(0, 50));
  shutdown(rig.peer.get(), SHUT_WR);
  EXPECT_EQ(rig.outcome(), Handshake::failed);
  EXPECT_FALSE(rig.transport->session()->failed()) << "there is no alert to send";
}

TEST(TlsTransport, ClearTextGoesOnWithoutTls) {
  Rig rig;
  send_all(rig.peer.get(), "GET / HTTP/1.1\r\n");
  EXPECT_EQ(rig.outcome(), Handshake::clear_text);
  EXPECT_EQ(rig.transport->session(), nullptr);
  EXPECT_EQ(rig.transport->handshake(), Handshake::done);
  EXPECT_TRUE(rig.transport->readable());
  EXPECT_EQ(rig.read_all(5), "GET / HTTP/1.1\r\n");
  EXPECT_EQ(rig.transport->held(), 0U);
  send_all(rig.peer.get(), "\r\n");
  ASSERT_TRUE(rig.turn_until_readable());
  EXPECT_EQ(rig.read_all(), "\r\n");
  Chain chain = chain_of("clear");
  rig.transport->flush(chain, kBudget);
  EXPECT_EQ(receive(rig.peer.get(), 5), "clear");
  rig.transport->shutdown_write();
  EXPECT_TRUE(ends_in_good_order(rig.peer.get()));
}

TEST(TlsTransport, AnIterationTakesOnlySoManySteps) {
  Loop loop;
  TlsWork work(loop, kHandshakes, 100);
  loop.run_once(milliseconds(0));
  for (uint64_t i = 0; i < kHandshakes; ++i) EXPECT_TRUE(work.take_turn()) << i;
  EXPECT_FALSE(work.take_turn());
  const Time before = loop.now();
  ASSERT_TRUE(turn_until(loop, [&] { return loop.now() != before; }));
  EXPECT_TRUE(work.take_turn());
}

TEST(TlsTransport, WhoseTurnItIsNotIsWokenAgain) {
  Rig rig;
  rig.send_client();
  ASSERT_TRUE(rig.turn_until_readable());
  while (rig.work.take_turn()) {
  }
  const int runs = rig.task.runs;
  EXPECT_EQ(rig.transport->handshake(), Handshake::pending);
  EXPECT_FALSE(rig.transport->holds_output()) << "nothing was done";
  rig.loop.run_once(milliseconds(0));
  EXPECT_GT(rig.task.runs, runs);
  rig.shake();
}

// Else a flood of connections that say nothing would keep others from theirs.
TEST(TlsTransport, WhoSaidNothingTakesNobodysTurn) {
  Rig rig;
  rig.loop.run_once(milliseconds(0));
  for (uint64_t i = 0; i < 2 * kHandshakes; ++i)
    EXPECT_EQ(rig.transport->handshake(), Handshake::pending);
  EXPECT_TRUE(rig.work.take_turn());
}

// --- Reading -------------------------------------------------------------------------------------

TEST_P(TlsTransportVersions, OneReceiveBringsManyRecords) {
  for (const size_t room : {1U, 7U, 1000U, 16384U, 65536U}) {
    Rig rig({.version = GetParam()});
    rig.shake();
    std::string expected;
    for (const std::string& part :
         {pattern(5), pattern(5000), pattern(16384), std::string("end")}) {
      rig.client.write(part);
      expected += part;
    }
    rig.send_client();
    ASSERT_TRUE(rig.turn_until_readable());
    std::string got;
    ASSERT_TRUE(turn_until(rig.loop, [&] {
      got += rig.read_all(room);
      return got.size() >= expected.size();
    }));
    EXPECT_EQ(got, expected) << room;
    EXPECT_EQ(rig.transport->held(), 0U);
    EXPECT_FALSE(rig.transport->readable());
  }
}

TEST(TlsTransport, IsReadableWhileOpenedOctetsWait) {
  Rig rig;
  rig.shake();
  rig.client.write("hello");
  rig.send_client();
  ASSERT_TRUE(rig.turn_until_readable());
  std::array<char, 2> room;
  EXPECT_EQ(rig.transport->read(room).status, Io::progress);
  EXPECT_TRUE(rig.transport->readable());
  EXPECT_EQ(rig.read_all(2), "llo");
}

TEST_P(TlsTransportVersions, AnEndIsToldFromATruncation) {
  for (const bool good : {true, false}) {
    Rig rig({.version = GetParam()});
    rig.shake();
    rig.client.write("last");
    if (good) SSL_shutdown(rig.client.ssl());
    rig.send_client();
    shutdown(rig.peer.get(), SHUT_WR);
    std::string got;
    ASSERT_TRUE(turn_until(rig.loop, [&] {
      if (rig.transport->readable()) got += rig.read_all();
      return rig.last == Io::end || rig.last == Io::truncated;
    }));
    EXPECT_EQ(got, "last");
    EXPECT_EQ(rig.last, good ? Io::end : Io::truncated);
    EXPECT_TRUE(rig.transport->peer_closed());
    Chain chain = chain_of("answer");
    rig.records_of(chain);
    EXPECT_EQ(rig.client.plain, "answer") << "our side is still open";
  }
}

TEST_P(TlsTransportVersions, CloseNotifyAloneEndsAsWell) {
  Rig rig({.version = GetParam()});
  rig.shake();
  SSL_shutdown(rig.client.ssl());
  rig.send_client();
  ASSERT_TRUE(rig.turn_until_readable());
  EXPECT_EQ(rig.read_all(), "");
  EXPECT_EQ(rig.last, Io::end);
  EXPECT_TRUE(rig.transport->peer_closed());
  EXPECT_FALSE(rig.transport->readable()) << "it was told";
}

TEST(TlsTransport, APeersResetIsAFailure) {
  Rig rig;
  rig.shake();
  reset_on_close(rig.peer.get());
  rig.peer = Descriptor();
  ASSERT_TRUE(turn_until(rig.loop, [&] { return rig.transport->broken(); }));
  EXPECT_EQ(rig.read_all(), "");
  EXPECT_EQ(rig.last, Io::failed);
  Chain chain = chain_of("lost");
  EXPECT_EQ(rig.transport->flush(chain, kBudget).status, Io::failed);
}

TEST_P(TlsTransportVersions, TheAlertToABadRecordLeavesAtOnce) {
  Rig rig({.version = GetParam()});
  rig.shake();
  rig.client.write("bad");
  std::string record = rig.client.take();
  record.back() ^= 1;
  send_all(rig.peer.get(), record);
  ASSERT_TRUE(rig.turn_until_readable());
  EXPECT_EQ(rig.read_all(), "");
  EXPECT_EQ(rig.last, Io::failed);
  EXPECT_FALSE(rig.transport->holds_output());
  ASSERT_TRUE(turn_until(rig.loop, [&] {
    rig.client.give(rig.arrived());
    return !rig.client.alerts.empty();
  }));
  EXPECT_EQ(rig.client.alerts, std::vector{SSL_AD_BAD_RECORD_MAC});
}

// What came behind it was looked at again and again, and nobody was told.
TEST(TlsTransport, ABadRecordWithMoreBehindItIsNoEndlessLoop) {
  Rig rig;
  rig.shake();
  rig.client.write("bad");
  std::string records = rig.client.take();
  records.back() ^= 1;
  rig.client.write("behind it");
  send_all(rig.peer.get(), records + rig.client.take());
  ASSERT_TRUE(rig.turn_until_readable());
  std::array<char, 100> room;
  const ReadResult result = rig.transport->read(room);
  EXPECT_EQ(result.status, Io::failed);
  EXPECT_EQ(result.octets, 0U);
  EXPECT_EQ(rig.transport->held(), 0U);
}

// The failure was forgotten when good octets came with it.
TEST(TlsTransport, ABadRecordBehindAGoodOneIsTold) {
  Rig rig;
  rig.shake();
  rig.client.write("good");
  std::string records = rig.client.take();
  rig.client.write("bad");
  records += rig.client.take();
  records.back() ^= 1;
  send_all(rig.peer.get(), records);
  ASSERT_TRUE(rig.turn_until_readable());
  std::array<char, 100> room;
  const ReadResult first = rig.transport->read(room);
  EXPECT_EQ(first.status, Io::progress);
  EXPECT_EQ(std::string_view(room.data(), first.octets), "good");
  EXPECT_TRUE(rig.transport->readable());
  EXPECT_EQ(rig.transport->read(room).status, Io::failed);
}

// Whatever the client repeats, and however little it reads.
TEST(TlsTransport, AFloodOfKeyUpdatesFailsAndKeepsNothing) {
  Rig rig;
  rig.shake();
  std::string flood;
  for (int i = 0; i < 200; ++i) {
    SSL_key_update(rig.client.ssl(), SSL_KEY_UPDATE_REQUESTED);
    SSL_do_handshake(rig.client.ssl());
    flood += rig.client.take();
  }
  ASSERT_FALSE(flood.empty());
  send_all(rig.peer.get(), flood);
  ASSERT_TRUE(turn_until(rig.loop, [&] {
    if (rig.transport->readable()) rig.read_all();
    return rig.last == Io::failed;
  }));
  EXPECT_LE(rig.transport->held(), Workspace::kSealedRecord);
}

TEST_P(TlsTransportVersions, ReadsAfterItsOwnEnd) {
  Rig rig({.version = GetParam()});
  rig.shake();
  rig.transport->shutdown_write();
  ASSERT_TRUE(turn_until(rig.loop, [&] {
    rig.client.give(rig.arrived());
    return rig.at_end;
  }));
  EXPECT_TRUE(rig.client.closed) << "close_notify before FIN";
  rig.client.write("late");
  SSL_shutdown(rig.client.ssl());
  rig.send_client();
  rig.peer = Descriptor();
  std::string got;
  ASSERT_TRUE(turn_until(rig.loop, [&] {
    if (rig.transport->readable()) got += rig.read_all();
    return rig.last == Io::end;
  }));
  EXPECT_EQ(got, "late");
  EXPECT_FALSE(rig.transport->holds_output());
}

}  // namespace
}  // namespace sluice::net
