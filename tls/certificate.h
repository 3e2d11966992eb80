// A server's certificate with what leads to its root, and its key: read from PEM files (RFC 7468),
// and looked at before any client does. What a client would refuse, or refuse later, is told in
// words when the files are read: which file, what was expected, what to do.
//
// Invariants of a loaded certificate:
// 1. the key is the first certificate's; each further certificate issues the one before it;
// 2. no more than kChainLength certificates, from files of no more than kCertificateFileSize
// octets;
// 3. nothing about it changes. Another time, or other files, make another object.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tls/certificate_problem.h"

struct evp_pkey_st;  // what OpenSSL calls EVP_PKEY
struct x509_st;      // likewise X509

namespace sluice::tls {

inline constexpr size_t kCertificateFileSize = size_t{256} * 1024;
inline constexpr size_t kChainLength = 10;

enum class KeyKind : uint8_t { ecdsa, rsa, ed25519 };

// Any thread; shared by all workers.
class Certificate {
 public:
  // Reads both files (absolute paths; may be one) whole, opened one right after the other: blocks
  // for as long as the disk does. `now` in seconds since 1970. Appends what is wrong to `problems`;
  // null when there is an error among it.
  //
  // For servers that have the certificate already: `expired` and `not_yet_valid` are errors like
  // the others, but everything else has been looked at then, so that where they are the only errors
  // a server may go on with what it has. `mismatch` may be gone a moment later, when a program that
  // renews both files has come to the second.
  [[nodiscard]] static std::shared_ptr<const Certificate> load(const std::string& chain_path,
                                                               const std::string& key_path,
                                                               int64_t now,
                                                               CertificateProblems& problems);
  // The same of texts that were read; the paths are for the problems only.
  [[nodiscard]] static std::shared_ptr<const Certificate> parse(
      std::string_view chain_text, const std::string& chain_path, std::string_view key_text,
      const std::string& key_path, int64_t now, CertificateProblems& problems);

  ~Certificate();
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;

  // The DNS names of subjectAltName in lower case, "*.example.com" among them; of a certificate
  // without any subjectAltName the subject's common name, if it has the form of a name.
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }
  // Its IP addresses as text ("192.0.2.1", "2001:db8::1").
  [[nodiscard]] const std::vector<std::string>& addresses() const { return addresses_; }
  [[nodiscard]] KeyKind kind() const { return kind_; }
  // When all that is sent is valid, the intermediates too: seconds since 1970, both inclusive
  // (RFC 5280 section 4.1.2.5).
  [[nodiscard]] int64_t not_before() const { return not_before_; }
  [[nodiscard]] int64_t not_after() const { return not_after_; }
  // SHA-256 over all certificates and the key's public half, in hex: alike means the same
  // handshake.
  [[nodiscard]] const std::string& digest() const { return digest_; }
  // Distinguished names as RFC 2253 writes them, other than ASCII escaped.
  [[nodiscard]] const std::string& subject() const { return subject_; }
  [[nodiscard]] const std::string& issuer() const { return issuer_; }
  // As given, for messages.
  [[nodiscard]] const std::string& chain_path() const { return chain_path_; }
  [[nodiscard]] const std::string& key_path() const { return key_path_; }

  // For tls/ only: OpenSSL's objects, owned by this, never null. SSL_CTX_use_cert_and_key() takes
  // its own references of them.
  [[nodiscard]] x509_st* leaf() const { return chain_.front(); }
  // What is sent after it, without the root (clients have it, or do not trust it).
  [[nodiscard]] const std::vector<x509_st*>& intermediates() const { return intermediates_; }
  [[nodiscard]] evp_pkey_st* private_key() const { return key_; }

 private:
  friend class CertificateLoading;
  Certificate() = default;

  std::vector<x509_st*> chain_;          // owned
  std::vector<x509_st*> intermediates_;  // of chain_
  evp_pkey_st* key_ = nullptr;           // owned
  std::vector<std::string> names_, addresses_;
  KeyKind kind_ = KeyKind::ecdsa;
  int64_t not_before_ = 0, not_after_ = 0;
  std::string digest_, subject_, issuer_, chain_path_, key_path_;
};

}  // namespace sluice::tls
