// Reading authorities for client certificates, and asking for what they issued.
#include "tls/client_policy.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "tls/digest.h"
#include "tls/error_text.h"

namespace sluice::tls {

namespace {

using Mode = conf::ClientCertificates::Mode;

// What is asked for goes into every handshake: a bundle of the world's authorities is a mistake.
constexpr size_t kMostAuthorities = 100;

// A passphrase is never asked for.
int no_passphrase(char*, int, int, void*) { return -1; }

}  // namespace

std::shared_ptr<const ClientPolicy> ClientPolicy::make(const conf::ClientCertificates& wanted,
                                                       std::string& problem) {
  const std::shared_ptr<ClientPolicy> made(new ClientPolicy());
  made->mode_ = wanted.mode;
  if (wanted.mode == Mode::off) return made;
  problem = made->read(wanted.authorities);
  if (problem.empty()) return made;
  problem = wanted.authorities + ": " + problem;
  if (!wanted.origin.empty()) problem = wanted.origin + ": " + problem;
  return nullptr;
}

ClientPolicy::~ClientPolicy() { sk_X509_NAME_pop_free(names_, X509_NAME_free); }

std::string ClientPolicy::read(const std::string& path) {
  take_error_text();
  const BioPointer file(BIO_new_file(path.c_str(), "rb"));
  if (!file) return "cannot be read: " + take_error_text();
  store_.reset(X509_STORE_new());
  names_ = sk_X509_NAME_new_null();
  key_ = mode_ == Mode::require ? "require" : "request";
  size_t count = 0;
  while (
      const X509Pointer authority{PEM_read_bio_X509(file.get(), nullptr, no_passphrase, nullptr)}) {
    if (++count > kMostAuthorities)
      return "more than " + std::to_string(kMostAuthorities) + " authorities";
    if (X509_check_ca(authority.get()) == 0) {
      return "certificate " + std::to_string(count) +
             " is no authority's: this file lists who issues clients' certificates, not these";
    }
    if (!add(*authority)) return "memory is short";
  }
  // The end of the file is an error, too.
  const bool ended = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  const std::string text = take_error_text();
  if (!ended) return "certificate " + std::to_string(count + 1) + " cannot be read: " + text;
  return count > 0 ? std::string()
                   : "no certificate in it: expected the authorities' in PEM, that is lines from "
                     "-----BEGIN CERTIFICATE----- on";
}

bool ClientPolicy::add(X509& authority) {
  X509_NAME* const name = X509_NAME_dup(X509_get_subject_name(&authority));
  if (name == nullptr) return false;
  if (sk_X509_NAME_push(names_, name) == 0) {
    X509_NAME_free(name);
    return false;
  }
  key_ += digest_of(authority);
  return X509_STORE_add_cert(store_.get(), &authority) == 1;
}

bool ClientPolicy::apply(SSL& ssl) const {
  if (mode_ == Mode::off) {
    SSL_set_verify(&ssl, SSL_VERIFY_NONE, nullptr);
    return true;
  }
  SSL_set_verify(&ssl,
                 SSL_VERIFY_PEER | (requires_certificate() ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                 nullptr);
  STACK_OF(X509_NAME)* const names = SSL_dup_CA_list(names_);
  if (names == nullptr) return false;
  SSL_set_client_CA_list(&ssl, names);
  return SSL_set1_verify_cert_store(&ssl, store_.get()) == 1;
}

}  // namespace sluice::tls
