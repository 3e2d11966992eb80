// What OpenSSL says went wrong, in words.
#include "tls/error_text.h"

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "tls/openssl.h"

namespace sluice::tls {
namespace {

TEST(ErrorText, SaysTheFirstErrorAndTakesAll) {
  ERR_raise(ERR_LIB_PEM, PEM_R_NO_START_LINE);
  ERR_raise(ERR_LIB_PEM, PEM_R_BAD_END_LINE);
  EXPECT_EQ(take_error_text(), "no start line");
  EXPECT_EQ(ERR_peek_error(), 0UL);
  EXPECT_EQ(take_error_text(), "");
}

TEST(ErrorText, SystemErrorsAreNoNumbers) {
  const BioPointer none(BIO_new_file("/none", "rb"));
  EXPECT_EQ(none, nullptr);
  EXPECT_EQ(take_error_text(), "No such file or directory");
}

}  // namespace
}  // namespace sluice::tls
