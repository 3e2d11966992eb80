// One exchange's place on a connection, whatever the HTTP version and the role.
//
// An HTTP/1 connection is the stream of its current exchange; an HTTP/2 connection has one object
// per stream. An Exchange talks to its peer through this and nothing else, which is why a handler
// cannot see the version.
#pragma once

#include <sys/socket.h>

#include <cstdint>

#include "protocol/body.h"
#include "protocol/message.h"

namespace sluice::tls {
class Session;
}
namespace sluice::net {
struct Peer;
}

namespace sluice::http {

// Why a stream is given up. The codec turns it into its version's sign: H1 closes or resets the
// connection, H2 sends RST_STREAM with the code of the same name (RFC 9113 section 7).
enum class ResetCode : uint8_t { cancel, internal_error, refused };

// Thread: the connection's loop.
class Stream {
 public:
  // An interim (1xx) head, sent before what follows. Requires: no final head was submitted.
  virtual void submit_interim(const ResponseHead& head) = 0;
  // The exchange's final head and source are set: pull when the transport takes more.
  virtual void submit_final() = 0;
  // A source has more, or the request's content is wanted: run the connection. Idempotent, never
  // re-enters.
  virtual void wake() = 0;
  // Gives the stream up; both sources are cancelled.
  virtual void reset(ResetCode code) = 0;
  // Null in clear text.
  virtual const tls::Session* session() const noexcept { return nullptr; }
  // Who is at the other end; null: nobody that has an address.
  virtual const net::Peer* peer() const noexcept { return nullptr; }
  // The address of ours that the peer is connected to; AF_UNSPEC when that is not known. Costs a
  // system call.
  virtual sockaddr_storage local_address() const noexcept { return {}; }
  // Content may go to the peer, and come from it, as what lies in a pipe.
  virtual bool splices() const noexcept { return false; }
  // The peer's FIN has come, whether or not all before it was read.
  virtual bool peer_closed() const noexcept { return false; }

 protected:
  ~Stream() = default;
};

}  // namespace sluice::http
