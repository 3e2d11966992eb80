// Failed handshakes and traces as operators and machines read them.
#include "server/ops/handshake_line.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "unit/server/ops/handshake_records.h"

namespace sluice::ops {
namespace {

using http::HandshakeEnd;
using Json = nlohmann::ordered_json;

constexpr size_t kPlenty = 1 << 20;

class HandshakeLine : public testing::Test {
 protected:
  // A client that offers only h2, to the name site.example.
  void fail_by_alpn(std::string_view offered = "\x02h2") {
    SSL_CTX* const client = served.client();
    SSL_CTX_set_alpn_protos(client, reinterpret_cast<const unsigned char*>(offered.data()),
                            static_cast<unsigned>(offered.size()));
    SSL_CTX_set1_groups_list(client, "X25519:P-256");
    SSL_CTX_set_min_proto_version(client, TLS1_2_VERSION);
    ASSERT_EQ(served.run(), tls::Session::Status::failed);
  }
  http::HandshakeRecord record(HandshakeEnd end) const { return record_of(served, end); }

  tls::ServedHandshake served{traced_options()};
  CachedDate date{CachedDate::Form::rfc3339};
};

TEST_F(HandshakeLine, HasWhatFindsTheClient) {
  fail_by_alpn();
  EXPECT_EQ(failed_handshake_text(record(HandshakeEnd::failed), date),
            "2026-01-31T12:03:04.123Z error handshake failed: client offers by ALPN only what is "
            "not spoken here: \"h2\" peer=192.0.2.1 sni=site.example versions=TLS1.3,TLS1.2 "
            "groups=X25519,secp256r1 alpn=\"h2\" sent=no_application_protocol duration=12.3ms\n");
}

TEST_F(HandshakeLine, IsAnObjectForMachines) {
  fail_by_alpn();
  const std::string line = failed_handshake_json(record(HandshakeEnd::failed), date);
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
  EXPECT_TRUE(line.ends_with("}\n"));
  const Json expected = {{"time", "2026-01-31T12:03:04.123Z"},
                         {"level", "error"},
                         {"event", "handshake failed"},
                         {"kind", "no_shared_protocol"},
                         {"cause", "client offers by ALPN only what is not spoken here: \"h2\""},
                         {"remote", "192.0.2.1"},
                         {"sni", "site.example"},
                         {"versions", {"TLS 1.3", "TLS 1.2"}},
                         {"groups", {"X25519", "secp256r1"}},
                         {"alpn", Json::array({"h2"})},
                         {"alert_sent", "no_application_protocol"},
                         {"alert_received", nullptr},
                         {"duration_ms", 12.345}};
  EXPECT_EQ(Json::parse(line), expected) << line;
}

TEST_F(HandshakeLine, OfNoHelloHasNoneOfItsParts) {
  static_cast<void>(served.give("GET / HTTP/1.1\r\n\r\n"));
  EXPECT_EQ(failed_handshake_text(record(HandshakeEnd::clear_text), date),
            "2026-01-31T12:03:04.123Z error handshake failed: plain HTTP on a TLS port; answered "
            "with 400 peer=192.0.2.1 duration=12.3ms\n");
  const Json json = Json::parse(failed_handshake_json(record(HandshakeEnd::clear_text), date));
  EXPECT_EQ(json["sni"], nullptr);
  EXPECT_EQ(json["versions"], Json::array());
  EXPECT_EQ(json["kind"], "plain_http");
}

TEST_F(HandshakeLine, TellsTheAlertThatCame) {
  SSL_CTX_set_verify(served.client(), SSL_VERIFY_PEER, nullptr);
  ASSERT_EQ(served.run(), tls::Session::Status::failed);
  const std::string line = failed_handshake_text(record(HandshakeEnd::failed), date);
  EXPECT_NE(line.find(" received=unknown_ca "), std::string::npos) << line;
  EXPECT_EQ(line.find(" sent="), std::string::npos) << line;
}

TEST_F(HandshakeLine, EscapesWhatAClientWrote) {
  fail_by_alpn("\x06\"\\\n\x1b[m\x02\xc2\x9b\x01,");
  const std::string line = failed_handshake_text(record(HandshakeEnd::failed), date);
  EXPECT_NE(line.find(R"( alpn="\x22\x5C\x0A\x1B[m,\xC2\x9B,,")"), std::string::npos) << line;
  const std::string json = failed_handshake_json(record(HandshakeEnd::failed), date);
  EXPECT_EQ(Json::parse(json)["alpn"], Json::array({R"(\x22\x5C\x0A\x1B[m)", R"(\xC2\x9B)", ","}));
  for (const std::string& text : {line, json}) {
    EXPECT_EQ(text.find('\n'), text.size() - 1);
    EXPECT_TRUE(std::all_of(text.begin(), text.end() - 1,
                            [](char octet) { return octet >= ' ' && octet <= '~'; }));
  }
}

TEST_F(HandshakeLine, IsBoundedWhateverAClientOffers) {
  std::string offered;
  for (int i = 0; i < 60; ++i) offered += '\xff' + std::string(255, '\xee');
  fail_by_alpn(offered);
  for (const std::string& line : {failed_handshake_text(record(HandshakeEnd::failed), date),
                                  failed_handshake_json(record(HandshakeEnd::failed), date)}) {
    EXPECT_LT(line.size(), kMostHandshakeLine);
    EXPECT_NE(line.find("+24\""), std::string::npos) << "what is left out is counted: " << line;
  }
}

TEST_F(HandshakeLine, IsNoneOfThoseWhoOnlyLookedOrSucceeded) {
  EXPECT_FALSE(is_failed_handshake(record(HandshakeEnd::left)));
  EXPECT_FALSE(is_failed_handshake(record(HandshakeEnd::established)));
  EXPECT_TRUE(is_failed_handshake(record(HandshakeEnd::timed_out)));
  static_cast<void>(served.give("\x16"));
  EXPECT_TRUE(is_failed_handshake(record(HandshakeEnd::left)));
}

// --- Traces --------------------------------------------------------------------------------------

TEST_F(HandshakeLine, TraceForPeopleIsOneRecord) {
  ASSERT_EQ(served.run(), tls::Session::Status::done);
  const std::string text = handshake_trace_text(record(HandshakeEnd::established), date, kPlenty);
  EXPECT_TRUE(
      text.starts_with("2026-01-31T12:03:04.123Z info handshake trace: established, "
                       "TLS 1.3, TLS_AES_256_GCM_SHA384, full, 1 round trip "
                       "peer=192.0.2.1 sni=site.example "))
      << text;
  for (const char* part : {"ClientHello", "ServerHello", "Certificate", "Finished"})
    EXPECT_NE(text.find(part), std::string::npos) << part;
  for (size_t at = text.find('\n'); at + 1 < text.size(); at = text.find('\n', at + 1))
    EXPECT_EQ(text[at + 1], ' ') << "a line that continues: " << text.substr(at + 1, 40);
  EXPECT_TRUE(text.ends_with('\n'));
}

TEST_F(HandshakeLine, TraceForMachinesIsAnObject) {
  ASSERT_EQ(served.run(), tls::Session::Status::done);
  const std::string line = handshake_trace_json(record(HandshakeEnd::established), date, kPlenty);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  const Json json = Json::parse(line);
  EXPECT_EQ(json["event"], "handshake trace");
  EXPECT_EQ(json["end"], "established");
  EXPECT_EQ(json["sni"], "site.example");
  EXPECT_EQ(json["trace"]["summary"]["version"], "TLS 1.3");
  EXPECT_EQ(json["trace"]["messages"][0]["name"], "ClientHello");
}

TEST_F(HandshakeLine, TraceOfAFailedHandshakeSaysHowItEnded) {
  fail_by_alpn();
  const std::string text = handshake_trace_text(record(HandshakeEnd::failed), date, kPlenty);
  EXPECT_NE(text.find(" info handshake trace: failed peer="), std::string::npos) << text;
  EXPECT_NE(text.find("no_application_protocol"), std::string::npos);
}

TEST_F(HandshakeLine, TraceIsCutVisiblyWhereThereIsNoRoom) {
  ASSERT_EQ(served.run(), tls::Session::Status::done);
  const http::HandshakeRecord one = record(HandshakeEnd::established);
  const std::string whole = handshake_trace_text(one, date, kPlenty);
  for (const size_t most : {size_t{600}, whole.size() - 1}) {
    const std::string cut = handshake_trace_text(one, date, most);
    EXPECT_LE(cut.size(), most);
    EXPECT_TRUE(cut.ends_with("\n  ... and more, which is cut here\n")) << cut;
    EXPECT_TRUE(whole.starts_with(cut.substr(0, cut.rfind("  ..."))));
  }
  EXPECT_EQ(handshake_trace_text(one, date, whole.size()), whole);
  EXPECT_EQ(handshake_trace_text(one, date, 40), "");
  const Json json = Json::parse(handshake_trace_json(one, date, 600));
  EXPECT_FALSE(json.contains("trace"));
  EXPECT_GT(json["trace_octets"], 600);
}

}  // namespace
}  // namespace sluice::ops
