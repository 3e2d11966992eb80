// What comes before a connection's first request: TLS's handshake, and which version it will be.
#include <chrono>

#include "server/http/h1_server_connection.h"
#include "server/http/h2_server_connection.h"
#include "tls/session.h"

namespace sluice::http {

// Returns true when requests may be read.
bool H1ServerConnection::shake_hands() {
  switch (transport_->handshake()) {
    case net::Handshake::done:
      record_handshake(HandshakeEnd::established);
      if (handshaken_->speaks_http2()) {
        become_http2();
        return false;
      }
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

// Whether the octets that came are HTTP/2's preface, or may become it: then they are left alone, as
// the beginning of a head. No request of HTTP/1 begins like that (RFC 9113 section 3.4).
bool H1ServerConnection::begins_as_http2() {
  if (!may_be_http2_) return false;
  const std::string_view came = input_.view();
  if (came.starts_with(h2::kPreface)) {
    become_http2();
    return true;
  }
  may_be_http2_ = h2::kPreface.starts_with(came);
  if (may_be_http2_ && state_ == State::idle) set_state(State::head);
  return may_be_http2_;
}

void H1ServerConnection::become_http2() {
  const Slice came = input_.has_block() ? input_.take_look() : Slice();
  new H2ServerConnection(*this, came);  // the lists of the context own it
  retire();
}

}  // namespace sluice::http
