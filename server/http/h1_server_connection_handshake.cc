// What comes before the first request of a connection over TLS, and what the log is told of it.
#include <chrono>

#include "server/http/h1_server_connection.h"
#include "tls/session.h"

namespace sluice::http {

// Returns true when requests may be read.
bool H1ServerConnection::shake_hands() {
  switch (transport_->handshake()) {
    case net::Handshake::done:
      record_handshake(HandshakeEnd::established);
      set_state(State::idle);
      return true;
    case net::Handshake::clear_text:
      return answer_clear_text();
    case net::Handshake::pending:
      if (transport_->broken() && !transport_->readable()) {
        cut("client reset the connection");
      } else {
        flush();
      }
      return false;
    case net::Handshake::failed:
      break;
  }
  const bool alerted = handshaken_->failed();
  record_handshake(alerted ? HandshakeEnd::failed : HandshakeEnd::left);
  // The alert, if there is one: whether it can be sent changes nothing, and is not told again.
  if (sending()) transport_->flush(out_, context_.limits.turn_write);
  linger();
  return false;
}

// Whoever forgot the "s" of https is told, instead of seeing octets that no browser can show.
bool H1ServerConnection::answer_clear_text() {
  record_handshake(HandshakeEnd::clear_text);
  handshaken_ = nullptr;
  set_state(State::idle);
  refuse({.status = 400, .cause = "clear text on a port for TLS"},
         "400 Bad Request: this port speaks HTTPS, and the request came without TLS.\n"
         "Use an address that begins with https://\n");
  return true;
}

}  // namespace sluice::http
