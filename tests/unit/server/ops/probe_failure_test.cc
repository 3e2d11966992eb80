// Why a handshake failed: each way that one can end has its own words and its own advice.
#include "server/ops/probe_failure.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::ops {
namespace {

using std::chrono::seconds;
using tls::Role;

const ProbeReport kReport{.host = "::1", .port = "8443"};

HandshakeRun explained(const Failure& failure, const std::vector<uint8_t>& alert = {},
                       bool sent = false) {
  HandshakeRun run;
  if (!alert.empty()) run.trace.add(sent, 21, alert, {});
  explain_failure(kReport, failure, run);
  EXPECT_FALSE(run.advice.empty());
  return run;
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST(HandshakeFailure, KnowsPlainHttp) {
  for (const char* answer : {"HTTP/1.1 400 Bad Request", "<!DOCTYPE HTML>"}) {
    // The alert that OpenSSL sends to such an answer says nothing.
    const HandshakeRun run = explained({.first_octets = answer}, {2, 70}, true);
    EXPECT_TRUE(has(run.error, "plain HTTP")) << run.error;
    EXPECT_TRUE(has(run.advice, "http://[::1]:8443/")) << run.advice;
  }
}

TEST(HandshakeFailure, QuotesOtherProtocolsSafely) {
  const HandshakeRun run = explained({.first_octets = "SSH-2.0\x1b[2J"});
  EXPECT_TRUE(has(run.error, "SSH-2.0\\x1b[2J")) << run.error;
}

TEST(HandshakeFailure, TellsSilenceFromClosing) {
  EXPECT_TRUE(has(explained({.ending = Ending::timeout, .patience = seconds(10)}).error,
                  "said nothing within 10 s"));
  EXPECT_TRUE(has(explained({.ending = Ending::closed}).error, "closed the connection without"));
  EXPECT_TRUE(has(explained({.ending = Ending::reset}).error, "reset the connection without"));
}

TEST(HandshakeFailure, NamesTheAlertAndWhoSentIt) {
  const std::string record("\x15\x03\x03\x00\x02\x02\x28", 7);
  const HandshakeRun theirs = explained({.first_octets = record}, {2, 112});
  EXPECT_TRUE(has(theirs.error, "the server broke off with the alert unrecognized_name"));
  EXPECT_TRUE(has(theirs.advice, "--sni"));
  const HandshakeRun ours =
      explained({.first_octets = record, .library_error = "bad signature"}, {2, 51}, true);
  EXPECT_TRUE(has(ours.error, "this client broke off with the alert decrypt_error: bad signature"));
}

TEST(HandshakeFailure, HasAReasonForEveryAlert) {
  for (int description = 0; description < 256; ++description) {
    const HandshakeRun run = explained({}, {2, static_cast<uint8_t>(description)});
    EXPECT_TRUE(has(run.advice, "likely")) << description;
  }
}

TEST(HandshakeFailure, SaysAfterWhichMessageItStopped) {
  for (const Ending ending : {Ending::timeout, Ending::closed, Ending::failed}) {
    HandshakeRun run;
    run.trace.add(false, 22, std::vector<uint8_t>{14, 0, 0, 0}, {});
    explain_failure(kReport, {.ending = ending}, run);
    EXPECT_TRUE(has(run.error, "ServerHelloDone")) << run.error;
  }
}

}  // namespace
}  // namespace sluice::ops
