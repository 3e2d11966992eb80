// Certificates loaded from files that a test made, and what is to be said of them.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tls/certificate.h"
#include "unit/tls/made_certificates.h"

namespace sluice::tls::loading {

inline constexpr int64_t kDay = 86400;

inline int64_t now() { return std::time(nullptr); }

inline std::string texts(const CertificateProblems& problems) {
  std::string all;
  for (const CertificateProblem& one : problems)
    all += (one.is_error ? "error: " : "warning: ") + one.text + "\n";
  return all;
}

inline bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// The two files of one case, and what loading them gave.
struct Loading {
  std::string chain_path;
  std::string key_path;
  CertificateProblems problems;
  std::shared_ptr<const Certificate> certificate;

  void load(int64_t at = now()) {
    problems.clear();
    certificate = Certificate::load(chain_path, key_path, at, problems);
  }
};

inline Loading load(const CertificateFolder& folder, const std::string& chain,
                    const std::string& key) {
  Loading loading{folder.write("chain.pem", chain), folder.write("key.pem", key), {}, nullptr};
  loading.load();
  return loading;
}

inline Loading load_wish(const CertificateFolder& folder, const CertificateWish& wish) {
  const MadeChain made(wish);
  return load(folder, made.pem(), made.leaf.key_pem());
}

// Made once: a test that changes nothing about them need not make its own.
inline const MadeChain& shared_chain() {
  static const MadeChain kChain({.common_name = "www.example.com",
                                 .names = {"www.Example.com", "*.example.com"},
                                 .addresses = {"192.0.2.1", "2001:db8::1"}});
  return kChain;
}

// Exactly one problem, an error of `flaw` whose text has all of `parts`.
inline void expect_error(const Loading& loading, CertificateFlaw flaw,
                         const std::vector<std::string_view>& parts) {
  EXPECT_EQ(loading.certificate, nullptr);
  ASSERT_EQ(loading.problems.size(), 1U) << texts(loading.problems);
  const CertificateProblem& problem = loading.problems.front();
  EXPECT_EQ(problem.flaw, flaw) << problem.text;
  EXPECT_TRUE(problem.is_error) << problem.text;
  for (const std::string_view part : parts) EXPECT_TRUE(has(problem.text, part)) << problem.text;
}

inline void expect_warning(const Loading& loading, CertificateFlaw flaw, std::string_view part) {
  EXPECT_NE(loading.certificate, nullptr) << texts(loading.problems);
  ASSERT_EQ(loading.problems.size(), 1U) << texts(loading.problems);
  EXPECT_EQ(loading.problems[0].flaw, flaw) << loading.problems[0].text;
  EXPECT_FALSE(loading.problems[0].is_error) << loading.problems[0].text;
  EXPECT_TRUE(has(loading.problems[0].text, part)) << loading.problems[0].text;
}

}  // namespace sluice::tls::loading
