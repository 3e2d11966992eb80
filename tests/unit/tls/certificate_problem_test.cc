// Paths in commands that people copy: none may become another command.
#include "tls/certificate_problem.h"

#include <gtest/gtest.h>

namespace sluice::tls {
namespace {

TEST(CertificateProblem, QuotesPathsForShells) {
  EXPECT_EQ(shell_word("/etc/ssl/a-b_c.1.pem"), "/etc/ssl/a-b_c.1.pem");
  EXPECT_EQ(shell_word("/a b"), "'/a b'");
  EXPECT_EQ(shell_word("/a;b"), "'/a;b'");
  EXPECT_EQ(shell_word("/$(a)"), "'/$(a)'");
  EXPECT_EQ(shell_word("/it's"), R"('/it'\''s')");
  EXPECT_EQ(shell_word(""), "''");
}

}  // namespace
}  // namespace sluice::tls
