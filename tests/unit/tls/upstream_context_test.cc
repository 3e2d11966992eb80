// What is said of files and names that TLS with an upstream cannot be spoken with.
#include "tls/upstream_context.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "tests/unit/tls/session_pair.h"
#include "tests/unit/tls/upstream_pair.h"

namespace sluice::tls {
namespace {

class UpstreamContextTest : public ::testing::Test {
 protected:
  void expect_problem(std::string_view begin, std::string_view part) {
    std::string problem;
    EXPECT_EQ(UpstreamContext::make(target_, problem), nullptr);
    EXPECT_TRUE(problem.starts_with(begin)) << problem;
    EXPECT_NE(problem.find(part), std::string::npos) << problem;
  }
  void expect_none() {
    std::string problem = "an old one";
    EXPECT_NE(UpstreamContext::make(target_, problem), nullptr);
    EXPECT_EQ(problem, "");
  }

  const CertificateFolder folder_;
  conf::UpstreamTarget target_ = target_of(folder_, made_localhost());
  conf::UpstreamTls& tls_ = *target_.tls;
};

TEST_F(UpstreamContextTest, NeedsAuthoritiesThatCanBeRead) {
  expect_none();
  tls_.authorities = folder_.path("missing.pem");
  expect_problem(tls_.authorities, "expected their certificates in PEM");
  tls_.authorities = folder_.write("key.pem", made_localhost().key_pem());
  expect_problem(tls_.authorities, "expected their certificates in PEM");
  tls_.authorities = folder_.write("empty.pem", "");
  expect_problem(tls_.authorities, "expected their certificates in PEM");
  tls_.verify = false;  // then nobody is asked
  expect_none();
  tls_ = {};  // the system's
  expect_none();
}

TEST_F(UpstreamContextTest, NeedsANameUnlessAnybodyIsBelieved) {
  target_.host.clear();
  target_.path = "/run/app.sock";
  expect_problem("no name to expect", "tls.name");
  tls_.name = "app.internal";
  expect_none();
  tls_.name.clear();
  tls_.verify = false;
  expect_none();
}

TEST_F(UpstreamContextTest, NeedsACertificateWithItsKey) {
  const MadeCertificate other({.names = {"other"}});
  tls_.certificate = folder_.path("missing.pem");
  expect_problem(tls_.certificate, "as a client certificate");
  tls_.certificate = folder_.write("own.pem", made_localhost().pem());
  expect_problem(tls_.certificate, "as the key of");
  tls_.key = folder_.path("missing.key");
  expect_problem(tls_.key, "as the key of " + tls_.certificate);
  tls_.key = folder_.write("other.key", other.key_pem());
  expect_problem(tls_.key, "this is not the key of " + tls_.certificate);
  tls_.key = folder_.write("locked.key", made_localhost().encrypted_key_pem("secret"));
  expect_problem(tls_.key, "without a passphrase");
  tls_.key = folder_.write("own.key", made_localhost().key_pem());
  expect_none();
  tls_.key.clear();
  tls_.certificate = folder_.write("both.pem", made_localhost().pem() + made_localhost().key_pem());
  expect_none();
}

}  // namespace
}  // namespace sluice::tls
