// What the TLS connections of one listener share: its policy, its certificates by name, whom it
// asks for certificates, its ticket keys.
//
// A client's name (SNI, RFC 6066 section 3) leads to an identity, that is one certificate or
// several of different kinds of key, and to what the site of that name asks of clients. Names of
// certificates match by RFC 9525: exactly, or with a wildcard for the leftmost label.
//
// What OpenSSL needs for an identity is made when the first client asks for it, and kept across
// reloads for as long as neither certificates nor policy change.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "conf/configuration.h"
#include "conf/host_table.h"
#include "tls/certificate.h"
#include "tls/ticket_keys.h"

namespace sluice::tls {

class Identity;      // certificates for the same names (tls/identity.h)
class ClientPolicy;  // whose certificates are wanted (tls/client_policy.h)

// Where a name leads. Two choices are alike when a client that has one may use it for the other's
// names as well. Owned by their context.
struct Choice {
  std::shared_ptr<const Identity> identity;
  std::shared_ptr<const ClientPolicy> clients;
  std::string session_context;  // 32 octets: tickets of another are not taken

  // Also of another context: after a reload.
  bool is_like(const Choice& other) const noexcept {
    return session_context == other.session_context;
  }
  // Whether it asks the same of clients.
  bool asks_like(const Choice& other) const noexcept;
};

// Immutable but for what is made when first used. Any thread.
class ListenerContext {
 public:
  // What a site asks of its clients, in place of the listener.
  struct SitePolicy {
    std::vector<std::string> hosts;  // as conf::Site has them
    bool is_default = false;
    conf::ClientCertificates clients;
  };
  struct Parts {
    conf::Tls tls;
    // At least one; the first of each kind of key that is the default is it.
    struct Entry {
      std::shared_ptr<const Certificate> certificate;
      bool is_default = false;
    };
    std::vector<Entry> certificates;
    std::vector<SitePolicy> sites;
    std::shared_ptr<TicketKeys> tickets;
    bool http2 = false;  // "h2" is taken before "http/1.1" (RFC 9113 section 3.2)
  };

  // `previous` (may be null): what it made for the same is kept. Null when something cannot be
  // used; `problem` says what. Reads the files of client authorities.
  [[nodiscard]] static std::shared_ptr<const ListenerContext> make(Parts&& parts,
                                                                   const ListenerContext* previous,
                                                                   std::string& problem);
  ~ListenerContext();

  // `name`: a host in lower case, without a port; empty: none. Null: refused. Allocates nothing.
  const Choice* choose(std::string_view name) const noexcept;
  // Whether every name leads to one choice, and this is it.
  bool is_only_choice(const Choice& choice) const noexcept {
    return choices_.size() == 1 && !tls_.refuse_unknown_names && choice.is_like(choices_.front());
  }
  // Whether a client that was led to `negotiated` may ask for `host` (as for choose()), or has to
  // come anew (RFC 9110 section 15.5.20). Who was led there before a reload may ask for all that it
  // was shown a certificate for, as long as no other is asked of it.
  bool takes(const Choice& negotiated, std::string_view host) const noexcept;
  // Whether a certificate is for this name, which may be "*.example.com".
  bool has_certificate_for(std::string_view name) const noexcept {
    return identity_of(name) != nullptr;
  }
  // For a client that has not said its name.
  const Choice& fallback() const noexcept { return at(fallback_identity_, fallback_clients_); }
  // The name of a certificate that comes nearest to this one, for messages; may be empty.
  std::string nearest_name(std::string_view name) const;

  conf::Tls::Policy policy() const noexcept { return tls_.policy; }
  bool offers_http2() const noexcept { return http2_; }
  bool traces_handshakes() const noexcept { return tls_.trace_handshakes; }

 private:
  class Building;

  ListenerContext() = default;
  const Choice& at(size_t identity, size_t clients) const noexcept {
    return choices_[identity * policies_ + clients];
  }
  // The number of the identity whose certificates are for this name; null when there is none.
  const uint32_t* identity_of(std::string_view name) const noexcept;
  size_t clients_of(std::string_view name) const noexcept;

  conf::Tls tls_;
  bool http2_ = false;
  std::shared_ptr<TicketKeys> tickets_;
  // Every identity with every policy for clients, identity by identity.
  std::vector<Choice> choices_;
  size_t policies_ = 1;
  // By what certificates say, "*.example.com" among it: the number of the identity.
  conf::TextMap names_;
  // By the hosts of sites, where one of them asks for something of its own: the policy's number.
  conf::HostTable hosts_;
  size_t fallback_identity_ = 0;
  size_t fallback_clients_ = 0;
};

}  // namespace sluice::tls
