// What clients refuse in a certificate whose chain is in order: looked at when it is read, so that
// the operator hears of it before the first visitor does.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tls/certificate_problem.h"

struct x509_st;

namespace sluice::tls {

// When all of it is valid: the latest beginning and the earliest end, in seconds since 1970. The
// root's are left out: clients have their own.
struct Validity {
  int64_t not_before = 0;
  int64_t not_after = 0;
};
[[nodiscard]] Validity validity_of(const std::vector<x509_st*>& chain);

// Validity, keys, signatures, usage and names of `chain`, read from the file `path`.
void check_for_clients(const std::vector<x509_st*>& chain, const std::string& path, int64_t now,
                       CertificateProblems& problems);

}  // namespace sluice::tls
