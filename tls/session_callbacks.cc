// OpenSSL's callbacks. Each finds its session in the SSL's application data.
#include "tls/session_callbacks.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "tls/client_policy.h"
#include "tls/handshake_report.h"
#include "tls/identity.h"
#include "tls/listener_context.h"
#include "tls/session.h"
#include "tls/upstream_state.h"

namespace sluice::tls {

namespace {

// RFC 7301 section 6, in ALPN's form: each with its length before it.
constexpr std::string_view kHttp11 = "\x08http/1.1";
constexpr std::string_view kHttp2 = "\x02h2";

// Whether RFC 9113 section 9.2 lets HTTP/2 run over what was agreed on: TLS 1.2 or newer, and
// of 1.2 only what its appendix A does not list, which is ephemeral keys with an AEAD.
bool suits_http2(const SSL* ssl) {
  if (SSL_version(ssl) >= TLS1_3_VERSION) return true;
  const SSL_CIPHER* const suite = SSL_get_pending_cipher(ssl);
  if (SSL_version(ssl) < TLS1_2_VERSION || suite == nullptr) return false;
  const int exchange = SSL_CIPHER_get_kx_nid(suite);
  return SSL_CIPHER_is_aead(suite) != 0 && (exchange == NID_kx_ecdhe || exchange == NID_kx_dhe);
}

// Takes one of the client's offer if it is there (RFC 7301 section 3.1).
bool take_protocol(std::string_view wanted, std::string_view offered, const unsigned char** chosen,
                   unsigned char* chosen_size) {
  unsigned char* found = nullptr;
  if (SSL_select_next_proto(&found, chosen_size,
                            reinterpret_cast<const unsigned char*>(wanted.data()),
                            static_cast<unsigned>(wanted.size()),
                            reinterpret_cast<const unsigned char*>(offered.data()),
                            static_cast<unsigned>(offered.size())) != OPENSSL_NPN_NEGOTIATED)
    return false;
  *chosen = found;
  return true;
}

// Fetching an algorithm by name takes locks and comparisons; these are for every ticket.
const EVP_CIPHER* cipher_of(const TicketKey& key) {
  static const EVP_CIPHER* const long_one = EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr);
  static const EVP_CIPHER* const short_one = EVP_CIPHER_fetch(nullptr, "AES-128-CBC", nullptr);
  return key.secret_octets == 32 ? long_one : short_one;
}

bool set_mac_key(EVP_MAC_CTX* mac, const TicketKey& key) {
  std::array<char, 7> digest = {"SHA256"};
  const std::array<OSSL_PARAM, 3> parameters = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, const_cast<uint8_t*>(key.mac.data()),
                                        key.secret_octets),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
      OSSL_PARAM_construct_end()};
  return EVP_MAC_CTX_set_params(mac, parameters.data()) == 1;
}

// OpenSSL's answers: 0 no such key, 1 done, 2 done and the client is to get a new ticket. Of an old
// key it is due for one; and in TLS 1.3 always, where a ticket used twice tells onlookers who comes
// again (RFC 8446 appendix C.4).
int open_ticket(const TicketKeys::Ring& ring, bool for_one_use, const unsigned char* name,
                const unsigned char* vector, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac) {
  const auto key = std::find_if(ring.begin(), ring.end(), [name](const TicketKey& one) {
    return std::memcmp(one.name.data(), name, one.name.size()) == 0;
  });
  if (key == ring.end()) return 0;
  if (!set_mac_key(mac, *key) ||
      EVP_DecryptInit_ex(cipher, cipher_of(*key), nullptr, key->cipher.data(), vector) != 1)
    return -1;
  return key == ring.begin() && !for_one_use ? 1 : 2;
}

int seal_ticket(const TicketKey& key, unsigned char* name, unsigned char* vector,
                EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac) {
  std::memcpy(name, key.name.data(), key.name.size());
  if (RAND_bytes(vector, 16) != 1 || !set_mac_key(mac, key) ||
      EVP_EncryptInit_ex(cipher, cipher_of(key), nullptr, key.cipher.data(), vector) != 1)
    return -1;
  return 1;
}

}  // namespace

bool SessionCallbacks::install(SSL_CTX& context, TicketKeys& tickets) {
  SSL_CTX_set_client_hello_cb(&context, on_client_hello, nullptr);
  SSL_CTX_set_tlsext_servername_callback(&context, on_server_name);
  SSL_CTX_set_alpn_select_cb(&context, on_alpn, nullptr);
  SSL_CTX_set_msg_callback(&context, on_message);
  return SSL_CTX_set_app_data(&context, &tickets) == 1 &&
         SSL_CTX_set_tlsext_ticket_key_evp_cb(&context, on_ticket) == 1 &&
         SSL_CTX_set_session_ticket_cb(&context, nullptr, on_ticket_opened, nullptr) == 1;
}

bool SessionCallbacks::install_for_client(SSL_CTX& context, KeptSessions& sessions) {
  SSL_CTX_set_msg_callback(&context, on_message);
  SSL_CTX_set_session_cache_mode(&context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(&context, on_new_session);
  return SSL_CTX_set_app_data(&context, &sessions) == 1;
}

void SessionCallbacks::attach(SSL& ssl, Session& session) {
  SSL_set_app_data(&ssl, &session);
  SSL_set_msg_callback_arg(&ssl, &session);
}

Session& SessionCallbacks::session_of(const SSL* ssl) {
  return *static_cast<Session*>(SSL_get_app_data(ssl));
}

// Before anything is negotiated: the name decides whose certificate is shown, whose tickets are
// taken, and what is asked of the client.
int SessionCallbacks::on_client_hello(SSL* ssl, int* alert, void*) {
  Session& session = session_of(ssl);
  if (!session.report_ || !session.report_->hello) {
    *alert = SSL_AD_DECODE_ERROR;
    return SSL_CLIENT_HELLO_ERROR;
  }
  const Choice* const choice = session.context_->choose(session.report_->hello->server_name);
  if (choice == nullptr) {
    session.report_->name_refused = true;
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    return SSL_CLIENT_HELLO_ERROR;
  }
  *alert = SSL_AD_INTERNAL_ERROR;
  SSL_CTX* const context = choice->identity->context();
  if (context == nullptr) return SSL_CLIENT_HELLO_ERROR;
  if (SSL_get_SSL_CTX(ssl) != context && SSL_set_SSL_CTX(ssl, context) == nullptr)
    return SSL_CLIENT_HELLO_ERROR;
  const auto* const id = reinterpret_cast<const unsigned char*>(choice->session_context.data());
  const auto id_size = static_cast<unsigned>(choice->session_context.size());
  if (SSL_set_session_id_context(ssl, id, id_size) != 1 || !choice->clients->apply(*ssl))
    return SSL_CLIENT_HELLO_ERROR;
  session.choice_ = choice;
  return SSL_CLIENT_HELLO_SUCCESS;
}

// The name was chosen by already; this has OpenSSL acknowledge it (RFC 6066 section 3) and keep it
// in the session, which is for that name only.
int SessionCallbacks::on_server_name(SSL*, int*, void*) { return SSL_TLSEXT_ERR_OK; }

// RFC 7301 section 3.2: what we do not speak is refused, so that nobody is taken for somebody else.
int SessionCallbacks::on_alpn(SSL* ssl, const unsigned char** chosen, unsigned char* chosen_size,
                              const unsigned char* offered, unsigned offered_size, void*) {
  Session& session = session_of(ssl);
  const std::string_view offer(reinterpret_cast<const char*>(offered), offered_size);
  session.speaks_http2_ = session.context_->offers_http2() && suits_http2(ssl) &&
                          take_protocol(kHttp2, offer, chosen, chosen_size);
  const bool taken = session.speaks_http2_ || take_protocol(kHttp11, offer, chosen, chosen_size);
  return taken ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

int SessionCallbacks::on_ticket(SSL* ssl, unsigned char* name, unsigned char* vector,
                                EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, int encrypts) {
  const auto* const keys =
      static_cast<const TicketKeys*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  const std::shared_ptr<const TicketKeys::Ring> ring = keys->ring();
  return encrypts != 0
             ? seal_ticket(ring->front(), name, vector, cipher, mac)
             : open_ticket(*ring, SSL_version(ssl) >= TLS1_3_VERSION, name, vector, cipher, mac);
}

// A certificate is verified in a full handshake, and a client that resumes shows none: who goes on
// resuming must not outlive its certificate.
int SessionCallbacks::on_ticket_opened(SSL*, SSL_SESSION* session, const unsigned char*, size_t,
                                       int status, void*) {
  switch (status) {
    case SSL_TICKET_EMPTY:
    case SSL_TICKET_NO_DECRYPT:
      return SSL_TICKET_RETURN_IGNORE_RENEW;
    case SSL_TICKET_SUCCESS:
    case SSL_TICKET_SUCCESS_RENEW:
      break;
    default:
      return SSL_TICKET_RETURN_IGNORE;
  }
  const X509* const shown = SSL_SESSION_get0_peer(session);
  if (shown != nullptr && X509_cmp_current_time(X509_get0_notAfter(shown)) <= 0)
    return SSL_TICKET_RETURN_IGNORE_RENEW;
  return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

// OpenSSL gives a reference away, and is told that it was taken.
int SessionCallbacks::on_new_session(SSL* ssl, SSL_SESSION* session) {
  auto* const sessions = static_cast<KeptSessions*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  sessions->keep(SslSessionPointer(session));
  return 1;
}

void SessionCallbacks::on_message(int is_written, int /*version*/, int content_type,
                                  const void* octets, size_t size, SSL*, void* session) {
  if (session == nullptr) return;
  static_cast<Session*>(session)->note_message(is_written != 0, content_type,
                                               {static_cast<const uint8_t*>(octets), size});
}

}  // namespace sluice::tls
