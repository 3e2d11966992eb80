// What changes in a message's head on its way through a proxy (RFC 9110 section 7.6, RFC 7239).
//
// Hop-by-hop fields, and those that Connection names, never get here: the codecs take them out.
// What this adds: Via; Forwarded, X-Forwarded-For, -Proto, -Host, -Port, X-Real-IP and X-Request-ID,
// of which the client's own are believed only from a trusted peer; the Host that the upstream is
// told; the path with its prefix taken away or replaced, and Location and Set-Cookie the other way
// round; fields that a rule sets, adds or removes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "conf/configuration.h"
#include "protocol/message.h"

namespace sluice::handler::proxy {

// What is known of the client beside its request. Views last for the call.
struct ClientFacts {
  std::string_view address;  // as net::Peer has it: "192.0.2.1", "2001:db8::1", "unix:"
  uint16_t port = 0;         // the client's
  uint16_t listener_port = 0;  // where the request came in; 0: a Unix socket
  bool secure = false;         // over TLS
  bool trusted = false;        // what it says of those before it is believed
  std::string_view request_id;
};

// Decided once, for a route. Immutable; any thread.
class Forwarding {
 public:
  // `action` outlives it.
  explicit Forwarding(const conf::ProxyAction& action);

  enum class Verdict : uint8_t {
    forward,
    loop,        // this very server has had the request twice (508, by its name in Via)
    not_proxied  // the target has no path to send ("*" with a base, CONNECT): 501
  };
  // Fills `out` (cleared before; its lists keep their memory) with the request as it goes upstream:
  // method, target, authority, fields, has_body, content_length, expects_continue. Views in it point
  // into `in`, which stays, into the action, and into `out.derived`: one allocation at most.
  [[nodiscard]] Verdict make_request(const RequestHead& in, const ClientFacts& client,
                                     RequestHead& out) const;
  // Changes the upstream's response for the client, in place: Via, Location, Content-Location,
  // Refresh and Set-Cookie's Path and Domain. `request` is the client's; `sent` is what
  // make_request() made of it. What it writes anew lies in `head.derived`, one allocation at most
  // (none when only Via is added: it is made once).
  void adapt_response(const RequestHead& request, const RequestHead& sent, bool secure,
                      ResponseHead& head) const;

 private:
  const conf::ProxyAction& action_;
};

}  // namespace sluice::handler::proxy
