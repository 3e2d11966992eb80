// One certificate, or several with different kinds of key for the same names, as OpenSSL needs
// them.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "conf/configuration.h"
#include "tls/certificate.h"
#include "tls/openssl.h"
#include "tls/ticket_keys.h"

namespace sluice::tls {

// Immutable but for its context, which is made when it is first asked for. Any thread.
class Identity {
 public:
  using Certificates = std::vector<std::shared_ptr<const Certificate>>;

  Identity(Certificates certificates, conf::Tls::Policy policy,
           std::shared_ptr<TicketKeys> tickets);

  // Null when OpenSSL cannot make one now: memory is short.
  SSL_CTX* context() const;
  // Alike where the handshake is: certificates, keys, policy.
  const std::string& key() const noexcept { return key_; }
  // Alike where the certificates come from the same files, renewed or not.
  std::string source() const;
  const std::shared_ptr<TicketKeys>& tickets() const noexcept { return tickets_; }
  const Certificates& certificates() const noexcept { return certificates_; }

 private:
  ContextPointer make_context() const;

  const Certificates certificates_;
  const conf::Tls::Policy policy_;
  const std::shared_ptr<TicketKeys> tickets_;
  const std::string key_;
  mutable std::atomic<SSL_CTX*> ready_{nullptr};  // context_, once it is made
  mutable std::mutex mutex_;
  mutable ContextPointer context_;  // guarded by mutex_
};

}  // namespace sluice::tls
