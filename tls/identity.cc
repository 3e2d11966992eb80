// Making an SSL_CTX. It costs about a millisecond and some 100 KiB, so that a thousand sites make
// theirs one by one, when clients come.
#include "tls/identity.h"

#include <openssl/err.h>

#include <utility>

#include "tls/policy.h"
#include "tls/session_callbacks.h"

namespace sluice::tls {

namespace {

std::string key_of(const Identity::Certificates& certificates, conf::Tls::Policy policy) {
  std::string key(conf::policy_name(policy));
  for (const std::shared_ptr<const Certificate>& one : certificates) key += " " + one->digest();
  return key;
}

// The certificate goes in with its key and what is sent after it.
bool use_certificate(SSL_CTX& context, const Certificate& certificate) {
  STACK_OF(X509)* const chain = sk_X509_new_null();
  if (chain == nullptr) return false;
  bool fits = true;
  for (X509* const one : certificate.intermediates()) fits = fits && sk_X509_push(chain, one) > 0;
  fits = fits && SSL_CTX_use_cert_and_key(&context, certificate.leaf(), certificate.private_key(),
                                          chain, 1) == 1;
  sk_X509_free(chain);
  return fits;
}

}  // namespace

Identity::Identity(Certificates certificates, conf::Tls::Policy policy,
                   std::shared_ptr<TicketKeys> tickets)
    : certificates_(std::move(certificates)),
      policy_(policy),
      tickets_(std::move(tickets)),
      key_(key_of(certificates_, policy)) {}

std::string Identity::source() const {
  std::string source(conf::policy_name(policy_));
  for (const std::shared_ptr<const Certificate>& one : certificates_)
    source += '\n' + one->chain_path();
  return source;
}

SSL_CTX* Identity::context() const {
  if (SSL_CTX* const made = ready_.load(std::memory_order_acquire)) return made;
  const std::lock_guard lock(mutex_);
  if (!context_) context_ = make_context();
  ready_.store(context_.get(), std::memory_order_release);
  return context_.get();
}

ContextPointer Identity::make_context() const {
  ContextPointer context(SSL_CTX_new(TLS_server_method()));
  bool made = context != nullptr && apply_policy(policy_, *context);
  for (const std::shared_ptr<const Certificate>& one : certificates_)
    made = made && use_certificate(*context, *one);
  made = made && SessionCallbacks::install(*context, *tickets_);
  ERR_clear_error();
  return made ? std::move(context) : nullptr;
}

}  // namespace sluice::tls
