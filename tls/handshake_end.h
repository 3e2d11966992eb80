// How a server's handshake ended: what its connection tells, and what the log explains.
#pragma once

#include <cstdint>

namespace sluice::tls {

enum class HandshakeEnd : uint8_t {
  established,
  failed,      // one of both sent an alert, or what came was no TLS
  clear_text,  // HTTP came instead (Session::Status::clear_text); it is answered
  left,        // the client closed or reset the connection
  timed_out,   // Limits::handshake_timeout
};

}  // namespace sluice::tls
