// What a policy means: Mozilla's guideline 6.0 word for word, and what no policy allows.
#include "tls/policy.h"

#include <gtest/gtest.h>

#include "tests/unit/tls/session_pair.h"

namespace sluice::tls {
namespace {

using Policy = conf::Tls::Policy;

const std::vector<std::string> kTls13 = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                                         "TLS_CHACHA20_POLY1305_SHA256"};

// As wiki.mozilla.org/Security/Server_Side_TLS lists them, without DHE, which needs parameters.
const std::vector<std::string> kIntermediate = {
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",       "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",       "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"};

const std::vector<std::string> kOld = {"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
                                       "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
                                       "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
                                       "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
                                       "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384",
                                       "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
                                       "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
                                       "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
                                       "TLS_RSA_WITH_AES_128_GCM_SHA256",
                                       "TLS_RSA_WITH_AES_256_GCM_SHA384",
                                       "TLS_RSA_WITH_AES_128_CBC_SHA256",
                                       "TLS_RSA_WITH_AES_256_CBC_SHA256",
                                       "TLS_RSA_WITH_AES_128_CBC_SHA",
                                       "TLS_RSA_WITH_AES_256_CBC_SHA"};

std::vector<std::string> operator+(std::vector<std::string> left,
                                   const std::vector<std::string>& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

ContextPointer made_with(Policy policy) {
  ContextPointer context(SSL_CTX_new(TLS_server_method()));
  EXPECT_TRUE(apply_policy(policy, *context));
  return context;
}

std::vector<std::string> suites_of(Policy policy) {
  const ContextPointer context = made_with(policy);
  const STACK_OF(SSL_CIPHER)* const suites = SSL_CTX_get_ciphers(context.get());
  std::vector<std::string> names;
  for (int i = 0; i < sk_SSL_CIPHER_num(suites); ++i)
    names.emplace_back(SSL_CIPHER_standard_name(sk_SSL_CIPHER_value(suites, i)));
  return names;
}

std::shared_ptr<const ListenerContext> listener(Policy policy, MadeKey key = MadeKey::p256) {
  auto parts = listener_parts({.policy = policy});
  if (key != MadeKey::p256) {
    parts.certificates[0].certificate =
        load_certificate(MadeCertificate({.names = {"localhost"}, .key = key}));
  }
  return make_listener(std::move(parts));
}

// How a client that can do only this fares.
bool agrees(const ListenerContext& context, const ClientWish& wish) {
  return SessionPair(context, wish).run();
}

TEST(Policy, SuitesAreTheGuidelines) {
  EXPECT_EQ(suites_of(Policy::intermediate), kTls13 + kIntermediate);
  EXPECT_EQ(suites_of(Policy::legacy), kTls13 + kIntermediate + kOld);
  // Its lists for TLS 1.2 are of no use to it.
  const auto modern = suites_of(Policy::modern);
  EXPECT_EQ(std::vector(modern.begin(), modern.begin() + 3), kTls13);
}

TEST(Policy, VersionsAreTheGuidelines) {
  for (const auto& [policy, oldest] :
       {std::pair(Policy::modern, TLS1_3_VERSION), std::pair(Policy::intermediate, TLS1_2_VERSION),
        std::pair(Policy::legacy, TLS1_VERSION)}) {
    EXPECT_EQ(oldest_version(policy), oldest);
    const ContextPointer context = made_with(policy);
    EXPECT_EQ(SSL_CTX_get_min_proto_version(context.get()), oldest);
    EXPECT_EQ(SSL_CTX_get_max_proto_version(context.get()), TLS1_3_VERSION);
    const auto server = listener(policy);
    for (const int version : {TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION})
      EXPECT_EQ(agrees(*server, {.version = version}), version >= oldest) << version;
  }
}

TEST(Policy, OldVersionsAreToldSo) {
  SessionPair pair(listener(Policy::intermediate), {.version = TLS1_1_VERSION});
  EXPECT_FALSE(pair.run());
  EXPECT_EQ(pair.client.alerts, std::vector{SSL_AD_PROTOCOL_VERSION});
}

TEST(Policy, GroupsAreTheGuidelines) {
  for (const Policy policy : {Policy::modern, Policy::intermediate, Policy::legacy}) {
    const auto server = listener(policy);
    for (const std::string group : {"X25519", "P-256", "P-384"})
      EXPECT_TRUE(agrees(*server, {.version = TLS1_3_VERSION, .groups = group})) << group;
    for (const std::string group : {"P-521", "X448", "ffdhe2048"})
      EXPECT_FALSE(agrees(*server, {.version = TLS1_3_VERSION, .groups = group})) << group;
  }
}

TEST(Policy, WhatIntermediateLeavesOutIsRefused) {
  const auto rsa = listener(Policy::intermediate, MadeKey::rsa_2048);
  const auto legacy = listener(Policy::legacy, MadeKey::rsa_2048);
  for (const std::string suite : {"AES128-GCM-SHA256", "AES128-SHA", "ECDHE-RSA-AES128-SHA256"}) {
    const ClientWish old = {.version = TLS1_2_VERSION, .suites = suite};
    EXPECT_FALSE(agrees(*rsa, old)) << suite;
    EXPECT_TRUE(agrees(*legacy, old)) << suite;
  }
  for (const std::string suite : {"NULL-SHA256", "ADH-AES128-GCM-SHA256:AECDH-AES128-SHA",
                                  "DHE-RSA-AES128-GCM-SHA256", "PSK-AES128-GCM-SHA256"}) {
    EXPECT_FALSE(agrees(*legacy, {.version = TLS1_2_VERSION, .suites = suite})) << suite;
  }
}

TEST(Policy, SignaturesOfSha1AreForLegacyOnly) {
  const ClientWish old = {.version = TLS1_2_VERSION, .signatures = "ECDSA+SHA1"};
  EXPECT_FALSE(agrees(*listener(Policy::intermediate), old));
  EXPECT_TRUE(agrees(*listener(Policy::legacy), old));
}

// The client of the newer policies chooses, as it knows what its hardware is good at; old clients
// do not choose well.
TEST(Policy, TheClientChoosesTheSuiteUnlessLegacy) {
  const auto chosen = [](Policy policy) {
    SessionPair pair(listener(policy),
                     {.version = TLS1_2_VERSION,
                      .suites = "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256"});
    EXPECT_TRUE(pair.run());
    return std::string(pair.server.session.suite());
  };
  EXPECT_EQ(chosen(Policy::intermediate), "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256");
  EXPECT_EQ(chosen(Policy::legacy), "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
}

TEST(Policy, NothingIsRenegotiatedCompressedOrStored) {
  for (const Policy policy : {Policy::modern, Policy::intermediate, Policy::legacy}) {
    const ContextPointer context = made_with(policy);
    const uint64_t options = SSL_CTX_get_options(context.get());
    EXPECT_NE(options & SSL_OP_NO_RENEGOTIATION, 0U);
    EXPECT_NE(options & SSL_OP_NO_COMPRESSION, 0U);
    EXPECT_EQ(options & SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION, 0U);
    EXPECT_EQ(SSL_CTX_get_session_cache_mode(context.get()), SSL_SESS_CACHE_OFF);
    EXPECT_EQ(SSL_CTX_get_max_early_data(context.get()), 0U);
    EXPECT_NE(SSL_CTX_get_mode(context.get()) & SSL_MODE_RELEASE_BUFFERS, 0);
  }
}

TEST(Policy, NamesAreTheConfigurations) {
  EXPECT_EQ(conf::policy_name(Policy::modern), "modern");
  EXPECT_EQ(conf::policy_name(Policy::intermediate), "intermediate");
  EXPECT_EQ(conf::policy_name(Policy::legacy), "legacy");
}

}  // namespace
}  // namespace sluice::tls
