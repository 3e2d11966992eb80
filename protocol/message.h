// The heads of a request and of a response, the same for HTTP/1 and HTTP/2 (RFC 9110 section 6).
//
// Pseudo-fields and hop-by-hop fields never get in here: a codec takes them out on the way in and
// makes its own on the way out. Views point into the memory that `storage` and `derived` pin.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/fields.h"
#include "protocol/slice.h"

namespace sluice {

enum class Method : uint8_t {
  get,
  head,
  post,
  put,
  delete_,
  connect,
  options,
  trace,
  patch,
  other
};

// Method::other for a token that means nothing to us: what we serve ourselves answers 501 (RFC 9110
// section 9.1), a proxy passes it on. Methods are case-sensitive.
Method method_of(std::string_view token) noexcept;

struct RequestHead {
  Method method = Method::other;
  std::string_view method_text;
  std::string_view target;  // as received, for the proxy and the log
  std::string_view path;    // normalised: starts with '/', or is "*" for OPTIONS *
  std::string_view query;   // without '?'
  bool has_query = false;
  std::string_view scheme;  // "http" or "https"; empty unless the absolute form gave it
  std::string_view
      authority;     // host[:port]: the absolute form's, else Host; may be empty in HTTP/1.0
  FieldList fields;  // without Connection, Keep-Alive, TE, Trailer, Transfer-Encoding, Upgrade,
                     // Expect, and what Connection names
  std::optional<uint64_t> content_length;  // as declared
  bool has_body = false;                   // content follows (its length may be unknown)
  bool expects_continue = false;           // RFC 9110 section 10.1.1
  std::string_view tunnel;                 // protocol asked for by Upgrade or :protocol, else empty
  std::string_view protocol;               // "HTTP/1.0", "HTTP/1.1", "HTTP/2.0": for the log only

  Slice storage;  // the head as received
  Slice derived;  // what normalising had to write anew
  Slice cookie;   // a Cookie that came in crumbs (RFC 9113 section 8.2.3), joined

  // Back to the state of a new one, keeping the field list's memory.
  void clear() noexcept;
};

// Field lines rendered once, when a Representation is stored, and sent with every response.
struct PreparedFields {
  FieldList fields;  // views into `h1`
  std::string h1;    // "Name: value\r\n" lines
};

struct ResponseHead {
  int status = 200;
  FieldList fields;
  // Sent after `fields` when not null; kept alive by `prepared_owner`.
  const PreparedFields* prepared = nullptr;
  Ref<Owner> prepared_owner;
  // It is an upstream's: Date and Server are not ours to say where it says them (RFC 9110 section
  // 6.6.1).
  bool relayed = false;
  Slice storage;  // what `fields` points into, where that is not static
  Slice derived;  // likewise, what was written anew on the way

  void clear() noexcept;
};

// The reason phrase of RFC 9110 section 15 ("Not Found"), "Unknown" for other codes.
std::string_view reason_phrase(int status) noexcept;

}  // namespace sluice
