// What changes in a message's head on its way through a proxy (RFC 9110 section 7.6, RFC 7239).
//
// Hop-by-hop fields, and those that Connection names, never get here: the codecs take them out.
// What this adds: Via; Forwarded, X-Forwarded-For, -Proto, -Host, -Port, X-Real-IP and
// X-Request-ID, of which the client's own are believed only from a trusted peer; the Host that the
// upstream is told; the path with its prefix taken away or replaced, and Location and Set-Cookie
// the other way round; fields that a rule sets, adds or removes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "conf/configuration.h"
#include "protocol/message.h"
#include "server/handler/proxy/derived_text.h"
#include "server/handler/proxy/field_changes.h"
#include "server/handler/proxy/forwarded_values.h"
#include "server/handler/proxy/hop_fields.h"
#include "server/handler/proxy/via_name.h"

namespace sluice::handler::proxy {

// What is known of the client beside its request. Views last for the call.
struct ClientFacts {
  std::string_view address;    // as net::Peer has it: "192.0.2.1", "2001:db8::1", "unix:"
  uint16_t port = 0;           // the client's
  uint16_t listener_port = 0;  // where the request came in; 0: a Unix socket
  bool secure = false;         // over TLS
  bool trusted = false;        // what it says of those before it is believed
  std::string_view request_id;
};

// Decided once, for a route. Immutable; any thread.
class Forwarding {
 public:
  // `action` and `via` outlive it, and the heads that it fills.
  explicit Forwarding(const conf::ProxyAction& action, const ViaName& via = ViaName::own());

  enum class Verdict : uint8_t {
    forward,
    loop,         // this very server has had the request twice (508, by its name in Via)
    not_proxied,  // the target has no path to send ("*" with a base, CONNECT): 501
    last_hop      // OPTIONS or TRACE that goes no further: ours to answer (RFC 9110 section 7.6.2)
  };
  // Fills `out` (cleared before; its lists keep their memory) with the request as it goes upstream:
  // method, target, authority, fields, has_body, content_length, expects_continue. Views in it
  // point into `in`, which stays, into the action and this, and into `out.derived`: it lies in
  // `room`, which outlives `out`, unless that is too small; one allocation then (one more for a
  // target over 8 KiB in an unusual spelling).
  [[nodiscard]] Verdict make_request(const RequestHead& in, const ClientFacts& client,
                                     std::span<char> room, RequestHead& out) const;
  // Whether a trailer field of a request goes upstream: what it says of the hops behind it, who it
  // is and what the rules touch is the head's to say (RFC 9110 section 6.5.1), whoever sent it.
  bool passes_as_trailer(const Field& field) const noexcept;
  // Changes the upstream's response for the client, in place: Via, Location, Content-Location,
  // Refresh and Set-Cookie's Path and Domain. `request` is the client's; `sent` is what
  // make_request() made of it, and `sent.protocol`, where somebody set it to "HTTP/2.0" since, the
  // version that the upstream spoke (without it 1.1). What it writes anew lies in `head.derived`,
  // one allocation at most (none when only Via is added: it is made once).
  void adapt_response(const RequestHead& request, const RequestHead& sent, bool secure,
                      ResponseHead& head) const;

 private:
  std::string_view authority_for(const RequestHead& in) const noexcept;
  void take_fields(const RequestHead& in, bool trusted, HopFacts& facts, FieldList& out) const;
  bool passes(const Field& field, bool trusted, HopFacts& facts) const;
  void add(std::string_view name, std::string_view value, FieldList& out) const;
  void add_hop_fields(const Hop& hop, const ClientFacts& client, DerivedText& text,
                      FieldList& out) const;
  void add_max_forwards(const HopFacts& facts, std::optional<uint64_t> left, DerivedText& text,
                        FieldList& out) const;
  void map_fields(const RequestHead& request, const RequestHead& sent, bool secure,
                  ResponseHead& head) const;

  const conf::ProxyAction& action_;
  const ViaName& via_;
  FieldChanges changes_;
  std::string target_authority_;  // of the target, without its scheme's default port
};

}  // namespace sluice::handler::proxy
