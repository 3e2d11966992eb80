// The form of names, and times as text; the rest is tested where it is told (certificate_test.cc).
#include "tls/certificate_facts.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::tls {
namespace {

TEST(CertificateFacts, KnowTheFormOfNames) {
  for (const char* name : {"localhost", "a.example", "*.example", "*.a.example", "x_y.a-b.example",
                           "xn--bcher-kva.example", "1.example"})
    EXPECT_TRUE(is_dns_name(name)) << name;
  for (const std::string& name :
       {std::string(), std::string("."), std::string("a."), std::string(".a"), std::string("a..b"),
        std::string("*"), std::string("*."), std::string("*a.example"), std::string("a.*.example"),
        std::string("a b"), std::string("a\0b", 3), std::string("a,DNS:b"), std::string("b\xfc"),
        std::string(64, 'a'), std::string(254, 'a')})
    EXPECT_FALSE(is_dns_name(name)) << name;
  EXPECT_TRUE(is_dns_name(std::string(63, 'a') + ".example"));
}

TEST(CertificateFacts, WriteTimes) {
  EXPECT_EQ(text_of_time(0), "1970-01-01 00:00:00 UTC");
  EXPECT_EQ(text_of_time(253402300799), "9999-12-31 23:59:59 UTC");
  EXPECT_EQ(text_of_time(-1), "1969-12-31 23:59:59 UTC");
  EXPECT_EQ(text_of_time(INT64_MAX), "an unreadable time");
}

}  // namespace
}  // namespace sluice::tls
