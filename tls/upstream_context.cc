// A target's options to OpenSSL's settings, and a store of sessions.
//
// The name that the certificate must be for is set on the context, so that no session can be made
// that forgets it. Versions, suites and groups are those of our own intermediate policy: what we
// do not offer to clients we do not take from upstreams.
#include "tls/upstream_context.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "tls/error_text.h"
#include "tls/policy.h"
#include "tls/session_callbacks.h"
#include "tls/upstream_state.h"

namespace sluice::tls {

namespace {

using Http2 = conf::UpstreamTarget::Http2;

// A passphrase is never asked for.
int no_passphrase(char*, int, int, void*) { return -1; }

// RFC 7301 section 6, each with its length before it.
std::string_view protocols_of(Http2 http2) noexcept {
  switch (http2) {
    case Http2::negotiated:
      return "\x02h2\x08http/1.1";
    case Http2::always:
      return "\x02h2";
    case Http2::never:
      return "\x08http/1.1";
  }
  return {};
}

// Which name an upstream is known by. A name that is looked up as SRV is for the domain behind its
// labels with underscores (RFC 2782); one with a dot at its end is the same without it.
std::string expected_name(const conf::UpstreamTarget& target) {
  std::string_view name = target.tls->name.empty() ? target.host : target.tls->name;
  while (name.starts_with('_') && name.find('.') != std::string_view::npos)
    name.remove_prefix(name.find('.') + 1);
  if (name.ends_with('.')) name.remove_suffix(1);
  return std::string(name);
}

// Making a context step by step; each says what is wrong, or nothing.
class Building {
 public:
  Building(const conf::UpstreamTarget& target, UpstreamContext::State& state)
      : target_(target), tls_(*target.tls), state_(state), context_(state.context.get()) {}

  std::string run();

 private:
  std::string set_up();
  std::string expect_name();
  std::string trust();
  std::string use_certificate();

  const conf::UpstreamTarget& target_;
  const conf::UpstreamTls& tls_;
  UpstreamContext::State& state_;
  SSL_CTX* const context_;
};

std::string Building::run() {
  using Step = std::string (Building::*)();
  for (const Step step :
       {&Building::set_up, &Building::expect_name, &Building::trust, &Building::use_certificate}) {
    if (std::string problem = (this->*step)(); !problem.empty()) return problem;
  }
  return {};
}

std::string Building::set_up() {
  const std::string_view protocols = protocols_of(target_.http2);
  state_.http2 = target_.http2;
  SSL_CTX_set_default_passwd_cb(context_, no_passphrase);
  const bool fits =
      apply_policy(conf::Tls::Policy::intermediate, *context_) &&
      SSL_CTX_set_alpn_protos(context_, reinterpret_cast<const unsigned char*>(protocols.data()),
                              static_cast<unsigned>(protocols.size())) == 0 &&
      SessionCallbacks::install_for_client(*context_, state_.sessions);
  return fits ? std::string() : "OpenSSL cannot be set up: " + take_error_text();
}

std::string Building::expect_name() {
  const std::string name = expected_name(target_);
  if (name.empty()) {
    return tls_.verify ? "no name to expect in the upstream's certificate: give it (tls.name)"
                       : std::string();
  }
  X509_VERIFY_PARAM* const parameters = SSL_CTX_get0_param(context_);
  if (X509_VERIFY_PARAM_set1_ip_asc(parameters, name.c_str()) == 1) return {};
  take_error_text();
  state_.server_name = name;
  // The subject's common name is no host name (RFC 9525 section 2).
  X509_VERIFY_PARAM_set_hostflags(
      parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  return X509_VERIFY_PARAM_set1_host(parameters, name.data(), name.size()) == 1
             ? std::string()
             : "'" + name + "' is no name that a certificate could be for";
}

std::string Building::trust() {
  SSL_CTX_set_verify(context_, tls_.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (!tls_.verify) return {};
  if (tls_.authorities.empty()) {
    SSL_CTX_set_default_verify_paths(context_);
    take_error_text();  // where there are none, nothing is trusted: that is said of the certificate
    return {};
  }
  // Whom the file names is trusted, a root or not.
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context_), X509_V_FLAG_PARTIAL_CHAIN);
  if (SSL_CTX_load_verify_file(context_, tls_.authorities.c_str()) == 1) return {};
  return tls_.authorities + ": cannot be read as authorities (" + take_error_text() +
         "): expected their certificates in PEM, that is lines from -----BEGIN CERTIFICATE----- on";
}

std::string Building::use_certificate() {
  if (tls_.certificate.empty()) return {};
  if (SSL_CTX_use_certificate_chain_file(context_, tls_.certificate.c_str()) != 1) {
    return tls_.certificate + ": cannot be read as a client certificate (" + take_error_text() +
           "): expected PEM, that is lines from -----BEGIN CERTIFICATE----- on";
  }
  const std::string& key = tls_.key.empty() ? tls_.certificate : tls_.key;
  if (SSL_CTX_use_PrivateKey_file(context_, key.c_str(), SSL_FILETYPE_PEM) == 1) return {};
  const bool differs = ERR_GET_REASON(ERR_peek_error()) == X509_R_KEY_VALUES_MISMATCH;
  const std::string text = take_error_text();
  if (differs) return key + ": this is not the key of " + tls_.certificate;
  return key + ": cannot be read as the key of " + tls_.certificate + " (" + text +
         "): expected PEM without a passphrase";
}

bool is_good(SSL_SESSION* session) noexcept {
  // What was verified once is not verified again: it must not outlive the certificate.
  const X509* const shown = SSL_SESSION_get0_peer(session);
  const bool is_valid = shown == nullptr || X509_cmp_current_time(X509_get0_notAfter(shown)) > 0;
  return is_valid && SSL_SESSION_is_resumable(session) == 1;
}

}  // namespace

void KeptSessions::keep(SslSessionPointer session) {
  SslSessionPointer oldest;  // freed when the lock is open again
  const std::lock_guard lock(mutex_);
  if (sessions_.size() == kMost) {
    oldest = std::move(sessions_.front());
    sessions_.erase(sessions_.begin());
  }
  sessions_.push_back(std::move(session));
}

SslSessionPointer KeptSessions::take() {
  const std::lock_guard lock(mutex_);
  while (!sessions_.empty()) {
    SslSessionPointer session = std::move(sessions_.back());
    sessions_.pop_back();
    if (!is_good(session.get())) continue;
    if (SSL_SESSION_get_protocol_version(session.get()) < TLS1_3_VERSION) {
      SSL_SESSION_up_ref(session.get());
      sessions_.emplace_back(session.get());
    }
    return session;
  }
  return nullptr;
}

size_t KeptSessions::size() const {
  const std::lock_guard lock(mutex_);
  return sessions_.size();
}

std::shared_ptr<const UpstreamContext> UpstreamContext::make(const conf::UpstreamTarget& target,
                                                             std::string& problem) {
  take_error_text();
  auto state = std::make_unique<State>();
  state->context.reset(SSL_CTX_new(TLS_client_method()));
  problem = state->context ? Building(target, *state).run()
                           : "OpenSSL gives no context: " + take_error_text();
  take_error_text();
  if (!problem.empty()) return nullptr;
  return std::make_shared<const UpstreamContext>(std::move(state));
}

UpstreamContext::UpstreamContext(std::unique_ptr<State> state) : state_(std::move(state)) {}
UpstreamContext::~UpstreamContext() = default;

}  // namespace sluice::tls
