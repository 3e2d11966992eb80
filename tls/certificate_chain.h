// The order of certificates in a file: the server's first, each next one issuing the one before
// (RFC 8446 section 4.4.2 lets clients refuse any other). Where it is wrong, the right one is found
// and told.
#pragma once

#include <string>
#include <vector>

#include "tls/certificate_problem.h"

struct evp_pkey_st;
struct x509_st;

namespace sluice::tls {

// The first thing that is wrong with the order of `chain` (at least one, at most kChainLength; read
// from the file `path`), if anything. `key` may be null: it tells which is the server's own.
void check_chain(const std::vector<x509_st*>& chain, const evp_pkey_st* key,
                 const std::string& path, CertificateProblems& problems);

// "certificate 2 of 3 ("CN=Example R1")"; `index` from 0.
[[nodiscard]] std::string describe_member(const std::vector<x509_st*>& chain, size_t index);

// Whether the last certificate of several is a root.
[[nodiscard]] bool ends_with_root(const std::vector<x509_st*>& chain);

}  // namespace sluice::tls
