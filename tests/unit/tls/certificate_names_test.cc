// Which names are for which hosts, in a table; near misses; and two certificates for one name.
#include "tls/certificate_names.h"

#include <gtest/gtest.h>

#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "tls/certificate.h"
#include "unit/tls/made_certificates.h"

namespace sluice::tls {
namespace {

TEST(CertificateNames, CoverHosts) {
  struct Case {
    std::string_view name, host;
    bool covers;
  };
  constexpr Case kCases[] = {
      {"example.com", "example.com", true},
      {"Example.COM", "eXample.com", true},
      {"example.com", "example.com.", true},
      {"example.com", "www.example.com", false},
      {"example.com", "xexample.com", false},
      {"*.example.com", "www.example.com", true},
      {"*.example.com", "WWW.EXAMPLE.com.", true},
      {"*.example.com", "example.com", false},
      {"*.example.com", ".example.com", false},
      {"*.example.com", "a.b.example.com", false},
      {"*.example.com", "www.example.org", false},
      {"*.example.com", "wwwexample.com", false},
      {"*.example.com", "*.example.com", true},
      {"*.localhost", "app.localhost", true},
      {"w*.example.com", "www.example.com", false},
      {"*w.example.com", "www.example.com", false},
      {"www.*.com", "www.example.com", false},
      {"*", "localhost", false},
      {"*.", "localhost.", false},
      {"*.", "a.", false},
      {"", "", false},
      {"", ".", false},
      {"example.com", "", false},
      {"example.com", std::string_view("example.com\0.evil", 17), false},
  };
  for (const Case& one : kCases)
    EXPECT_EQ(covers(one.name, one.host), one.covers) << one.name << " and " << one.host;
}

TEST(CertificateNames, CoverByAnyOfThem) {
  const std::vector<std::string> names = {"example.com", "*.example.org"};
  EXPECT_TRUE(covers(names, "example.com"));
  EXPECT_TRUE(covers(names, "a.example.org"));
  EXPECT_FALSE(covers(names, "example.org"));
  EXPECT_FALSE(covers(std::vector<std::string>{}, "example.org"));
}

TEST(CertificateNames, FindTheNearest) {
  const std::vector<std::string> names = {"www.example.com", "*.example.org", "shop.test"};
  EXPECT_EQ(nearest(names, "www.exmaple.com"), "www.example.com");
  EXPECT_EQ(nearest(names, "WWW.EXAMPLE.CO"), "www.example.com");
  EXPECT_EQ(nearest(names, "example.org"), "*.example.org");
  EXPECT_EQ(nearest(names, "a.b.example.org."), "*.example.org");
  EXPECT_EQ(nearest(names, "shop2.test"), "shop.test");
  EXPECT_EQ(nearest(names, "192.0.2.1"), "") << "nothing in common";
  EXPECT_EQ(nearest({}, "a"), "");
  EXPECT_EQ(nearest(names, ""), "");
}

std::shared_ptr<const Certificate> made(const std::vector<std::string>& names,
                                        MadeKey key = MadeKey::p256) {
  const MadeCertificate one({.names = names, .key = key});
  CertificateProblems problems;
  std::shared_ptr<const Certificate> loaded =
      Certificate::parse(one.pem(), "chain", one.key_pem(), "key", std::time(nullptr), problems);
  for (const CertificateProblem& problem : problems) ADD_FAILURE() << problem.text;
  return loaded;
}

TEST(CertificateNames, FindTwoCertificatesForOneName) {
  const std::vector<std::shared_ptr<const Certificate>> certificates = {
      made({"a.example", "b.example"}),
      made({"a.example"}, MadeKey::rsa_2048),  // another kind: side by side
      made({"*.example", "c.example"}),        // a wildcard is another name
      made({"x.example", "B.example", "a.example"}),
      made({"c.example"}, MadeKey::p384),
  };
  const std::vector<SharedName> shared = find_shared_names(certificates);
  ASSERT_EQ(shared.size(), 2U);
  EXPECT_EQ(shared[0].name, "b.example");
  EXPECT_EQ(shared[0].first, 0U);
  EXPECT_EQ(shared[0].second, 3U);
  EXPECT_EQ(shared[1].name, "c.example");
  EXPECT_EQ(shared[1].first, 2U);
  EXPECT_EQ(shared[1].second, 4U);
}

}  // namespace
}  // namespace sluice::tls
