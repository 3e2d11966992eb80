// The files of a certificate, read whole and at one moment: a program that renews both replaces one
// after the other.
#pragma once

#include <optional>
#include <string>

#include "tls/certificate_problem.h"

namespace sluice::tls {

// Of both files; overwritten when it ends, for there is a key in it.
struct CertificateTexts {
  CertificateTexts() = default;
  CertificateTexts(const CertificateTexts&) = delete;
  CertificateTexts& operator=(const CertificateTexts&) = delete;
  ~CertificateTexts();

  std::string chain;
  std::string key;
};

// Opens both, then reads both, which blocks for as long as the disk does. Never waits for a pipe.
// Warns of modes that let others read a key. False, with errors added, when either cannot be read.
[[nodiscard]] bool read_certificate_files(const std::string& chain_path,
                                          const std::string& key_path, CertificateTexts& texts,
                                          CertificateProblems& problems);

}  // namespace sluice::tls
