// Names of code points: those that OpenSSL knows are the same there, others are numbers.
#include "tls/registry.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <memory>

namespace sluice::tls {
namespace {

TEST(Registry, NamesWhatIsCommon) {
  EXPECT_EQ(version_name(kTls13), "TLS 1.3");
  EXPECT_EQ(version_name(0x0300), "SSL 3");
  EXPECT_EQ(suite_name(0x1301), "TLS_AES_128_GCM_SHA256");
  EXPECT_EQ(suite_name(0x000a), "TLS_RSA_WITH_3DES_EDE_CBC_SHA");
  EXPECT_EQ(suite_name(0x00ff), "TLS_EMPTY_RENEGOTIATION_INFO_SCSV");
  EXPECT_EQ(group_name(29), "X25519");
  EXPECT_EQ(group_name(0x11ec), "X25519MLKEM768");
  EXPECT_EQ(signature_scheme_name(0x0804), "rsa_pss_rsae_sha256");
  EXPECT_EQ(message_name(1), "ClientHello");
  EXPECT_EQ(message_name(20), "Finished");
  EXPECT_EQ(alert_name(112), "unrecognized_name");
}

TEST(Registry, SaysWhatItDoesNotKnowAsNumbers) {
  EXPECT_EQ(version_name(0x7f1c), "0x7f1c");
  EXPECT_EQ(suite_name(0xfffe), "0xfffe");
  EXPECT_EQ(group_name(0xeeee), "0xeeee");
  EXPECT_EQ(alert_name(200), "0xc8");
  EXPECT_EQ(message_name(10), "0x0a");
}

TEST(Registry, NamesGreaseInEveryRegistryThatHasIt) {
  EXPECT_EQ(version_name(0x3a3a), "GREASE");
  EXPECT_EQ(suite_name(0x0a0a), "GREASE");
  EXPECT_EQ(group_name(0xfafa), "GREASE");
  EXPECT_EQ(signature_scheme_name(0x1a1a), "GREASE");
}

TEST(Registry, AgreesWithOpensslOnEverySuiteItHas) {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_method()),
                                                                  SSL_CTX_free);
  ASSERT_EQ(SSL_CTX_set_cipher_list(context.get(), "ALL:COMPLEMENTOFALL:@SECLEVEL=0"), 1);
  const STACK_OF(SSL_CIPHER)* const suites = SSL_CTX_get_ciphers(context.get());
  ASSERT_GT(sk_SSL_CIPHER_num(suites), 60);
  for (int i = 0; i < sk_SSL_CIPHER_num(suites); ++i) {
    const SSL_CIPHER* const suite = sk_SSL_CIPHER_value(suites, i);
    const uint16_t value = SSL_CIPHER_get_protocol_id(suite);
    EXPECT_EQ(suite_name(value), SSL_CIPHER_standard_name(suite));
    EXPECT_EQ(suite_by_name(SSL_CIPHER_standard_name(suite)), value);
  }
}

TEST(Registry, KnowsTheKeyExchangeOfASuite) {
  EXPECT_EQ(key_exchange_of(0x1301), KeyExchange::tls13);
  EXPECT_EQ(key_exchange_of(0x002f), KeyExchange::rsa);
  EXPECT_EQ(key_exchange_of(0xc02f), KeyExchange::ecdhe);
  EXPECT_EQ(key_exchange_of(0x009e), KeyExchange::dhe);
  EXPECT_EQ(key_exchange_of(0x00a8), KeyExchange::psk);
  EXPECT_EQ(key_exchange_of(0xfffe), KeyExchange::unknown);
}

}  // namespace
}  // namespace sluice::tls
