// Digests by OpenSSL. They cannot fail where SHA-256 is there, and without it there is no TLS.
#include "tls/digest.h"

#include <openssl/sha.h>

#include <array>
#include <cstdlib>

namespace sluice::tls {

std::string digest_of(std::string_view octets) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  unsigned size = 0;
  if (EVP_Digest(octets.data(), octets.size(), reinterpret_cast<unsigned char*>(digest.data()),
                 &size, EVP_sha256(), nullptr) != 1)
    std::abort();
  return digest;
}

std::string digest_of(const X509& certificate) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  unsigned size = 0;
  if (X509_digest(&certificate, EVP_sha256(), reinterpret_cast<unsigned char*>(digest.data()),
                  &size) != 1)
    std::abort();
  return digest;
}

}  // namespace sluice::tls
