// The page that `sluice handshake` prints, of real handshakes in memory: the documented steps in
// their order, in lanes of the width asked for; what is said of keys, sessions and certificates.
#include "server/ops/handshake_text.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "server/ops/handshake_words.h"
#include "server/ops/printable.h"
#include "tests/unit/tls/handshake_pair.h"

namespace sluice::ops {
namespace {

using tls::HandshakePair;
using tls::PairIdentity;

const PairIdentity& rsa() {
  static const PairIdentity kIdentity = tls::make_identity({.rsa = true});
  return kIdentity;
}

ProbeReport report_of(HandshakePair& pair, bool succeeded = true) {
  HandshakeRun run;
  run.address = "192.0.2.1:443";
  run.connected = true;
  run.succeeded = succeeded;
  run.trace = pair.client_trace;
  ProbeReport report{.host = "site.example", .port = "443", .expected_name = "site.example"};
  report.runs.push_back(std::move(run));
  return report;
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// Whether all `parts` are in `text`, one after the other.
testing::AssertionResult in_order(const std::string& text,
                                  const std::vector<std::string_view>& parts) {
  size_t at = 0;
  for (const std::string_view part : parts) {
    at = text.find(part, at);
    if (at == std::string::npos)
      return testing::AssertionFailure() << "no \"" << part << "\" (any more) in\n" << text;
    at += part.size();
  }
  return testing::AssertionSuccess();
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  return lines;
}

TEST(HandshakeText, ShowsTheFourStepsOfRsaKeyTransport) {
  HandshakePair pair({.version = TLS1_2_VERSION, .suites = "AES128-SHA", .server = &rsa()});
  pair.run();
  const std::string text = handshake_text(report_of(pair), {});
  EXPECT_TRUE(
      in_order(text, {"Step 1: hello\n",
                      "ClientHello, ",
                      "-->",
                      "server name: site.example",
                      "Step 2: hello, certificate, random\n",
                      "<-- ServerHello, ",
                      "random:",
                      "<-- Certificate, ",
                      "CN=site.example",
                      "key: RSA, 2048 bits",
                      "Step 3: pre-master secret, change cipher spec, finished with its digest\n",
                      "ClientKeyExchange, ",
                      "the pre-master secret, encrypted",
                      "ChangeCipherSpec, ",
                      "Finished, ",
                      "digest of all messages so far:",
                      "Step 4: change cipher spec, finished with its digest\n",
                      "<-- ChangeCipherSpec, ",
                      "<-- Finished, ",
                      "What follows",
                      "TLS_RSA_WITH_AES_128_CBC_SHA",
                      "RSA key transport",
                      "full handshake",
                      "round trips before the request: 2",
                      "pre-master secret: 48 octets that the client makes up",
                      "master secret <-",
                      "How TLS 1.3 differs",
                      "one round trip",
                      "no RSA key transport",
                      "Result: the handshake succeeded"}));
}

TEST(HandshakeText, SaysHowTls13Differs) {
  HandshakePair pair({.server = &rsa()});
  pair.run();
  const std::string text = handshake_text(report_of(pair), {});
  EXPECT_TRUE(in_order(
      text, {"Step 1: hello\n", "key shares: X25519",
             "Step 2: hello with key share, encrypted: certificate, its proof, finished\n",
             "octets encrypted", "CertificateVerify", "rsa_pss_rsae_sha256",
             "Step 3: finished with its digest\n", "After the handshake\n", "NewSessionTicket",
             "(EC)DHE over X25519", "round trips before the request: 1",
             "handshake secret <- zeros + shared secret",
             "How TLS 1.3 differs from the four steps of TLS 1.2", "all after ServerHello"}));
  EXPECT_FALSE(has(text, "pre-master secret:"));
  EXPECT_FALSE(has(text, "with the new keys"));  // ChangeCipherSpec means nothing here
}

TEST(HandshakeText, TellsTheExtendedMasterSecretFromThePlainOne) {
  for (const bool extended : {true, false}) {
    HandshakePair pair({.version = TLS1_2_VERSION, .server = &rsa()});
    if (!extended) SSL_set_options(pair.client.get(), SSL_OP_NO_EXTENDED_MASTER_SECRET);
    pair.run();
    const std::string text = handshake_text(report_of(pair), {});
    EXPECT_EQ(has(text, "RFC 7627"), extended);
    EXPECT_EQ(has(text, "master secret <- pre-master secret + client random + server random"),
              !extended);
    EXPECT_TRUE(has(text, "computed by both from their own private half"));
  }
}

TEST(HandshakeText, ShowsARetry) {
  HandshakePair pair({.client_groups = "X25519:P-256", .server_groups = "P-256", .server = &rsa()});
  pair.run();
  EXPECT_TRUE(
      in_order(handshake_text(report_of(pair), {}),
               {"Step 1: hello", "Step 2: hello again, please, with another key share",
                "asks for a key share of: secp256r1", "Step 3: hello",
                "Step 4: hello with key share", "round trips before the request: 2 (one more"}));
}

TEST(HandshakeText, StaysWithinItsColumns) {
  HandshakePair pair({.server = &rsa(), .client = &rsa()});
  pair.run();
  HandshakePair older({.version = TLS1_2_VERSION, .server = &rsa(), .client = &rsa()});
  older.run();
  for (const size_t columns : {size_t{40}, size_t{80}, size_t{93}, size_t{120}, size_t{300}}) {
    const size_t most = std::clamp<size_t>(columns, 80, 120);
    for (HandshakePair* one : {&pair, &older}) {
      const std::string text = handshake_text(report_of(*one), {.columns = columns});
      for (const std::string& line : lines_of(text)) EXPECT_LE(columns_of(line), most) << line;
    }
  }
}

TEST(HandshakeText, KeepsItsLanesStraight) {
  HandshakePair pair({.server = &rsa()});
  pair.run();
  const std::string text = lanes_text(pair.client_trace, {.columns = 80});
  for (const std::string& line : lines_of(text)) {
    if (line.starts_with("Step") || line.starts_with("After")) continue;
    ASSERT_GT(line.size(), 39U) << line;
    EXPECT_EQ(line.substr(38, 2), " |") << line;
  }
}

TEST(HandshakeText, ColoursOnlyWhenAsked) {
  HandshakePair pair({.server = &rsa()});
  pair.run();
  EXPECT_FALSE(has(handshake_text(report_of(pair), {}), "\x1b"));
  EXPECT_TRUE(has(handshake_text(report_of(pair), {.colours = true}), "\x1b[1m"));
}

TEST(HandshakeText, LetsNoPeerWriteToTheTerminal) {
  const PairIdentity evil = tls::make_identity({.name = "a\xc2\x9b"
                                                        "31m|\xe2\x80\xae"});
  HandshakePair pair({.server = &evil});
  pair.run();
  const std::string text = handshake_text(report_of(pair), {});
  EXPECT_FALSE(has(text, "\xc2\x9b"));
  EXPECT_FALSE(has(text, "\xe2\x80\xae"));
  EXPECT_TRUE(has(text, "\\xc2\\x9b"));
}

TEST(HandshakeText, SaysWhatIsWrongWithACertificate) {
  using Kind = tls::VerificationProblem::Kind;
  HandshakePair pair({.server = &rsa()});
  pair.run();
  ProbeReport report = report_of(pair);
  report.expected_name = "other.example";
  report.runs.front().problems = {{.kind = Kind::self_signed},
                                  {.kind = Kind::expired},
                                  {.kind = Kind::wrong_name},
                                  {.kind = Kind::other, .reason = "some reason"}};
  const std::string text = handshake_text(report, {});
  EXPECT_TRUE(in_order(text, {"The server's certificate",
                              "self-signed: ", "expired: the certificate was valid until 20",
                              "wrong name: the certificate is not for other.example, but for "
                              "site.example",
                              "some reason", "the certificate is not acceptable"}));
  EXPECT_FALSE(report.succeeded());
  report.insecure = true;
  EXPECT_TRUE(report.succeeded());
  EXPECT_TRUE(has(handshake_text(report, {}), "--insecure"));
}

TEST(HandshakeText, ShowsTheFailureWithItsAdvice) {
  HandshakePair pair(
      {.version = TLS1_2_VERSION, .suites = "ECDHE-ECDSA-AES128-SHA", .server = &rsa()});
  pair.run();
  ProbeReport report = report_of(pair, false);
  report.runs.front().error = "what happened";
  report.runs.front().advice = "what to do";
  const std::string text = handshake_text(report, {});
  EXPECT_TRUE(in_order(text, {"Step 2: alert", "<-- Alert", "fatal: handshake_failure", "Failed",
                              "what happened", "what to do", "Result: the handshake failed"}));
  EXPECT_FALSE(has(text, "What follows"));
}

TEST(HandshakeText, ShowsTheSecondConnection) {
  HandshakePair pair({.server = &rsa()});
  pair.run();
  ProbeReport report = report_of(pair);
  report.resume = true;
  EXPECT_TRUE(has(handshake_text(report, {}), "the server gave no session to resume"));
  EXPECT_FALSE(report.succeeded());
  const tls::SslSessionPointer session = pair.session();
  pair.reconnect();
  pair.resume(session.get());
  pair.run();
  report.runs.push_back(std::move(report_of(pair).runs.front()));
  EXPECT_TRUE(
      in_order(handshake_text(report, {}), {"The second connection", "offers a session to resume",
                                            "resumes the session offered", "session: resumed"}));
  EXPECT_TRUE(report.succeeded());
}

TEST(Wrapped, BreaksAtSpacesAndCutsLongWords) {
  EXPECT_EQ(wrapped("one two three", 8, 2), (std::vector<std::string>{"one two", "  three"}));
  EXPECT_EQ(wrapped("abcdefghij", 4, 1), (std::vector<std::string>{"abcd", " efg", " hij"}));
  EXPECT_EQ(wrapped("  key: 0123456789", 10, 4),
            (std::vector<std::string>{"  key:", "    012345", "    6789"}));
  EXPECT_EQ(wrapped("", 10, 0), std::vector<std::string>{""});
}

TEST(HandshakeWords, WriteTimesAndDates) {
  EXPECT_EQ(time_text(std::chrono::microseconds(340)), "0.3 ms");
  EXPECT_EQ(time_text(std::chrono::microseconds(12'300)), "12 ms");
  EXPECT_EQ(time_text(std::chrono::milliseconds(1'340)), "1.3 s");
  EXPECT_EQ(date_text(1'700'000'000), "2023-11-14");
}

}  // namespace
}  // namespace sluice::ops
