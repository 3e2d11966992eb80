// A session of the server's side against a client of OpenSSL: records cut at every offset, changed
// in every place, in floods; and what is sent back.
#include "tls/session.h"

#include <gtest/gtest.h>
#include <openssl/err.h>

#include <algorithm>

#include "tests/unit/tls/session_pair.h"
#include "tls/handshake_report.h"

namespace sluice::tls {
namespace {

using Status = Session::Status;

constexpr int kNoRenegotiation = 100, kNoApplicationProtocol = 120;

std::string octets_of(size_t size) {
  std::string octets(size, '\0');
  for (size_t i = 0; i < size; ++i) octets[i] = static_cast<char>('a' + i * 7 % 26);
  return octets;
}

class SessionTest : public ::testing::TestWithParam<int> {
 protected:
  void TearDown() override { EXPECT_EQ(ERR_peek_error(), 0UL) << "left on OpenSSL's queue"; }

  static ClientWish wish() { return {.version = GetParam()}; }
  static bool is_13() { return GetParam() == TLS1_3_VERSION; }

  const std::shared_ptr<const ListenerContext> context_ = make_listener(listener_parts());
};

std::string version_name(const ::testing::TestParamInfo<int>& tested) {
  return tested.param == TLS1_3_VERSION ? "Tls13" : "Tls12";
}
INSTANTIATE_TEST_SUITE_P(Versions, SessionTest, ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         version_name);

// --- Handshakes ----------------------------------------------------------------------------------

TEST_P(SessionTest, ShakesHandsAndTellsWhatWasAgreed) {
  SessionPair pair(*context_, wish());
  ASSERT_TRUE(pair.run());
  const Session& session = pair.server.session;
  EXPECT_EQ(session.protocol(), is_13() ? "TLSv1.3" : "TLSv1.2");
  EXPECT_EQ(session.suite(), SSL_CIPHER_standard_name(SSL_get_current_cipher(pair.client.ssl())));
  EXPECT_FALSE(session.resumed());
  EXPECT_EQ(session.client_subject(), "");
  EXPECT_EQ(&session.choice(), context_->choose("localhost"));
  EXPECT_EQ(SSL_get_current_compression(pair.client.ssl()), nullptr);
}

TEST_P(SessionTest, ReportsTheClientHelloUntilToldToForget) {
  SessionPair pair(*context_, wish());
  ASSERT_TRUE(pair.run());
  const HandshakeReport* const report = pair.server.session.report();
  ASSERT_NE(report, nullptr);
  ASSERT_TRUE(report->hello.has_value());
  EXPECT_EQ(report->hello->server_name, "localhost");
  EXPECT_EQ(report->alert_sent, -1);
  EXPECT_EQ(report->error, 0UL);
  EXPECT_GT(report->received, 200U);
  pair.server.session.forget_handshake();
  EXPECT_EQ(pair.server.session.report(), nullptr);
}

// What came is counted however it came.
TEST_P(SessionTest, CountsTheOctetsOfAHandshake) {
  SessionPair whole(*context_, wish()), cut(*context_, wish());
  cut.piece = 1;
  uint64_t sent = 0;
  const auto count = [&sent](int, bool from_client, const std::string& octets) {
    if (from_client) sent += octets.size();
  };
  ASSERT_TRUE(whole.run(count));
  EXPECT_EQ(whole.server.session.report()->received, sent);
  sent = 0;
  ASSERT_TRUE(cut.run(count));
  EXPECT_EQ(cut.server.session.report()->received, sent);
}

TEST_P(SessionTest, ShakesHandsOctetByOctet) {
  SessionPair pair(*context_, wish());
  pair.piece = 1;
  ASSERT_TRUE(pair.run());
  pair.send("hello");
  EXPECT_EQ(pair.server.plain, "hello");
}

// A ClientHello whose octets look like the letters of a method, where a segment of the network
// begins: that is no clear text.
TEST_P(SessionTest, SecondSegmentThatBeginsWithALetterIsNoClearText) {
  ClientWish shouting = wish();
  shouting.alpn = "\x04TEST\x08http/1.1";  // so that there is one
  SessionPair pair(*context_, shouting);
  const std::string hello = pair.client.take();
  const auto letter = std::find_if(hello.begin() + 1, hello.end(),
                                   [](char octet) { return octet >= 'A' && octet <= 'Z'; });
  ASSERT_NE(letter, hello.end());
  const auto offset = static_cast<size_t>(letter - hello.begin());
  EXPECT_EQ(pair.server.give(hello.substr(0, offset)), Status::wants_records);
  EXPECT_EQ(pair.server.give(hello.substr(offset)), Status::wants_records);
  pair.client.give(pair.server.take());
  EXPECT_TRUE(pair.run());
}

TEST_P(SessionTest, EveryFlightMayBeCutAnywhere) {
  size_t longest = 0;
  for (size_t cut = 1; cut == 1 || cut < longest; ++cut) {
    SessionPair pair(*context_, wish());
    while (true) {
      const std::string said = pair.client.take();
      if (said.empty()) break;
      longest = std::max(longest, said.size());
      pair.server.give(said.substr(0, cut));
      if (cut < said.size()) pair.server.give(said.substr(cut));
      pair.client.give(pair.server.take());
    }
    ASSERT_TRUE(pair.server.session.established()) << cut;
    pair.client.write("hello");
    const std::string said = pair.client.take();
    pair.server.give(said.substr(0, cut));
    if (cut < said.size()) pair.server.give(said.substr(cut));
    ASSERT_EQ(pair.server.plain, "hello") << cut;
  }
}

TEST_P(SessionTest, ContentMayFollowTheHandshakeInOneFlight) {
  SessionPair pair(*context_, wish());
  bool last = false;
  ASSERT_TRUE(pair.run([&](int, bool from_client, std::string& octets) {
    if (!from_client || last || !pair.client.established) return;
    last = true;
    pair.client.write("hello");
    octets += pair.client.take();
  }));
  if (!is_13()) pair.send("hello");  // the server speaks last there
  EXPECT_EQ(pair.server.plain, "hello");
}

// --- What is refused -----------------------------------------------------------------------------

TEST_P(SessionTest, ClearTextIsRecognisedAndNothingOfItTaken) {
  SessionEnd server(*context_);
  EXPECT_EQ(server.give("GET / HTTP/1.1\r\n"), Status::clear_text);
  EXPECT_EQ(server.rest, "GET / HTTP/1.1\r\n");
  EXPECT_EQ(server.take(), "");
  EXPECT_FALSE(server.session.failed());
}

TEST_P(SessionTest, GarbageFailsForGood) {
  SessionEnd server(*context_);
  EXPECT_EQ(server.give(std::string(100, '\x80')), Status::failed);
  EXPECT_TRUE(server.session.failed());
  EXPECT_EQ(server.give(MemoryClient(wish()).take()), Status::failed);
}

TEST_P(SessionTest, OtherProtocolsAreRefused) {
  ClientWish other = wish();
  other.alpn = "\x02h2";
  SessionPair pair(*context_, other);
  EXPECT_FALSE(pair.run());
  EXPECT_EQ(pair.client.alerts, std::vector{kNoApplicationProtocol});
  EXPECT_EQ(pair.server.session.report()->alert_sent, kNoApplicationProtocol);
  EXPECT_TRUE(pair.server.session.failed());
}

TEST_P(SessionTest, OurProtocolIsChosenAmongOthers) {
  ClientWish other = wish();
  other.alpn = "\x02h2\x08http/1.1";
  SessionPair pair(*context_, other);
  ASSERT_TRUE(pair.run());
  const unsigned char* chosen = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(pair.client.ssl(), &chosen, &size);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(chosen), size), "http/1.1");
}

// A changed octet anywhere in what a client sends is never taken for something else: the handshake
// ends, on one side or the other (a client finds out by what it is answered), and an alert tells.
TEST_P(SessionTest, AChangedOctetEndsTheHandshake) {
  std::vector<size_t> sizes;
  SessionPair sound(*context_, wish());
  ASSERT_TRUE(sound.run([&](int, bool from_client, const std::string& octets) {
    sizes.push_back(from_client ? octets.size() : 0);
  }));
  for (int flight = 0; flight < static_cast<int>(sizes.size()); ++flight) {
    // The first three octets of a record are not looked at closely (RFC 8446 appendix D.4).
    for (size_t offset = 3; offset < sizes[static_cast<size_t>(flight)]; offset += 3) {
      SessionPair pair(*context_, wish());
      const bool well = pair.run([&](int at, bool, std::string& octets) {
        if (at == flight && offset < octets.size()) octets[offset] ^= 0x41;
      });
      const bool waits = pair.server.status == Status::wants_records;  // a length that grew
      const bool harmless = well && is_13() && flight > 0;             // ChangeCipherSpec's version
      EXPECT_TRUE(!well || harmless) << flight << " at " << offset;
      const bool told = !pair.client.alerts.empty() || pair.client.failed;
      EXPECT_TRUE(told || waits || harmless) << flight << " at " << offset;
      if (pair.server.session.failed()) {
        EXPECT_EQ(pair.server.give("\x16\x03\x01"), Status::failed);
        EXPECT_EQ(pair.server.take(), "");
      }
      ERR_clear_error();
    }
  }
}

TEST_P(SessionTest, AChangedRecordIsAFatalAlertForGood) {
  SessionPair pair(*context_, wish());
  ASSERT_TRUE(pair.run());
  pair.client.write("first");
  const std::string first = pair.client.take();
  pair.client.write("second");
  std::string second = pair.client.take();
  pair.client.write("third");
  second[second.size() - 1] ^= 1;
  EXPECT_EQ(pair.server.give(first + second + pair.client.take()), Status::failed);
  EXPECT_EQ(pair.server.plain, "first");
  EXPECT_TRUE(pair.server.session.failed());
  EXPECT_FALSE(pair.server.session.pending());
  pair.client.give(pair.server.take());
  EXPECT_EQ(pair.client.alerts, std::vector{SSL_AD_BAD_RECORD_MAC});
  EXPECT_EQ(pair.server.give(pair.client.take()), Status::failed);
  EXPECT_FALSE(pair.server.session.write("no"));
  pair.server.session.close();
  EXPECT_EQ(pair.server.take(), "");
}

TEST_P(SessionTest, ARepeatedRecordIsRefused) {
  SessionPair pair(*context_, wish());
  ASSERT_TRUE(pair.run());
  pair.client.write("once");
  const std::string record = pair.client.take();
  EXPECT_EQ(pair.server.give(record + record), Status::failed);
  EXPECT_EQ(pair.server.plain, "once");
  pair.client.give(pair.server.take());
  EXPECT_EQ(pair.client.alerts, std::vector{SSL_AD_BAD_RECORD_MAC});
}

// --- Content -------------------------------------------------------------------------------------

TEST_P(SessionTest, CarriesEverySizeAroundARecordsBorder) {
  SessionPair pair(*context_, wish());
  ASSERT_TRUE(pair.run());
  std::vector<size_t> sizes = {1, 2, 15, 16, 17, 255, 256, 257, 1369, 4095, 4096, 4097, 50000};
  for (size_t size = Workspace::kRecord - 20; size <= Workspace::kRecord + 20; ++size)
    sizes.push_back(size);
  for (const size_t size : sizes) {
    const std::string octets = octets_of(size);
    pair.server.plain.clear();
    pair.client.plain.clear();
    pair.send(octets);
    pair.answer(octets);
    ASSERT_EQ(pair.server.plain, octets) << size;
    ASSERT_EQ(pair.client.plain, octets) << size;
  }
}

TEST_P(SessionTest, GivesInSmallRoomsWhatCameInLargeRecords) {
  SessionPair pair(*context_, wish());
  ASSERT_TRUE(pair.run());
  const std::string octets = octets_of(Workspace::kRecord);
  pair.client.write(octets);
  pair.client.write("and more");
  const std::string records = pair.client.take();
  std::string_view view = records;
  std::array<char, 100> room;
  const Session::Plain first = pair.server.session.read(view, room);
  EXPECT_EQ(first.status, Status::done);
  EXPECT_EQ(first.octets, room.size());
  EXPECT_TRUE(pair.server.session.pending());
  EXPECT_EQ(records_of(view).size(), 1U) << "the second record is not taken before its time";
  pair.server.plain.assign(room.data(), room.size());
  pair.server.room = 1000;
  EXPECT_EQ(pair.server.give(view), Status::wants_records);
  EXPECT_EQ(pair.server.plain, octets + "and more");
  EXPECT_FALSE(pair.server.session.pending());
}

TEST_P(SessionTest, OutputIsBoundedByWhatTakesARecord) {
  SessionPair pair(*context_, wish());
  ASSERT_TRUE(pair.run());
  const std::string octets = octets_of(Workspace::kRecord);
  size_t records = 0;
  const size_t room = pair.server.workspace.room_for_records();
  for (; pair.server.workspace.takes_record(); ++records)
    ASSERT_TRUE(pair.server.session.write(octets));
  EXPECT_GE(records, room);
  EXPECT_GE(records, 4U);
  pair.client.give(pair.server.take());
  EXPECT_EQ(pair.client.plain.size(), records * octets.size());
}

// --- Ends ----------------------------------------------------------------------------------------

TEST_P(SessionTest, SeesCloseNotifyAndSaysItOnce) {
  SessionPair pair(*context_, wish());
  ASSERT_TRUE(pair.run());
  pair.client.write("last");
  SSL_shutdown(pair.client.ssl());
  EXPECT_EQ(pair.server.give(pair.client.take()), Status::closed);
  EXPECT_EQ(pair.server.plain, "last");
  EXPECT_FALSE(pair.server.session.failed());
  pair.answer("still");
  pair.server.session.close();
  const std::string notice = pair.server.take();
  EXPECT_EQ(records_of(notice).size(), 1U);
  pair.server.session.close();
  EXPECT_EQ(pair.server.take(), "");
  pair.client.give(notice);
  EXPECT_EQ(pair.client.plain, "still");
  EXPECT_TRUE(pair.client.closed);
}

TEST_P(SessionTest, ReadsOnAfterItClosed) {
  SessionPair pair(*context_, wish());
  ASSERT_TRUE(pair.run());
  pair.server.session.close();
  pair.client.write("late");
  EXPECT_EQ(pair.server.give(pair.client.take()), Status::wants_records);
  EXPECT_EQ(pair.server.plain, "late");
}

// --- Messages of the handshake protocol after the handshake --------------------------------------

class Tls13Session : public SessionTest {};
class Tls12Session : public SessionTest {};
INSTANTIATE_TEST_SUITE_P(Only, Tls13Session, ::testing::Values(TLS1_3_VERSION));
INSTANTIATE_TEST_SUITE_P(Only, Tls12Session, ::testing::Values(TLS1_2_VERSION));

TEST_P(Tls13Session, OtherGroupsAskForASecondClientHello) {
  ClientWish other = wish();
  other.groups = "P-521:P-384";
  SessionPair pair(*context_, other);
  EXPECT_TRUE(pair.run());
}

// The answer waits for what is sent next (RFC 8446 section 4.6.3).
TEST_P(Tls13Session, AnswersAKeyUpdateAndGoesOn) {
  SessionPair pair(*context_, wish());
  ASSERT_TRUE(pair.run());
  SSL_key_update(pair.client.ssl(), SSL_KEY_UPDATE_REQUESTED);
  pair.client.write("with new keys");
  EXPECT_EQ(pair.server.give(pair.client.take()), Status::wants_records);
  EXPECT_EQ(pair.server.plain, "with new keys");
  ASSERT_TRUE(pair.server.session.write("likewise"));
  const std::string answer = pair.server.take();
  EXPECT_EQ(records_of(answer).size(), 2U);
  EXPECT_TRUE(pair.client.give(answer));
  EXPECT_EQ(pair.client.plain, "likewise");
}

TEST_P(Tls13Session, AFloodOfKeyUpdatesIsStoppedAtTheLimit) {
  constexpr uint64_t kLimit = 5;
  SessionPair pair(*context_, wish(), kLimit);
  ASSERT_TRUE(pair.run());
  for (uint64_t i = 0; i < kLimit; ++i) {
    SSL_key_update(pair.client.ssl(), SSL_KEY_UPDATE_NOT_REQUESTED);
    pair.send("x");
    ASSERT_EQ(pair.server.status, Status::wants_records) << i;
  }
  SSL_key_update(pair.client.ssl(), SSL_KEY_UPDATE_NOT_REQUESTED);
  pair.send("x");
  EXPECT_EQ(pair.server.status, Status::failed);
  EXPECT_EQ(pair.server.plain, std::string(kLimit, 'x'));
  EXPECT_TRUE(pair.server.session.failed());
}

// RFC 5746 section 3.6, and no renegotiation after that.
TEST_P(Tls12Session, RenegotiationIsRefused) {
  SessionPair pair(*context_, wish());
  ASSERT_TRUE(pair.run());
  EXPECT_EQ(SSL_get_secure_renegotiation_support(pair.client.ssl()), 1);
  SSL_renegotiate(pair.client.ssl());
  SSL_do_handshake(pair.client.ssl());
  ERR_clear_error();
  pair.run();
  ASSERT_FALSE(pair.client.alerts.empty());
  EXPECT_EQ(pair.client.alerts.front(), kNoRenegotiation);
}

// Each attempt is answered by an alert: a client that does not read would have us keep them all.
TEST_P(Tls12Session, AFloodOfRenegotiationsIsStoppedAtTheLimit) {
  constexpr uint64_t kLimit = 5;
  SessionPair pair(*context_, wish(), kLimit);
  ASSERT_TRUE(pair.run());
  // The client believes that it is in its first handshake, and says hello again and again.
  std::string flood;
  SSL_renegotiate(pair.client.ssl());
  SSL_do_handshake(pair.client.ssl());
  ERR_clear_error();
  flood = pair.client.take();
  ASSERT_FALSE(flood.empty());
  pair.server.give(flood);
  for (uint64_t i = 0; i < kLimit + 1 && !pair.server.session.failed(); ++i) {
    // What it is answered, it takes for a refusal that it may ask again after.
    pair.client.give(pair.server.take());
    pair.client.failed = false;
    SSL_renegotiate(pair.client.ssl());
    SSL_do_handshake(pair.client.ssl());
    ERR_clear_error();
    pair.server.give(pair.client.take());
  }
  EXPECT_TRUE(pair.server.session.failed());
}

}  // namespace
}  // namespace sluice::tls
