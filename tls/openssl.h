// Owners for what OpenSSL allocates, so that every way out of a function frees it. Included by
// sources of tls/ only: no type of OpenSSL shows in any other header.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>

namespace sluice::tls {

struct FreeOpenssl {
  void operator()(BIO* bio) const noexcept { BIO_free_all(bio); }
  void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
  void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
  void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
  void operator()(SSL_SESSION* session) const noexcept { SSL_SESSION_free(session); }
  void operator()(X509* certificate) const noexcept { X509_free(certificate); }
  void operator()(X509_STORE* store) const noexcept { X509_STORE_free(store); }
};

using BioPointer = std::unique_ptr<BIO, FreeOpenssl>;
using KeyPointer = std::unique_ptr<EVP_PKEY, FreeOpenssl>;
using SslPointer = std::unique_ptr<SSL, FreeOpenssl>;
using ContextPointer = std::unique_ptr<SSL_CTX, FreeOpenssl>;
using SslSessionPointer = std::unique_ptr<SSL_SESSION, FreeOpenssl>;
using X509Pointer = std::unique_ptr<X509, FreeOpenssl>;
using StorePointer = std::unique_ptr<X509_STORE, FreeOpenssl>;

}  // namespace sluice::tls
