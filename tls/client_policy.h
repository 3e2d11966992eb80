// Whose certificates a server takes from its clients (RFC 8446 section 4.3.2, RFC 5246
// section 7.4.4).
#pragma once

#include <memory>
#include <string>

#include "conf/configuration.h"
#include "tls/openssl.h"

namespace sluice::tls {

// Immutable; any thread.
class ClientPolicy {
 public:
  // Reads the file of authorities, unless the mode is off. Null when it cannot be used; `problem`
  // says why and what to do.
  [[nodiscard]] static std::shared_ptr<const ClientPolicy> make(
      const conf::ClientCertificates& wanted, std::string& problem);
  ~ClientPolicy();
  ClientPolicy(const ClientPolicy&) = delete;
  ClientPolicy& operator=(const ClientPolicy&) = delete;

  // Has a handshake that has only begun ask for what is wanted. False when memory is short.
  [[nodiscard]] bool apply(SSL& ssl) const;
  // Alike where the same certificates are taken: mode, and content of the file.
  const std::string& key() const noexcept { return key_; }
  // Who shows none is refused.
  bool requires_certificate() const noexcept {
    return mode_ == conf::ClientCertificates::Mode::require;
  }

 private:
  ClientPolicy() = default;
  std::string read(const std::string& path);
  [[nodiscard]] bool add(X509& authority);

  conf::ClientCertificates::Mode mode_ = conf::ClientCertificates::Mode::off;
  StorePointer store_;
  STACK_OF(X509_NAME) * names_ = nullptr;  // owned; what clients choose a certificate by
  std::string key_;
};

}  // namespace sluice::tls
