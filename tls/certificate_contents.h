// What lies in a certificate's two files: the certificates, the key, and, where one of them is
// missing, what lies there instead and how to make of it what is wanted.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tls/certificate_problem.h"
#include "tls/pem.h"

struct evp_pkey_st;
struct x509_st;

namespace sluice::tls {

// Reads when it is made, adds what is wrong to `problems`, and ends with the call that made it.
class CertificateContents {
 public:
  CertificateContents(std::string_view chain_text, const std::string& chain_path,
                      std::string_view key_text, const std::string& key_path,
                      CertificateProblems& problems);

  // In the order of the file, owned by the caller from now on. At least one and at most
  // kChainLength when no error was added.
  [[nodiscard]] std::vector<x509_st*> take_chain() const;
  // Likewise; null only when an error was added.
  [[nodiscard]] evp_pkey_st* take_key() const;

 private:
  struct File {
    std::string_view text;
    const std::string& path;
    PemText pem;
  };

  [[nodiscard]] bool is_swapped() const;
  void check_chain_file() const;
  void check_key_file() const;
  bool explain_damage(const File& file) const;
  void explain_missing(const File& file, bool key_wanted) const;
  void add(CertificateFlaw flaw, const File& file, const std::string& text) const;

  CertificateProblems& problems_;
  const File chain_;
  const File key_;
};

}  // namespace sluice::tls
