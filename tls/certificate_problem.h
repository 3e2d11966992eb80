// What may be wrong with a certificate, its key or their files: as a value for programs, and in
// words for the person who must act.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::tls {

// The first group is about one file, the second about what lies in it, the third about what clients
// think of it.
enum class CertificateFlaw : uint8_t {
  missing,     // no such file
  unreadable,  // permissions, an I/O error
  no_file,     // a directory, a device
  empty,
  too_large,
  others_may_read,  // a key file whose mode lets others read it, or a group write it

  pkcs12,          // instead of PEM, as DER is
  der,             // a certificate or key without its PEM armour
  swapped,         // the key's file holds the chain, and the other way round
  no_certificate,  // no CERTIFICATE block: also a request, a public key, or text of no kind
  no_key,
  several_keys,
  damaged,  // a block that cannot be read
  encrypted_key,
  mismatch,  // the key is not the first certificate's: also for a moment during a renewal
  chain_order,
  unrelated,     // a certificate that issues none before it
  no_authority,  // an issuer in the chain that may not be one
  incomplete,    // a warning: the issuer's certificate seems to be left out
  duplicate,
  chain_too_long,

  expired,
  not_yet_valid,
  weak_key,
  weak_signature,
  unsuitable_key,  // a kind or curve that clients do not take (a warning: that many do not)
  authority,       // a certificate authority's certificate as the server's own
  usage,           // extendedKeyUsage, or keyUsage, without what a server needs
  no_names,        // no subjectAltName
  odd_name,        // a warning: a name in it that no client could ask for
};

struct CertificateProblem {
  CertificateFlaw flaw;
  bool is_error;     // else a warning: it is served
  std::string text;  // one sentence or more, that name the file
};

using CertificateProblems = std::vector<CertificateProblem>;

// "/a/chain.pem" as a word of a shell's command line, in quotes where it needs them.
[[nodiscard]] std::string shell_word(const std::string& path);

}  // namespace sluice::tls
