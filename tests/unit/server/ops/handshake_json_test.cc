// The object for machines: one line of JSON with what the trace knows, whatever peers wrote.
#include "server/ops/handshake_json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/tls/handshake_pair.h"

namespace sluice::ops {
namespace {

using nlohmann::json;

TEST(HandshakeJson, HasEveryMessageAndTheSummary) {
  const tls::PairIdentity identity = tls::make_identity({});
  tls::HandshakePair pair({.server = &identity});
  pair.run();
  const std::string line = trace_json(pair.client_trace);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const json trace = json::parse(line, nullptr, false);
  ASSERT_TRUE(trace.is_object());
  EXPECT_EQ(trace["messages"].size(), pair.client_trace.messages().size());
  EXPECT_EQ(trace["messages"][0]["name"], "ClientHello");
  EXPECT_EQ(trace["messages"][0]["sender"], "client");
  EXPECT_EQ(trace["messages"][0]["server_name"], "site.example");
  EXPECT_EQ(trace["summary"]["version"], "TLS 1.3");
  EXPECT_EQ(trace["summary"]["round_trips"], 1);
  EXPECT_EQ(trace["summary"]["fatal_alert"], nullptr);
}

TEST(HandshakeJson, TellsOfProblemsAndFailure) {
  ProbeReport report{.host = "a", .port = "443", .expected_name = "a"};
  report.runs.emplace_back();
  report.runs.front().error = "cannot connect";
  report.runs.front().problems = {{.kind = tls::VerificationProblem::Kind::expired}};
  const json object = json::parse(handshake_json(report), nullptr, false);
  ASSERT_TRUE(object.is_object());
  EXPECT_EQ(object["ok"], false);
  EXPECT_EQ(object["runs"][0]["error"], "cannot connect");
  EXPECT_EQ(object["runs"][0]["problems"][0]["kind"], "expired");
  EXPECT_EQ(object["runs"][0]["summary"]["version"], nullptr);
}

TEST(HandshakeJson, SurvivesOctetsThatAreNoText) {
  const tls::PairIdentity identity = tls::make_identity({});
  tls::HandshakePair pair({.server = &identity});
  SSL_set_alpn_protos(pair.client.get(), reinterpret_cast<const unsigned char*>("\x02\xff\x01"), 3);
  pair.run();
  EXPECT_TRUE(json::accept(trace_json(pair.server_trace)));
}

}  // namespace
}  // namespace sluice::ops
