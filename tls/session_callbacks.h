// What OpenSSL asks its sessions during a handshake: which certificate, which protocol, which
// ticket keys; and what it tells of every message, and of every session that a client may resume.
#pragma once

#include "tls/openssl.h"
#include "tls/ticket_keys.h"

namespace sluice::tls {

class KeptSessions;
class Session;

struct SessionCallbacks {
  // Into a context that sessions are to be made of. `tickets` outlives it. False when OpenSSL
  // refuses.
  [[nodiscard]] static bool install(SSL_CTX& context, TicketKeys& tickets);
  // The same for sessions in the client's role. What an upstream lets us resume goes to `sessions`,
  // which outlives all of them.
  [[nodiscard]] static bool install_for_client(SSL_CTX& context, KeptSessions& sessions);
  // Has `session` be the one that is asked.
  static void attach(SSL& ssl, Session& session);

 private:
  static Session& session_of(const SSL* ssl);
  static int on_client_hello(SSL* ssl, int* alert, void*);
  static int on_server_name(SSL* ssl, int* alert, void*);
  static int on_alpn(SSL* ssl, const unsigned char** chosen, unsigned char* chosen_size,
                     const unsigned char* offered, unsigned offered_size, void*);
  static int on_ticket(SSL* ssl, unsigned char* name, unsigned char* vector, EVP_CIPHER_CTX* cipher,
                       EVP_MAC_CTX* mac, int encrypts);
  static int on_ticket_opened(SSL* ssl, SSL_SESSION* session, const unsigned char* name,
                              size_t name_size, int status, void*);
  static int on_new_session(SSL* ssl, SSL_SESSION* session);
  static void on_message(int is_written, int version, int content_type, const void* octets,
                         size_t size, SSL* ssl, void* session);
};

}  // namespace sluice::tls
